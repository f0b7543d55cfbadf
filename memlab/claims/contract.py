"""What every claim has to keep to, as checks that a third party's tests can call.

    from memlab.claims.contract import check_claim
    def test_my_claim(): check_claim(MY_CLAIM)

Each check raises AssertionError with a sentence. Nothing is trained; `check_control` measures
runs that are there. Whether a claim's rule keeps its level and its power is tried on worlds where
the truth is known (`tests/claims/worlds.py`).
"""

from __future__ import annotations

from datetime import date

from memlab.claims.claim import Claim, Measured, Size
from memlab.claims.finished_run import Evidence
from memlab.claims.needed import known_presets, needed, presets_of
from memlab.claims.verdict import LEAST_REPLICATES

WORDS = ("id", "paper", "title", "sentence", "source", "criterion", "paper_had", "refuted_by",
         "rival")  # fmt: skip


def check_claim(claim: Claim, size: Size = "laptop") -> None:
    """Words, a measure, a control that can fail, and a valid preset of this size for each run.

    Raises:
        AssertionError: with what the claim does not keep to.
        InvalidExperiment: if a preset is not valid.
    """
    for name in WORDS:
        assert getattr(claim, name), f"the claim {claim.id!r} does not say its {name}"
    assert claim.measure is not None, f"{claim.id} has no measure"
    assert claim.against is not None, (
        f"{claim.id} has no control, where it must not be supported, and no sensitivity arm"
    )
    _check_control(claim)
    assert claim.least >= LEAST_REPLICATES, (
        f"{claim.id} asks for {claim.least} replicates; no verdict comes from fewer than "
        f"{LEAST_REPLICATES}"
    )
    for change in claim.history:
        assert date.fromisoformat(change.date), f"{claim.id}: {change.date} is no date"
        assert all((change.old, change.new, change.why)), (
            f"{claim.id}: the change of {change.date} lacks the old or new criterion, or why"
        )
    needed([claim], size, range(LEAST_REPLICATES))
    known = known_presets([claim])
    missing = sorted(name for name in presets_of(claim) if f"{name}-{size}" not in known)
    assert not missing, f"{claim.id} has no preset {missing[0]}-{size}"
    for one in claim.follow_ups:
        assert {one.preset, one.after} <= set(presets_of(claim)), (
            f"{claim.id} does not name {one.preset} and {one.after}, from which it follows, among "
            "its presets"
        )


def _check_control(claim: Claim) -> None:
    control = claim.control
    if control is None:
        return
    assert not control.cannot_fail, (
        f"the control of {claim.id} could not have failed: {control.cannot_fail}"
    )
    assert claim.contrast is not None, (
        f"{claim.id} does not say on which quantity claim and control are compared"
    )


def check_control(claim: Claim, evidence: Evidence) -> None:
    """On these runs claim and control are measured and comparable, and the control is not met.

    Raises:
        AssertionError: if the control is supported (the claim tests nothing), if one of the two
            lacks its contrast, or if a sensitivity arm is judged by other margins.
    """
    assert claim.measure is not None, f"{claim.id} has no measure"
    assert claim.against is not None, f"{claim.id} has no control"
    own, other = claim.measure(evidence), claim.against.measure(evidence)
    if claim.control is None:
        _check_margins(claim, own, other)
        return
    said = other.verdict
    assert said != "supported", f"{claim.id} is supported on its control: {claim.against.about}"
    assert own.contrast is not None, f"{claim.id} measures no contrast"
    assert other.contrast is not None, f"{claim.id}: its control measures no contrast"
    sizes = len(own.contrast), len(other.contrast)
    assert sizes[0] == sizes[1], f"{claim.id}: {sizes[0]} and {sizes[1]} replicates are no pairs"


def _check_margins(claim: Claim, own: Measured, other: Measured) -> None:
    margins = {one.rule for one in own.conditions}
    for one in other.conditions:
        assert one.rule in margins, (
            f"{claim.id}: the sensitivity arm asks {one.label} for {one.rule.words}, the claim "
            "asks nothing of that kind"
        )

"""What every claim has to keep to, as checks that a third party's tests can call.

    from memlab.claims.contract import check_claim
    def test_my_claim(): check_claim(MY_CLAIM)

Each check raises AssertionError with a sentence. Nothing is trained; `check_control` measures
runs that are there.
"""

from __future__ import annotations

from memlab.claims.claim import Claim, Size
from memlab.claims.finished_run import Evidence
from memlab.claims.needed import needed, presets_of

WORDS = ("id", "paper", "title", "sentence", "source", "criterion", "paper_had", "refuted_by")


def check_claim(claim: Claim, size: Size = "laptop") -> None:
    """Words, a measure with a control, and a valid preset of this size for each run it needs.

    Raises:
        AssertionError: with what the claim does not keep to.
        InvalidExperiment: if a preset is not valid.
    """
    for name in WORDS:
        assert getattr(claim, name), f"the claim {claim.id!r} does not say its {name}"
    assert claim.measure is not None, f"{claim.id} has no measure"
    assert claim.control is not None, f"{claim.id} has no control, where it must not be supported"
    there = {one.preset for one in needed([claim], size, (0, 1, 2))}
    missing = sorted(set(presets_of(claim)) - there)
    assert not missing, f"{claim.id} has no preset {missing[0]}-{size}"


def check_control(claim: Claim, evidence: Evidence) -> None:
    """On these runs the control is measured, and not supported.

    Raises:
        AssertionError: if it is supported: the claim tests nothing.
    """
    assert claim.control is not None, f"{claim.id} has no control"
    said = claim.control.measure(evidence).verdict
    assert said != "supported", f"{claim.id} is supported on its control: {claim.control.about}"

"""A claim, its control and their contrast together: rule 5 of docs/science.md, section 0."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from memlab.claims import criteria as that
from memlab.claims.claim import (
    Change,
    Claim,
    Contrast,
    Control,
    Measured,
    Sensitivity,
)
from memlab.claims.contract import check_claim, check_control
from memlab.claims.finished_run import Evidence
from memlab.claims.judgement import judge

SPREAD = np.linspace(-0.05, 0.05, 8)
NOWHERE = Evidence({}, range(8))


def at(mean: float, contrast: float | None = None, other: float = 1.0) -> Measured:
    """A primary effect, a contrast, and a secondary condition that holds unless told otherwise."""
    found = None if contrast is None else contrast + (SPREAD[::-1] if mean else SPREAD)
    conditions = (that.above("effect", mean + SPREAD, 0.0), that.above("other", other + SPREAD, 0))
    return Measured(conditions, contrast=found)


CLAIM = Claim(
    id="X1", paper="x", title="t", sentence="s", source="s", criterion="c", paper_had="p",
    refuted_by="r", rival="something else", contrast=Contrast("effect", "above"),
    measure=lambda _: at(1.0, 1.0), control=Control("elsewhere", lambda _: at(0.0, 0.0)),
)  # fmt: skip


def said(measured: Measured, against: Measured | None, claim: Claim = CLAIM) -> tuple[str, str]:
    found = judge(claim, measured, against)
    return found.outcome, found.reason


@pytest.mark.parametrize(
    ("claim", "control", "outcome", "reason"),
    [
        (at(1, 1), at(0, 0), "supported", ""),
        (at(-1, 1), at(0, 0), "not supported", "other side"),
        (at(-1, 1), at(1, 0), "not supported", "other side"),
        (at(1, 1), at(1, 0), "inconclusive (control failed)", "meets the criterion too"),
        (at(1, -1), at(0, 0), "inconclusive (control failed)", "wrong side"),
        (at(1, 0), at(0, 0), "inconclusive", "holds 0"),
        (at(1, 1, other=-1), at(0, 0), "inconclusive", "other lies on the other side"),
        (at(1, 1, other=0), at(0, 0), "inconclusive", "other holds the border"),
        (at(0, 1), at(0, 0), "inconclusive", "effect holds the border"),
        (at(1, 1), at(0), "inconclusive", "no contrast"),
        (at(1, 1), None, "inconclusive", "not measured"),
    ],
)  # fmt: skip
def test_each_verdict_has_its_reason(claim, control, outcome, reason):
    found, why = said(claim, control)
    assert found == outcome
    assert reason in why


def test_a_control_that_could_not_fail_supports_nothing():
    control = Control("itself", lambda _: at(0.0, 0.0), cannot_fail="it is x − x")
    outcome, why = said(at(1, 1), at(0, 0), replace(CLAIM, control=control))
    assert outcome == "inconclusive"
    assert "x − x" in why
    assert said(at(1, 1), None, replace(CLAIM, control=None))[1] == "it has no control"


def test_claim_and_control_are_paired_by_replicate():
    shared = 10 * np.arange(8.0)
    one = Measured(at(1).conditions, contrast=shared + 1 + SPREAD)
    other = Measured(at(0).conditions, contrast=shared)
    assert said(one, other)[0] == "supported"
    gap = Measured(at(0).conditions, contrast=np.where(np.arange(8) == 3, np.nan, shared))
    assert said(one, gap)[0] == "inconclusive"


def test_a_two_sided_claim_asks_its_contrast_on_the_side_of_its_effect():
    claim = replace(CLAIM, contrast=Contrast("effect", "either"))

    def two_sided(mean: float) -> Measured:
        condition = that.above("effect", mean + SPREAD, 0.0)
        rule = replace(condition.rule, direction="differs", margin=0.1)
        return Measured((replace(condition, rule=rule),), contrast=mean + SPREAD[::-1])

    none = Measured(at(0.0).conditions, contrast=0.0 * SPREAD)
    assert said(two_sided(-1), none, claim)[0] == "supported"
    assert said(two_sided(1), none, claim)[0] == "supported"
    more = Measured(at(0.0).conditions, contrast=2.0 + SPREAD)
    assert said(two_sided(1), more, claim)[0] == "inconclusive (control failed)"


def test_a_claim_may_ask_for_more_replicates_than_a_board_has():
    outcome, why = said(at(1, 1), at(0, 0), replace(CLAIM, least=20))
    assert outcome == "inconclusive"
    assert "20 replicates are needed; effect has 8" in why
    assert said(at(-1, 1), at(0, 0), replace(CLAIM, least=20))[0] == "inconclusive"


@pytest.mark.parametrize(
    ("arm", "outcome"),
    [(0.5, "supported"), (0.1, "inconclusive"), (0.0, "inconclusive (control failed)")],
)
def test_an_equality_is_only_as_good_as_what_it_tells_apart(arm: float, outcome: str):
    def equal(off: float) -> Measured:
        return Measured((that.equal("accuracy", off + SPREAD, 0 * SPREAD, 0.1),))

    claim = replace(
        CLAIM,
        control=None,
        contrast=None,
        measure=lambda _: equal(0.0),
        sensitivity=Sensitivity("other rates", lambda _: equal(arm)),
    )
    assert said(equal(0.0), equal(arm), claim)[0] == outcome
    check_claim(claim)
    check_control(claim, NOWHERE)
    other = Measured((that.equal("accuracy", 0.5 + SPREAD, 0 * SPREAD, 0.2),))
    wide = replace(claim, sensitivity=Sensitivity("other rates", lambda _: other))
    with pytest.raises(AssertionError, match="asks nothing of that kind"):
        check_control(wide, NOWHERE)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rival": ""}, "does not say its rival"),
        ({"control": None}, "has no control"),
        ({"contrast": None}, "on which quantity"),
        ({"least": 5}, "no verdict comes from fewer"),
        ({"control": Control("x", lambda _: at(0), cannot_fail="x − x")}, "could not have failed"),
        ({"history": (Change("2026-11-27", "a", "b", ""),)}, "lacks the old or new"),
    ],
)
def test_a_claim_that_breaks_a_rule_is_told_which(change: dict[str, object], words: str):
    check_claim(CLAIM)
    with pytest.raises(AssertionError, match=words):
        check_claim(replace(CLAIM, **change))  # type: ignore[arg-type]


def test_a_control_has_to_be_measured_as_the_claim_is():
    check_control(CLAIM, NOWHERE)
    met = replace(CLAIM, control=Control("elsewhere", lambda _: at(1.0, 0.0)))
    with pytest.raises(AssertionError, match="supported on its control"):
        check_control(met, NOWHERE)
    without = replace(CLAIM, control=Control("elsewhere", lambda _: at(0.0)))
    with pytest.raises(AssertionError, match="control measures no contrast"):
        check_control(without, NOWHERE)

"""The verdict on a claim: its conditions, its control and the contrast between them, together.

Rules 1, 5 and 8 of docs/science.md, section 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

from memlab.claims.claim import Claim, Condition, Measured
from memlab.claims.intervals import paired_t
from memlab.claims.verdict import Rule, decide

Outcome = Literal[
    "supported", "not supported", "inconclusive (control failed)", "inconclusive"
]  # in the order of the board
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
CONTROL_FAILED: Final = "inconclusive (control failed)"


@dataclass(frozen=True, eq=False)
class Judgement:
    """What is said of a claim; `reason` in words unless it is supported.

    `contrast` is claim − control with its interval, where both were measured.
    """

    outcome: Outcome
    reason: str = ""
    contrast: Condition | None = None


def judge(claim: Claim, measured: Measured, against: Measured | None) -> Judgement:
    """By rule 5: supported needs every condition and the control; not supported the primary one.

    Args:
        against: what the control or the sensitivity arm gave; None where it was not measured.
    """
    few = _too_few(claim, measured)
    difference = _difference(claim, measured, against)
    if not few and measured.primary.verdict == "not supported":
        return Judgement("not supported", "the primary interval lies on the other side", difference)
    if claim.sensitivity is not None and claim.control is None:
        failed, open_ = _of_sensitivity(claim, against)
    else:
        failed, open_ = _of_control(claim, against, difference)
    if failed and not few:
        return Judgement(CONTROL_FAILED, failed, difference)
    reason = few or _of_conditions(measured) or open_
    return Judgement("inconclusive" if reason else "supported", reason, difference)


def difference_rule(claim: Claim, measured: Measured) -> Rule:
    """On which side of 0 claim − control has to lie."""
    assert claim.contrast is not None
    if claim.contrast.direction != "either":
        return Rule(claim.contrast.direction, 0.0)
    primary = measured.primary
    above = primary.effect.mean >= primary.rule.threshold
    return Rule("above" if above else "below", 0.0)


def _difference(claim: Claim, measured: Measured, against: Measured | None) -> Condition | None:
    if claim.control is None or claim.contrast is None or against is None:
        return None
    one, other = measured.contrast, against.contrast
    if one is None or other is None:
        return None
    label = f"{claim.contrast.label}, claim − control"
    rule = difference_rule(claim, measured)
    values = np.asarray(one, np.float64) - np.asarray(other, np.float64)
    return Condition(label, paired_t(one, other), rule, values)


def _too_few(claim: Claim, measured: Measured) -> str:
    n = min(one.effect.n for one in measured.conditions)
    if n >= claim.least:
        return ""
    short = min(measured.conditions, key=lambda one: one.effect.n)
    return f"{claim.least} replicates are needed; {short.label} has {n}"


def _of_conditions(measured: Measured) -> str:
    """Why the conditions do not carry it; the primary one is not refuted here."""
    for one in measured.conditions:
        if one.verdict == "not supported":
            return f"{one.label} lies on the other side"
    for one in measured.conditions:
        if one.verdict != "supported":
            return f"the interval of {one.label} holds the border"
    return ""


def _of_control(
    claim: Claim, against: Measured | None, difference: Condition | None
) -> tuple[str, str]:
    """Why the control fails, and why it is open; both empty where it passes."""
    control = claim.control
    if control is None:
        return "", "it has no control"
    if against is None:
        return "", "its control was not measured"
    if against.verdict == "supported":
        return f"the control, {control.about}, meets the criterion too", ""
    if control.cannot_fail:
        return "", f"its control could not have failed: {control.cannot_fail}"
    if difference is None:
        return "", "no contrast of claim and control was measured"
    said = decide(difference.effect, difference.rule, claim.least)
    if said == "not supported":
        return f"{difference.label} lies on the wrong side", ""
    if said == "inconclusive":
        return "", f"the interval of {difference.label} holds 0"
    return "", ""


def _of_sensitivity(claim: Claim, against: Measured | None) -> tuple[str, str]:
    arm = claim.sensitivity
    assert arm is not None
    if against is None:
        return "", "its sensitivity arm was not measured"
    said = [decide(one.effect, one.rule, claim.least) for one in against.conditions]
    if "supported" in said:
        return f"what is known to differ, {arm.about}, counts as equal too", ""
    if set(said) != {"not supported"}:
        return "", f"what is known to differ, {arm.about}, is not told apart"
    return "", ""

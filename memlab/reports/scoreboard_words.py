"""A scoreboard in sentences: a claim's explanation, its power, and the first lines of the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from memlab.claims.claim import Condition
from memlab.claims.judgement import OUTCOMES
from memlab.claims.power import detectable
from memlab.numbers import bracketed
from memlab.reports.naming import listed
from memlab.reports.scoreboard import NOT_RUN, Arm, CheckEntry, Entry, Scoreboard
from memlab.reports.scoreboard_chance import chance

#: Verdict → how the first lines speak of so many claims.
COUNTED: Final = {
    "supported": ("holds", "hold"),
    "not supported": ("fails", "fail"),
    "inconclusive (control failed)": ("is met by its control too", "are met by their control too"),
    "inconclusive": ("is open", "are open"),
    NOT_RUN: ("is not run", "are not run"),
}
#: What a board says of what it cannot see from inside.
FROM_INSIDE: Final = (
    "A part of the variance that is common to all replicates cannot be seen from inside: intervals "
    "speak of this pool of examples, of which each replicate draws its own."
)


def first_lines(board: Scoreboard) -> tuple[str, ...]:
    """For a reader in a hurry: how many hold, what chance would make, what held and what not."""
    by_outcome = {
        name: [e for e in board.entries if e.shown == name] for name in (*OUTCOMES, NOT_RUN)
    }
    counts = [
        f"{len(found)} {COUNTED[name][len(found) > 1]}"
        for name, found in by_outcome.items()
        if found
    ]
    odds = chance(board)
    said = [f"Of {len(board.entries)} claims {listed(counts)}."]
    if odds.claims:
        said.append(
            f"By chance at most {odds.false_supported:.1f} of {odds.claims} would hold if none "
            f"were true, and at most {odds.false_verdicts:.1f} be decided wrongly either way, "
            "each at 95 %."
        )
    for name, words in (
        ("supported", f"What the papers got right at {board.size} size"),
        ("not supported", "What did not come out here"),
        ("inconclusive (control failed)", "What came out, but for another reason too"),
        ("inconclusive", "What cannot be said yet"),
    ):
        if by_outcome[name]:
            said.append(f"{words}: {_titles(by_outcome[name])}.")
    return tuple(said)


def span(replicates: Sequence[int]) -> str:
    """`200 to 207`, or all of them where they do not follow each other.

    >>> span((200, 201, 202)), span((7, 9))
    ('200 to 202', '7, 9')
    """
    first, last = min(replicates, default=0), max(replicates, default=0)
    if len(replicates) > 2 and list(replicates) == list(range(first, last + 1)):
        return f"{first} to {last}"
    return ", ".join(map(str, replicates))


def _titles(entries: Sequence[Entry]) -> str:
    return "; ".join(f"{e.claim.title} ({e.claim.id})" for e in entries)


def error_rate(board: Scoreboard) -> tuple[str, ...]:
    """The board's own error rate, which claims share runs, and what it cannot see."""
    odds = chance(board)
    if not odds.claims:
        return ()
    shared = "; ".join(f"{preset}: {', '.join(ids)}" for preset, ids in odds.shared.items())
    said = [
        f"{odds.claims} claims with {odds.conditions} conditions. With every effect at the border "
        f"of what is claimed, {odds.false_verdicts:.1f} false verdicts are expected at most, "
        f"{odds.false_supported:.1f} of them “supported”; the column after Holm keeps the chance "
        "of a single one over all primary conditions at 5 %."
    ]
    if shared:
        said.append(f"Claims on the same runs err together. {shared}.")
    return (*said, FROM_INSIDE)


def check_words(one: CheckEntry) -> str:
    """`holds: Theorem 1 (Zhang 2017; beside Z6). 1,000 labels were …`, or why it was not run."""
    told = one.checked.told if one.checked is not None else one.reason
    return f"{one.shown}: {one.check.title} ({one.check.source}; beside {one.check.beside}). {told}"


def explanation(entry: Entry, replicates: Sequence[int]) -> tuple[str, ...]:
    """A sentence each: asked, done, came out, the paper had, what would change it."""
    claim = entry.claim
    done = claim.done or (f"{'; '.join(entry.own.settings)}." if entry.own.settings else "")
    said = [f"Asked: {claim.sentence}"]
    if done:
        said.append(f"Done here: {done} Replicates {span(replicates)}.")
    said.append(f"Came out: {_outcome(entry)}")
    if claim.rival:
        said.append(f"The rival explanation: {claim.rival.rstrip('.')}.{_against(entry)}")
    said.append(f"The paper had {claim.paper_had}.")
    reading = f" Our reading: {claim.reading}." if claim.reading and _open(entry) else ""
    said.append(f"It would be refuted by {claim.refuted_by}.{_more(entry)}{reading}")
    return tuple(said)


def _open(entry: Entry) -> bool:
    return entry.verdict is not None and entry.verdict != "supported"


def _outcome(entry: Entry) -> str:
    if entry.measured is None:
        return f"not run: {entry.reason.rstrip('.')}."
    one = entry.measured.deciding
    count = len(entry.measured.conditions)
    of = f" (one of {count} conditions)" if count > 1 else ""
    because = f", because {entry.reason}" if entry.reason else ""
    words = f"{entry.shown}{because}; {one.label} {bracketed(one.effect)}, asked {one.rule.words}"
    return " ".join((f"{words}{of}.", *entry.measured.remarks))


def _against(entry: Entry) -> str:
    """How the control, or the sensitivity arm, came out."""
    arm = entry.control
    if arm is None:
        return ""
    kind = "Sensitivity" if arm.kind == "sensitivity" else "Control"
    return f" {kind}, {arm.about}: {arm_words(arm)}{difference(entry)}."


def arm_words(arm: Arm) -> str:
    """`not supported; margin 0.1 [0.0, 0.2]`, or why there is none."""
    head = arm.headline
    if head is None:
        return f"not run, {arm.reason.rstrip('.')}"
    return f"{arm.shown}; {head.label} {bracketed(head.effect)}"


def condition_words(one: Condition) -> str:
    """`supported: AUC 0.9 [0.8, 1.0], asked > 0.7 (t, n = 8)`, with the ranks of a trend."""
    told = (
        f"{one.verdict}: {one.label}: {bracketed(one.effect)}, asked {one.rule.words} "
        f"({one.effect.method}, n = {one.effect.n})"
    )
    if one.effect.censored:
        told += f"; of {one.effect.censored} replicates only a lower bound is known"
    return f"{told}; {one.trend.words}" if one.trend is not None else told


def difference(entry: Entry) -> str:
    """`; AUC, claim − control 0.2 [0.1, 0.3], asked > 0`; empty where it was not measured."""
    found = entry.judgement.contrast if entry.judgement is not None else None
    if found is None:
        return ""
    return f"; {found.label} {bracketed(found.effect)}, asked {found.rule.words}"


def _more(entry: Entry) -> str:
    if entry.measured is None or entry.verdict != "inconclusive":
        return ""
    if entry.measured.verdict == "supported":
        return ""
    n = entry.measured.deciding.to_decide
    if n is None:
        return " More replicates of this spread would hardly decide it."
    return f" {n} replicates of this spread would decide it at 80 % power."


def power_words(entry: Entry) -> str:
    """What the primary condition could have shown, and what was promised; empty where unknown."""
    if entry.measured is None:
        return ""
    one = entry.measured.primary
    if math.isnan(one.smallest_effect):
        return ""
    said = f"{one.effect.n} replicates show {_size(one)} at 80 % power"
    if entry.claim.least_effect is not None:
        said += f"; fixed before the run: {entry.claim.least_effect:.3g}"
    n = one.to_decide
    return f"{said}; {n} would decide what came out." if n is not None else f"{said}."


def _size(one: Condition) -> str:
    if one.effect.of:
        return f"a distance of {one.smallest_effect:.3g} from the bound"
    deviations = detectable(one.effect.n)
    if one.rule.direction == "within":
        return f"equality to a margin of {one.smallest_effect:.3g}, with this spread"
    if one.effect.logarithmic:
        return f"a factor of {one.smallest_effect:.3g} ({deviations:.2f} standard deviations)"
    return f"a distance of {one.smallest_effect:.3g} ({deviations:.2f} standard deviations)"


def history_words(entry: Entry) -> tuple[str, ...]:
    """Each change of the criterion after board data had been seen."""
    return tuple(
        f"{one.date}: “{one.old}” became “{one.new}”, because {one.why.rstrip('.')}."
        for one in entry.claim.history
    )

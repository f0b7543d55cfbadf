"""Lookup table or learner? The page that ten claims of two papers make together.

Where the network is more than a smoothed lookup table, where such a table is as good, and what it
stores as a table would: from the verdicts, with the effect and the figure of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from memlab.claims import lookup
from memlab.claims.claim import Panel
from memlab.estimate import Estimate, over_seeds
from memlab.numbers import bracketed
from memlab.reports.naming import listed
from memlab.reports.scoreboard import NOT_RUN, Entry

PAPER: Final = lookup.PAPER
COMPARISON: Final = "L1"
Side = Literal["more", "alike", "stored", "not stored", "open", "not run"]
#: What a supported claim says, and one that is not: of the network against a smoothed lookup table.
MORE: Final = {
    "L1": (
        "among lies it answers unseen examples better",
        "among lies the best of the others answers unseen examples as well",
    ),
    "L2": (
        "its hidden layers are read better than random features",
        "random features are read as well as its hidden layers",
    ),
    "L3": (
        "it tells lies from truths better than their neighbours do",
        "neighbours tell lies from truths as well",
    ),
    "L5": (
        "it finds the features of a truth that is not local",
        "a truth that is not local is known to kernels or tables as well",
    ),
    "L6": (
        "it finds the rule of a table long after it knows the table by heart",
        "it does not get from the table to its rule",
    ),
}
#: The same of what it stores, as a table would.
STORED: Final = {
    "L4": ("lies are forgotten more often than truths", "lies are forgotten no more than truths"),
    "L7": (
        "lies cost it most where it is just wide enough to hold them",
        "lies cost it no more where it is just wide enough to hold them",
    ),
    "M1": (
        "some true examples are known only to networks that saw them",
        "hardly any true example is known only to networks that saw it",
    ),
    "M2": (
        "without those it answers unseen examples worse",
        "without those it answers unseen examples as well",
    ),
    "M4": (
        "a lie is known only to networks that saw it",
        "a lie is known to networks that never saw it",
    ),
}
#: In the order of the page.
CLAIMS: Final = ("L1", "L2", "L3", "L4", "L5", "L6", "L7", "M1", "M2", "M4")
#: Side → what stands in the table for it.
TOLD: Final[dict[Side, str]] = {
    "more": "more than a table",
    "alike": "a smoothed table is as good",
    "stored": "stored, as a table does",
    "not stored": "not stored",
    "open": "open",
    "not run": NOT_RUN,
}
#: Names of the comparison's marks in plain words.
WORDS: Final = {
    "1-nn": "1-nn, the lookup table",
    "k-nn": "k-nn, several neighbours",
    "rbf-interpolating": "kernel, fits every label",
    "rbf": "kernel, regularized",
    "laplace-interpolating": "Laplace kernel, fits every label",
    "laplace": "Laplace kernel, regularized",
    "random-forest": "random forest",
    "ridge": "linear model",
    "logistic": "linear model, logistic",
    "minimum-norm": "linear model, fits what it can",
    "random-features": "random features",
}


@dataclass(frozen=True)
class Learner:
    """One of those compared, with its test accuracy."""

    name: str
    accuracy: Estimate


@dataclass(frozen=True)
class Case:
    """A claim on the question: which side it speaks for, in words, with its effect."""

    entry: Entry
    side: Side
    words: str

    @property
    def effect(self) -> str:
        """The deciding effect with its interval; empty where it is not run."""
        head = self.entry.headline
        return "" if head is None else f"{head.label} {bracketed(head.effect)}"


def cases(entries: Sequence[Entry]) -> list[Case]:
    """Of the claims that are there, in the order of `CLAIMS`."""
    known = {entry.claim.id: entry for entry in entries}
    return [_case(known[name]) for name in CLAIMS if name in known]


def _case(entry: Entry) -> Case:
    more = entry.claim.id in MORE
    holds, fails = (MORE if more else STORED)[entry.claim.id]
    if entry.verdict == "supported":
        return Case(entry, "more" if more else "stored", holds)
    if entry.verdict == "not supported":
        return Case(entry, "alike" if more else "not stored", fails)
    if entry.verdict is None:
        return Case(entry, "not run", f"whether {holds}")
    why = ", which its control does too" if entry.verdict != "inconclusive" else ""
    return Case(entry, "open", f"whether {holds}{why}")


def answer(entries: Sequence[Entry]) -> str:
    """The answer in a few plain sentences, from the verdicts alone."""
    found = cases(entries)
    if not any(case.entry.measured is not None for case in found):
        return f"Not answered yet: none of {listed(list(CLAIMS))} is run."
    more, alike = _named(found, "more"), _named(found, "alike")
    if more and alike:
        said = [
            f"Both: more than a smoothed lookup table, for {more}.",
            f"Yet such a table is as good elsewhere: {alike}.",
        ]
    elif more:
        said = [f"A learner, not a lookup table: {more}."]
    elif alike:
        said = [f"Not shown to be more than a smoothed lookup table: {alike}."]
    else:
        said = ["Undecided with these replicates."]
    if stored := _named(found, "stored"):
        said.append(f"What it stores: {stored}.")
    if gone := _named(found, "not stored"):
        said.append(f"What it does not store: {gone}.")
    for side, words in (("open", "Open"), ("not run", "Not run")):
        if left := [case.entry.claim.id for case in found if case.side == side]:
            said.append(f"{words}: {listed(left)}.")
    return " ".join(said)


def brief(entries: Sequence[Entry]) -> str:
    """The same by the claims' ids alone."""
    found = cases(entries)
    sides = {side: [c.entry.claim.id for c in found if c.side == side] for side in TOLD}
    said = [f"{TOLD[side]}: {listed(ids)}" for side, ids in sides.items() if ids]
    if not said or set(sides["not run"]) == {case.entry.claim.id for case in found}:
        return answer(entries)
    whole = "; ".join(said)
    return f"{whole[0].upper()}{whole[1:]}."


def _named(found: Sequence[Case], side: Side) -> str:
    return listed([f"{case.words} ({case.entry.claim.id})" for case in found if case.side == side])


def figure(entries: Sequence[Entry], claim_id: str) -> Panel | None:
    """The figure of one of the claims; None where there is none."""
    if claim_id == COMPARISON:
        return comparison(entries)
    found = next((entry for entry in entries if entry.claim.id == claim_id), None)
    if found is None or found.measured is None or not found.measured.panels:
        return None
    return found.measured.panels[0]


def comparison(entries: Sequence[Entry]) -> Panel | None:
    """The network and the others as a panel of named marks; None where it is not run."""
    found = next((entry for entry in entries if entry.claim.id == COMPARISON), None)
    if found is None or found.measured is None or not found.measured.panels:
        return None
    panel = found.measured.panels[0]
    if not panel.ticks or not panel.lines:
        return None
    return replace(panel, ticks=tuple(WORDS.get(name, name) for name in panel.ticks))


def learners(entries: Sequence[Entry]) -> list[Learner]:
    """Everybody compared with the mean and 95 % interval of its test accuracy; empty if not run."""
    panel = comparison(entries)
    if panel is None:
        return []
    values = np.atleast_2d(panel.lines[0].y)
    return [Learner(name, over_seeds(values[:, index])) for index, name in enumerate(panel.ticks)]

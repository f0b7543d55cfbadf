"""Lookup table or learner? The page that the claims of the last section make together.

One sentence from their verdicts, and the network beside what is no network on the same lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from memlab.claims import lookup
from memlab.claims.claim import Panel
from memlab.claims.judgement import OUTCOMES
from memlab.estimate import Estimate, over_seeds
from memlab.numbers import bracketed
from memlab.reports.naming import listed
from memlab.reports.scoreboard import NOT_RUN, Entry

PAPER: Final = lookup.PAPER
COMPARISON: Final = "L1"
#: What each further claim adds to a yes, where it is supported.
ADDS: Final = {
    "L2": "its hidden layers separate the true classes",
    "L3": "it can tell the lies from the truth better than their neighbours can",
    "L4": "it forgets the lies more often than the truth",
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


def answer(entries: Sequence[Entry]) -> str:
    """One plain sentence, from the verdicts alone."""
    by_id = {entry.claim.id: entry for entry in entries if entry.claim.paper == PAPER}
    first = by_id.get(COMPARISON)
    if first is None or first.measured is None:
        return f"Not answered yet: {COMPARISON}, the network beside the lookup table, is not run."
    said = {
        "supported": "A learner, not a lookup table: among lies, a network stopped early answers "
        "better than any smoothing of the stored examples",
        "not supported": "Not shown to be more than a lookup table: "
        f"{_came_out(first)} ({COMPARISON} is not supported)",
        "inconclusive": f"Undecided with these replicates: {_came_out(first)} "
        f"({COMPARISON} is inconclusive)",
        "inconclusive (control failed)": f"Not shown: {first.reason} ({COMPARISON})",
    }[first.shown]
    return f"{said}{_added(by_id, first)}."


def _came_out(entry: Entry) -> str:
    assert entry.measured is not None
    one = entry.measured.deciding
    return f"{one.label} is {bracketed(one.effect)} where {one.rule.words} was asked"


def _added(by_id: dict[str, Entry], first: Entry) -> str:
    known = {key: by_id[key] for key in ADDS if key in by_id}
    held = [f"{ADDS[key]} ({key})" for key, e in known.items() if e.verdict == "supported"]
    linked = listed(held)
    if linked:
        linked = f", {linked}" if first.verdict == "supported" else f"; yet {linked}"
    for name in (*OUTCOMES[1:], NOT_RUN):
        rest = [key for key, entry in known.items() if entry.shown == name]
        if rest:
            linked += f"; {listed(rest)} {'is' if len(rest) == 1 else 'are'} {name}"
    return linked


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

"""The scoreboard: every claim with its verdict, effect, controls and explanation.

`build` measures what finished runs allow; what is missing stands there as not run, with the reason.
What is rendered of it is `scoreboard_page`, in blocks; as plain data it is `document`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from memlab.claims.claim import Claim, Condition, Measure, Measured, Size
from memlab.claims.finished_run import Evidence, FinishedRun
from memlab.claims.needed import presets_of
from memlab.claims.verdict import LEAST_SEEDS, Name
from memlab.errors import MemlabError
from memlab.numbers import bracketed
from memlab.runs.run_folder import RunFolder

NOT_RUN: Final = "not run"


@dataclass(frozen=True, eq=False)
class Entry:
    """One line of the scoreboard, of a claim or of its control.

    `seconds` is the training time of its runs, which others may share, and of the measuring.
    """

    claim: Claim
    measured: Measured | None
    reason: str
    seconds: float
    runs: tuple[str, ...]
    settings: tuple[str, ...] = ()

    @property
    def verdict(self) -> Name | None:
        """None where it was not run."""
        return self.measured.verdict if self.measured is not None else None

    @property
    def shown(self) -> str:
        """The verdict, or that there is none."""
        return self.verdict or NOT_RUN

    @property
    def headline(self) -> Condition | None:
        """The condition whose effect is shown: the claim's first, or the first that fails it."""
        return self.measured.deciding if self.measured is not None else None


@dataclass(frozen=True, eq=False)
class Scoreboard:
    """All entries; controls in the order of their claims; `facts` of the machine and versions."""

    size: Size
    seeds: tuple[int, ...]
    entries: tuple[Entry, ...]
    controls: tuple[Entry, ...]
    seconds: float
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def broken(self) -> tuple[str, ...]:
        """Claims that are supported on their control: they test nothing."""
        return tuple(e.claim.id for e in self.controls if e.verdict == "supported")


def build(
    claims: Sequence[Claim],
    size: Size,
    seeds: Sequence[int],
    folders: Mapping[str, RunFolder],
    *,
    problems: Mapping[str, str] | None = None,
    facts: Mapping[str, str] | None = None,
) -> Scoreboard:
    """Measures every claim and control whose runs are there.

    Args:
        folders: finished runs by preset without the size.
        problems: why a run is not there, by preset.
    """
    started = time.perf_counter()
    told = dict(problems or {})
    runs: dict[str, FinishedRun] = {}
    for preset, folder in folders.items():
        try:
            runs[preset] = FinishedRun(folder)
        except MemlabError as error:
            told[preset] = str(error)
    evidence = Evidence(runs, tuple(seeds))
    both = [measured(claim, evidence, size, told) for claim in claims]
    entries = [entry for entry, _ in both]
    controls = [control for _, control in both if control is not None]
    used = {preset for claim in claims for preset in presets_of(claim)}
    training = sum(run.seconds() for preset, run in runs.items() if preset in used)
    return Scoreboard(
        size,
        tuple(seeds),
        tuple(entries),
        tuple(controls),
        training + time.perf_counter() - started,
        dict(facts or {}),
    )


def measured(
    claim: Claim, evidence: Evidence, size: Size, problems: Mapping[str, str]
) -> tuple[Entry, Entry | None]:
    """The claim and its control, if it has one, on the finished runs that are there.

    Args:
        problems: why a run is not there, by preset.
    """
    entry = _entry(claim, claim.measure, claim.presets, evidence, size, problems)
    own = claim.control
    if own is None:
        return entry, None
    return entry, _entry(claim, own.measure, own.presets, evidence, size, problems)


def _entry(
    claim: Claim,
    measure: Measure | None,
    presets: Sequence[str],
    evidence: Evidence,
    size: Size,
    problems: Mapping[str, str],
) -> Entry:
    if measure is None:
        return Entry(claim, None, f"needs {claim.needs}", 0.0, ())
    missing = [preset for preset in presets if preset not in evidence.runs]
    if missing:
        reason = problems.get(missing[0]) or f"there is no finished run of {missing[0]}-{size}"
        return Entry(claim, None, reason, 0.0, ())
    started = time.perf_counter()
    runs = [evidence.runs[preset] for preset in presets]
    ids = tuple(run.id for run in runs)
    training = sum(run.seconds() for run in runs)
    try:
        measured = measure(evidence)
    except MemlabError as error:
        return Entry(claim, None, f"measuring failed: {error}", training, ids)
    except Exception as error:  # a grid that the claim does not fit, or a third party's mistake
        reason = f"measuring failed: {type(error).__name__}: {error}"
        return Entry(claim, None, reason, training, ids)
    seconds = training + time.perf_counter() - started
    return Entry(claim, measured, "", seconds, ids, tuple(_setting(run) for run in runs))


def _setting(run: FinishedRun) -> str:
    """`digits 1,000, mlp, 30 networks, 100 epochs`."""
    e = run.experiment
    examples, _ = run.facts()
    size = f"{examples:,}" if e.dataset.train or "dataset.train" not in e.axes else ""
    networks = len(run.cells) * len(run.seeds)
    parts = (f"{e.dataset.name} {size}".strip(), e.model.name, f"{networks} networks")
    return ", ".join((*parts, f"up to {e.stop.epochs:g} epochs"))


def explanation(entry: Entry, seeds: Sequence[int]) -> tuple[str, ...]:
    """Four or five sentences: asked, done, came out, the paper had, what would change it."""
    claim = entry.claim
    done = claim.done or (f"{'; '.join(entry.settings)}." if entry.settings else "")
    said = [f"Asked: {claim.sentence}"]
    if done:
        count = f" Seeds {', '.join(map(str, seeds))}." if len(seeds) <= 10 else ""
        said.append(f"Done here: {done}{count}")
    said.append(f"Came out: {_outcome(entry)}")
    said.append(f"The paper had {claim.paper_had}.")
    reading = f" Our reading: {claim.reading}." if claim.reading and _failed(entry) else ""
    said.append(f"It would be refuted by {claim.refuted_by}.{_more_seeds(entry)}{reading}")
    return tuple(said)


def _failed(entry: Entry) -> bool:
    return entry.verdict in ("not supported", "inconclusive")


def _outcome(entry: Entry) -> str:
    if entry.measured is None:
        return f"not run: {entry.reason.rstrip('.')}."
    one = entry.measured.deciding
    count = len(entry.measured.conditions)
    of = f" (one of {count} conditions)" if count > 1 else ""
    words = f"{entry.shown}; {one.label} {bracketed(one.effect)}, asked {one.rule.words}{of}."
    return " ".join((words, *entry.measured.remarks))


def _more_seeds(entry: Entry) -> str:
    if entry.measured is None or entry.verdict != "inconclusive":
        return ""
    n = entry.measured.seeds_to_decide
    if n is None:
        return " More seeds of this spread would hardly decide it."
    return f" {n} seeds of this spread would decide it."


def document(board: Scoreboard) -> dict[str, Any]:
    """The scoreboard as plain data: `claims` and `controls` of the same form."""
    return {
        "size": board.size,
        "seeds": list(board.seeds),
        "least_seeds": LEAST_SEEDS,
        "seconds": round(board.seconds, 1),
        "facts": dict(board.facts),
        "claims": [_plain(entry, board.seeds) for entry in board.entries],
        "controls": [_plain(entry, board.seeds, control=True) for entry in board.controls],
        "broken": list(board.broken),
    }


def _plain(entry: Entry, seeds: Sequence[int], control: bool = False) -> dict[str, Any]:
    claim, head, measured = entry.claim, entry.headline, entry.measured
    told: dict[str, Any] = {
        "id": claim.id,
        "paper": claim.paper,
        "title": claim.title,
        "verdict": entry.shown,
        "effect": head.effect.document() if head is not None else None,
        "effect_is": head.label if head is not None else None,
        "threshold": head.rule.threshold if head is not None else None,
        "seconds": round(entry.seconds, 1),
        "runs": list(entry.runs),
        "rule": head.rule.words if head is not None else None,
        "reason": entry.reason,
        "seeds_to_decide": measured.seeds_to_decide if measured is not None else None,
        "conditions": [
            {
                "label": one.label,
                "verdict": one.verdict.verdict,
                "effect": one.effect.document(),
                "threshold": one.rule.threshold,
                "rule": one.rule.words,
                "interval": one.effect.method,
            }
            for one in (measured.conditions if measured is not None else ())
        ],
    }
    if control:
        assert claim.control is not None
        return told | {"about": claim.control.about}
    return told | {
        "sentence": claim.sentence,
        "source": claim.source,
        "criterion": claim.criterion,
        "explanation": list(explanation(entry, seeds)),
    }

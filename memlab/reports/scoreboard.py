"""The scoreboard: every claim with its verdict, its control and what they were measured on.

`build` measures what finished runs allow; what is missing stands there as not run, with the reason.
Its words are `scoreboard_words`, how many verdicts chance would make `scoreboard_chance`; what is
rendered of it is `scoreboard_page`, in blocks; as plain data it is `scoreboard_document`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from memlab.claims.claim import Check, Checked, Claim, Condition, Measure, Measured, Size
from memlab.claims.finished_run import Evidence, FinishedRun
from memlab.claims.judgement import Judgement, Outcome, judge
from memlab.claims.needed import presets_of
from memlab.claims.verdict import Name
from memlab.errors import MemlabError
from memlab.runs.run_folder import RunFolder

NOT_RUN: Final = "not run"
Kind = Literal["claim", "control", "sensitivity", "calibration"]


@dataclass(frozen=True, eq=False)
class Arm:
    """One measurement of a criterion: the claim's own, its control's, a calibration's.

    `seconds` is the training time of its runs, which others may share, and of the measuring.
    """

    kind: Kind
    about: str
    measured: Measured | None
    reason: str
    seconds: float
    runs: tuple[str, ...]
    settings: tuple[str, ...] = ()

    @property
    def verdict(self) -> Name | None:
        """Of its conditions alone; None where it was not measured."""
        return self.measured.verdict if self.measured is not None else None

    @property
    def shown(self) -> str:
        """The verdict, or that there is none."""
        return self.verdict or NOT_RUN

    @property
    def headline(self) -> Condition | None:
        """The primary condition, or where that holds the first that does not."""
        return self.measured.deciding if self.measured is not None else None


@dataclass(frozen=True, eq=False)
class Entry:
    """One line of the scoreboard: a claim, what was measured, and what is said of it."""

    claim: Claim
    own: Arm
    control: Arm | None
    calibrations: tuple[Arm, ...] = ()
    judgement: Judgement | None = None

    @property
    def measured(self) -> Measured | None:
        """Conditions and figures of the claim; None where it was not run."""
        return self.own.measured

    @property
    def verdict(self) -> Outcome | None:
        """None where it was not run."""
        return self.judgement.outcome if self.judgement is not None else None

    @property
    def shown(self) -> str:
        """The verdict, or that there is none."""
        return self.verdict or NOT_RUN

    @property
    def reason(self) -> str:
        """Why it was not run, or why it is not supported."""
        return self.judgement.reason if self.judgement is not None else self.own.reason

    @property
    def headline(self) -> Condition | None:
        """The condition whose effect is shown: the primary, or the first that does not hold."""
        return self.own.headline

    @property
    def seconds(self) -> float:
        """Of training and measuring, its control's too; runs may be shared."""
        return self.own.seconds

    @property
    def runs(self) -> tuple[str, ...]:
        """Ids of all runs that it was measured on."""
        arms = (self.own, *([self.control] if self.control else []), *self.calibrations)
        return tuple(dict.fromkeys(run for arm in arms for run in arm.runs))


@dataclass(frozen=True, eq=False)
class CheckEntry:
    """A theorem or arithmetic, with how it came out; None where it was not run."""

    check: Check
    checked: Checked | None
    reason: str = ""

    @property
    def shown(self) -> str:
        """`holds`, `does not hold` or `not run`."""
        if self.checked is None:
            return NOT_RUN
        return "holds" if self.checked.holds else "does not hold"


@dataclass(frozen=True, eq=False)
class Scoreboard:
    """All entries; `facts` of the machine and versions."""

    size: Size
    replicates: tuple[int, ...]
    entries: tuple[Entry, ...]
    checks: tuple[CheckEntry, ...]
    seconds: float
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def controls(self) -> tuple[tuple[Claim, Arm], ...]:
        """Each claim's control or sensitivity arm."""
        return tuple((e.claim, e.control) for e in self.entries if e.control is not None)


def build(
    claims: Sequence[Claim],
    size: Size,
    replicates: Sequence[int],
    folders: Mapping[str, RunFolder],
    *,
    checks: Sequence[Check] = (),
    problems: Mapping[str, str] | None = None,
    facts: Mapping[str, str] | None = None,
) -> Scoreboard:
    """Measures every claim, control and check whose runs are there.

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
    evidence = Evidence(runs, tuple(replicates))
    entries = tuple(measured(claim, evidence, size, told) for claim in claims)
    used = {preset for claim in claims for preset in presets_of(claim)}
    training = sum(run.seconds() for preset, run in runs.items() if preset in used)
    return Scoreboard(
        size,
        tuple(replicates),
        entries,
        tuple(checked(check, evidence, size, told) for check in checks),
        training + time.perf_counter() - started,
        dict(facts or {}),
    )


def measured(claim: Claim, evidence: Evidence, size: Size, problems: Mapping[str, str]) -> Entry:
    """The claim with its control and calibrations, on the finished runs that are there.

    Args:
        problems: why a run is not there, by preset.
    """
    own_evidence = evidence.of(claim)

    def arm(kind: Kind, about: str, measure: Measure | None, presets: Sequence[str]) -> Arm:
        if measure is None:
            return Arm(kind, about, None, f"needs {claim.needs}", 0.0, ())
        return _arm(kind, about, measure, presets, own_evidence, size, problems)

    own = arm("claim", claim.title, claim.measure, claim.presets)
    against, control = claim.against, None
    if against is not None:
        kind: Kind = "control" if claim.control is not None else "sensitivity"
        control = arm(kind, against.about, against.measure, against.presets)
    shown = tuple(arm("calibration", c.about, c.measure, c.presets) for c in claim.calibrations)
    judgement = None
    if own.measured is not None:
        judgement = judge(claim, own.measured, control.measured if control is not None else None)
    return Entry(claim, own, control, shown, judgement)


def checked(
    check: Check, evidence: Evidence, size: Size, problems: Mapping[str, str]
) -> CheckEntry:
    """The check, on the finished runs that are there."""
    missing = _missing(check.presets, evidence, size, problems)
    if missing:
        return CheckEntry(check, None, missing)
    try:
        return CheckEntry(check, check.measure(evidence))
    except MemlabError as error:
        return CheckEntry(check, None, f"measuring failed: {error}")


def _missing(
    presets: Sequence[str], evidence: Evidence, size: Size, problems: Mapping[str, str]
) -> str:
    missing = [preset for preset in presets if preset not in evidence.runs]
    if not missing:
        return ""
    return problems.get(missing[0]) or f"there is no finished run of {missing[0]}-{size}"


def _arm(
    kind: Kind,
    about: str,
    measure: Measure,
    presets: Sequence[str],
    evidence: Evidence,
    size: Size,
    problems: Mapping[str, str],
) -> Arm:
    missing = _missing(presets, evidence, size, problems)
    if missing:
        return Arm(kind, about, None, missing, 0.0, ())
    started = time.perf_counter()
    runs = [evidence.runs[preset] for preset in presets]
    ids = tuple(run.id for run in runs)
    training = sum(run.seconds() for run in runs)
    try:
        found = measure(evidence)
    except MemlabError as error:
        return Arm(kind, about, None, f"measuring failed: {error}", training, ids)
    except Exception as error:  # a grid that the claim does not fit, or a third party's mistake
        reason = f"measuring failed: {type(error).__name__}: {error}"
        return Arm(kind, about, None, reason, training, ids)
    seconds = training + time.perf_counter() - started
    return Arm(kind, about, found, "", seconds, ids, tuple(_setting(run) for run in runs))


def _setting(run: FinishedRun) -> str:
    """`digits 1,000, mlp, 30 networks, up to 100 epochs`."""
    e = run.experiment
    examples, _ = run.facts()
    size = f"{examples:,}" if e.dataset.train or "dataset.train" not in e.axes else ""
    networks = sum(len(cell.members) for cell in run.cells)
    parts = (f"{e.dataset.name} {size}".strip(), e.model.name, f"{networks} networks")
    return ", ".join((*parts, f"up to {e.stop.epochs:g} epochs"))

"""What the Report screen shows below the figures, from suspects to baselines. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from memlab.experiment.spec import Experiment
from memlab.reports.blocks import Block, Table
from memlab.reports.findings import Findings
from memlab.reports.memorization_section import memorization_section
from memlab.reports.side_table import (
    baseline_tables,
    cost,
    headlines,
    instrument_tables,
)
from memlab.reports.suspects_section import suspects_section

NO_INSTRUMENTS = (
    "No instruments were on: set `instruments` to `default` in Compose, or run with "
    "`--set instruments.on=default`."
)
NO_BASELINES = (
    "No baselines were fitted: set `baselines` to `all` in Compose, or run with "
    "`--set baselines.on=all`."
)
FITTED_LATER = "They are fitted after the training."
WAITS = "waits for the first measurement"


@dataclass(frozen=True)
class Fold:
    """One instrument: what its closed line says, and the table that unfolds."""

    name: str
    title: str
    note: str
    table: Table


@dataclass(frozen=True)
class Sections:
    """Blocks on `suspects` and `memorization`; `headlines` of all instruments side by side;
    `hint…` says how to switch on what was off."""

    suspects: tuple[Block, ...] = ()
    memorization: tuple[Block, ...] = ()
    headlines: Table | None = None
    cost: str = ""
    folds: tuple[Fold, ...] = ()
    baselines: tuple[Table, ...] = ()
    baselines_failed: tuple[str, ...] = ()
    instruments_hint: str = ""
    baselines_hint: str = ""


def sections(findings: Findings, experiment: Experiment) -> Sections:
    """The sections of a run's report."""
    tables = instrument_tables(findings)
    folds = tuple(
        Fold(name, found.title or name, _note(table, found.failed), table)
        for (name, found), table in zip(findings.instruments.items(), tables, strict=True)
    )
    first = headlines(findings)
    unled = experiment.recorded is not None  # nothing can be switched on for it
    waits = WAITS if experiment.instruments.names else NO_INSTRUMENTS
    later = FITTED_LATER if experiment.baselines.names else NO_BASELINES
    return Sections(
        suspects=tuple(suspects_section(findings)),
        memorization=tuple(memorization_section(findings)),
        headlines=first,
        cost=cost(findings),
        folds=folds,
        baselines=tuple(baseline_tables(findings)),
        baselines_failed=tuple(
            f"{name}: {found.failed}" for name, found in findings.baselines.items() if found.failed
        ),
        instruments_hint="" if first or folds or unled else waits,
        baselines_hint="" if findings.baselines or unled else later,
    )


def _note(table: Table, failed: str | None) -> str:
    """What a closed fold says beside the title."""
    if failed:
        return f"✗ switched off: {failed}"
    more = len(table.columns)
    return WAITS if not more else "1 quantity" if more == 1 else f"{more} quantities"

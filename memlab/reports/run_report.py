"""A run's report as blocks: every section of it, once for all renderers."""

from __future__ import annotations

from collections.abc import Iterator

from memlab.reports import figures
from memlab.reports.blocks import (
    PAGES,
    Block,
    Bullets,
    Code,
    Facts,
    Figure,
    Fold,
    Heading,
    Paragraph,
)
from memlab.reports.claim_lines import claim_folds
from memlab.reports.facts import experiment_toml, made_with, setting, standing
from memlab.reports.findings import Findings, clock_of, is_recorded
from memlab.reports.memorization_section import memorization_section
from memlab.reports.side_table import cost, side_tables
from memlab.reports.suspects_section import suspects_section
from memlab.reports.table import figures as table_of_figures
from memlab.reports.table import notes
from memlab.runs.run import Run, opened
from memlab.runs.run_folder import RunFolder

POINTS = 200


def blocks(findings: Findings, run: RunFolder | Run | None = None) -> list[Block]:
    """The whole report; with curves where the run folder is given."""
    return [
        *_opening(findings),
        *suspects_section(findings),
        *_drawn(findings, run),
        *memorization_section(findings),
        *_figures(findings),
        *_claims(findings),
        *_instruments(findings),
        *_experiment(findings),
    ]


def _opening(findings: Findings) -> Iterator[Block]:
    yield Heading(findings.title or findings.run, 1)
    yield Paragraph(setting(findings), "soft")
    if findings.question:
        yield Paragraph(findings.question, "question")
    if warning := standing(findings):
        yield Paragraph(warning, "warning")
    for index, sentence in enumerate(findings.sentences):
        yield Paragraph(sentence, "" if index else "verdict")


def _drawn(findings: Findings, run: RunFolder | Run | None) -> Iterator[Block]:
    seeds = len(findings.seeds)
    one = "One network." if is_recorded(findings) else "One seed."
    bars = f"Mean over {seeds} seeds with its 95 % t interval." if seeds > 1 else one
    noisy = any(row.train_accuracy_corrupted is not None for row in findings.rows)
    yield Figure(
        "What memorizing cost" if noisy else "Gap and cost",
        lambda: figures.ladder(findings),
        f"{bars} Gap: train − test accuracy at the end. Cost: best − final test accuracy.",
        narrow=True,
        on=PAGES,
    )
    tested = "".join(row.label for row in findings.rows if row.test_accuracy is not None)
    if run is not None:
        yield Figure(
            "How it was learned",
            lambda: figures.curves(findings, curves_of(findings, run)),
            bars
            + (
                tested and f" ▼ marks the mean best test accuracy at its mean {clock_of(findings)}."
            ),
            on=PAGES,
        )


def curves_of(findings: Findings, run: RunFolder | Run) -> figures.Curves:
    """The curves of the rows' members, diverged ones left out.

    Raises:
        RunFolderError: if the run cannot be read.
    """
    view, seeds = opened(run).view, len(findings.seeds)
    groups = [
        [m for m in range(i * seeds, (i + 1) * seeds) if m not in view.diverged]
        for i in range(len(findings.rows))
    ]
    metrics = [*(metric for metric, _, _ in figures.PANELS), *figures.INSTEAD.values()]
    return figures.Curves(
        {metric: [view.curve(metric, group, POINTS) for group in groups] for metric in metrics}
    )


def _figures(findings: Findings) -> Iterator[Block]:
    table = table_of_figures(findings)
    if table.columns:
        yield Heading("The figures", on=PAGES)
        yield table
        yield Bullets(tuple(notes(findings)))


def _claims(findings: Findings) -> Iterator[Block]:
    if findings.claims:
        yield Heading("Claims", on=PAGES)
        yield from claim_folds(findings)


def _instruments(findings: Findings) -> Iterator[Block]:
    tables = side_tables(findings)
    if tables:
        yield Heading("Baselines and instruments", on=PAGES)
    if said := cost(findings):
        yield Paragraph(said)
    yield from tables


def _experiment(findings: Findings) -> Iterator[Block]:
    yield Heading("The run" if is_recorded(findings) else "The experiment", on=PAGES)
    yield from (Paragraph(f"damaged: {problem}", "warning") for problem in findings.problems)
    yield Facts((("run", findings.run), *made_with(findings)))
    toml = Code(experiment_toml(findings), "toml")
    if is_recorded(findings):
        yield Fold("What the recorder was told (TOML)", (toml,), opened=True, on=PAGES)
        return
    yield Paragraph("To run it again:", "soft")
    yield Code(findings.reproduce, "sh")
    yield Fold("The complete experiment (TOML)", (toml,), opened=True, on=PAGES)

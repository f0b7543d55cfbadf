"""The tables of instruments and baselines in a report, for every renderer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memlab.reports.digits import aligned, plus_minus
from memlab.reports.findings import Findings, InstrumentFindings, Quantity

BESIDE = {
    "test_accuracy": "accuracy on data not seen",
    "train_accuracy_corrupted": "lies fitted",
    "recovered_true_labels": "lies seen through",
}
EARLY = {
    "test_accuracy": "early_stopped_test_accuracy",
    "recovered_true_labels": "early_stopped_recovered",
}


@dataclass(frozen=True)
class SideTable:
    """Scalars per axis value: `cells` `[rows][columns]` as text, of one width per column."""

    title: str
    about: str
    heads: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]

    def blocks(self, width: int, gap: int) -> list[tuple[int, int]]:
        """First and last (exclusive) column of as few tables as fit into `width` characters."""
        found: list[tuple[int, int]] = []
        start, used = 0, 0
        for column, head in enumerate(self.heads):
            needs = max(len(head), *(len(row[column]) for row in self.cells)) + gap
            if used and used + needs > width:
                found.append((start, column))
                start, used = column, 0
            used += needs
        return [*found, (start, len(self.heads))] if self.heads else []


def side_tables(findings: Findings) -> list[SideTable]:
    """Baselines beside the network, then one table per instrument, without rows where it failed."""
    made = [_beside(findings, name, title) for name, title in BESIDE.items()] * bool(
        findings.baselines
    )
    return made + [_table(name, found) for name, found in findings.instruments.items()]


def _beside(findings: Findings, name: str, title: str) -> SideTable:
    """The network at the end and stopped early, then each baseline."""
    early = EARLY.get(name)
    columns = {"network, end": [row.quantity(name) for row in findings.rows]}
    if early is not None:
        columns["network, early"] = [row.quantity(early) for row in findings.rows]
    for baseline, found in findings.baselines.items():
        columns[baseline] = [_scalar(row, name) for row in found.rows]
    columns = {head: values for head, values in columns.items() if any(values)}
    texts = [aligned([plus_minus(value, 3) for value in values]) for values in columns.values()]
    cells = tuple(zip(*texts, strict=True)) if texts else ()
    failed = [f"{n}: {found.failed}" for n, found in findings.baselines.items() if found.failed]
    about = " ".join(["On the same corrupted data.", *failed])
    return SideTable(f"network and baselines: {title}", about, tuple(columns), cells)


def _table(name: str, found: InstrumentFindings) -> SideTable:
    there = [n for n in found.quantities if any(_scalar(row, n) for row in found.rows)]
    columns = [aligned([plus_minus(_scalar(row, n), 3) for row in found.rows]) for n in there]
    heads = tuple(_head(n, found.quantities[n].unit) for n in there)
    cells = tuple(zip(*columns, strict=True)) if columns else ()
    about = found.about
    if found.failed:
        about += f" (switched off: {found.failed})"
    if found.share is not None:
        about += f" ({100 * found.share:.1f} % of the training time)"
    return SideTable(found.title or name, about, heads, cells)


def _head(name: str, unit: str) -> str:
    words = name.replace("_", " ")
    return f"{words} [{unit}]" if unit else words


def _scalar(row: Mapping[str, Any], name: str) -> Quantity | None:
    value = row.get(name)
    if not isinstance(value, Mapping) or not isinstance(value.get("mean"), int | float):
        return None
    ci95 = value.get("ci95")
    interval = (float(ci95[0]), float(ci95[1])) if ci95 else None
    return Quantity(mean=float(value["mean"]), ci95=interval, n=int(value["n"]))

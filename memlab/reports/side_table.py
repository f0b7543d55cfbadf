"""The tables of instruments and baselines in a report, for every renderer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memlab.experiment.instruments import headline_name
from memlab.reports.digits import IMPOSSIBLE, UNKNOWN, aligned, plus_minus
from memlab.reports.findings import BaselineFindings, Findings, InstrumentFindings, Quantity
from memlab.strict_json import number, whole

BESIDE = {
    "test_accuracy": "accuracy on data not seen",
    "train_accuracy_clean": "truth fitted",
    "train_accuracy_corrupted": "lies fitted",
    "recovered_true_labels": "lies seen through",
    "generalization_gap": "gap between train and test",
}
EARLY = {
    "test_accuracy": "early_stopped_test_accuracy",
    "recovered_true_labels": "early_stopped_recovered",
}
DECIMALS = 3  # of what is near 1; of columns of smaller values more, up to MOST_DECIMALS
MOST_DECIMALS = 7


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


def side_tables(findings: Findings, zero: bool = True) -> list[SideTable]:
    """Baselines beside the network, then one table per instrument."""
    return baseline_tables(findings, zero) + instrument_tables(findings, zero)


def baseline_tables(findings: Findings, zero: bool = True) -> list[SideTable]:
    """The network at the end and stopped early, then each baseline: a table per quantity.

    None without baselines; a quantity that nobody has, such as lies without noise, is left out.
    `zero` writes the zero before the point.
    """
    if not findings.baselines:
        return []
    made = [_beside(findings, name, title, zero) for name, title in BESIDE.items()]
    return [table for table in made if table.heads]


def instrument_tables(findings: Findings, zero: bool = True) -> list[SideTable]:
    """All scalars of one instrument each, its headline first, in the instruments' order."""
    return [_table(findings, name, found, zero) for name, found in findings.instruments.items()]


def headlines(findings: Findings, zero: bool = True) -> SideTable | None:
    """The headline of each instrument that has measured one, side by side; None without any."""
    columns: dict[str, Sequence[str]] = {}
    for name, found in findings.instruments.items():
        if found.headline in found.quantities and any(_scalars(found, found.headline)):
            words = headline_name(name, found.headline)
            head = _head(words, found.quantities[found.headline].unit)
            columns[head] = _cells(findings, found, found.headline, zero)
    if not columns:
        return None
    cells = tuple(zip(*columns.values(), strict=True))
    return SideTable("instruments", "What each says first.", tuple(columns), cells)


def cost(findings: Findings) -> str:
    """What the instruments took together, the dearest first; empty where no run says."""
    shares = {
        name: found.share for name, found in findings.instruments.items() if found.share is not None
    }
    if not shares:
        return ""
    dearest = sorted(shares, key=lambda name: -shares[name])
    each = ", ".join(f"{name.replace('-', ' ')} {_percent(shares[name])}" for name in dearest)
    return f"The instruments took {_percent(sum(shares.values()))} of the training time: {each}."


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _beside(findings: Findings, name: str, title: str, zero: bool) -> SideTable:
    """The network at the end and stopped early, then each baseline."""
    early = EARLY.get(name)
    columns = {"network, end": [row.quantity(name) for row in findings.rows]}
    if early is not None:
        columns["network, early"] = [row.quantity(early) for row in findings.rows]
    absent = {head: [_absent(findings, row.epoch) for row in findings.rows] for head in columns}
    for baseline, found in findings.baselines.items():
        columns[baseline] = [_scalar(row, name) for row in found.rows]
        absent[baseline] = [_absent(findings, _reached(found, row)) for row in found.rows]
    columns = {head: values for head, values in columns.items() if any(values)}
    texts = [_texts(values, absent[head], zero) for head, values in columns.items()]
    cells = tuple(zip(*texts, strict=True)) if texts else ()
    failed = [f"{n}: {found.failed}" for n, found in findings.baselines.items() if found.failed]
    about = " ".join(["On the same corrupted data.", *failed])
    return SideTable(f"network and baselines: {title}", about, tuple(columns), cells)


def _table(findings: Findings, name: str, found: InstrumentFindings, zero: bool) -> SideTable:
    there = [n for n in found.quantities if any(_scalars(found, n))]
    there.sort(key=lambda name: name != found.headline)
    columns = [_cells(findings, found, n, zero) for n in there]
    heads = tuple(_head(n.replace("_", " "), found.quantities[n].unit) for n in there)
    cells = tuple(zip(*columns, strict=True)) if columns else ()
    about = found.about
    if found.failed:
        about += f" (switched off: {found.failed})"
    if found.share is not None:
        about += f" ({_percent(found.share)} of the training time)"
    return SideTable(found.title or name, about, heads, cells)


def _cells(findings: Findings, found: InstrumentFindings, name: str, zero: bool) -> list[str]:
    absent = [_absent(findings, row.get("epoch")) for row in found.rows]
    return _texts(_scalars(found, name), absent, zero)


def _texts(values: Sequence[Quantity | None], absent: Sequence[str], zero: bool) -> list[str]:
    """A column: two digits at least of its largest value, points below each other."""
    largest = max((abs(value.mean) for value in values if value is not None), default=0.0)
    needed = 1 - math.floor(math.log10(largest)) if 0 < largest < math.inf else 0
    most = min(MOST_DECIMALS, max(DECIMALS, needed))
    return aligned(
        [
            plus_minus(value, most, zero) if value is not None else nothing
            for value, nothing in zip(values, absent, strict=True)
        ]
    )


def _absent(findings: Findings, measured: object) -> str:
    """What stands where there is no value: not yet known, or it does not exist."""
    return UNKNOWN if not findings.complete and measured is None else IMPOSSIBLE


def _reached(found: BaselineFindings, row: Mapping[str, Any]) -> object:
    """Anything that a baseline reached in a row; None before it was fitted."""
    return found.failed or next((row[name] for name in BESIDE if row.get(name)), None)


def _head(words: str, unit: str) -> str:
    return f"{words} [{unit}]" if unit else words


def _scalars(found: InstrumentFindings, name: str) -> list[Quantity | None]:
    return [_scalar(row, name) for row in found.rows]


def _scalar(row: Mapping[str, Any], name: str) -> Quantity | None:
    value = row.get(name)
    if not isinstance(value, Mapping):
        return None
    mean, n, ends = number(value.get("mean")), whole(value.get("n"), 1), value.get("ci95")
    if mean is None or n is None:
        return None
    interval = [number(end) for end in ends] if isinstance(ends, list | tuple) else []
    match interval:
        case [float(low), float(high)]:
            return Quantity(mean=mean, ci95=(low, high), n=n)
    return Quantity(mean=mean, ci95=None, n=n)

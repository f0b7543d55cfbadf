"""The tables of instruments and baselines in a report, for every renderer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from memlab.estimate import Estimate
from memlab.experiment.instruments import headline_name
from memlab.experiment.metrics import (
    METRICS,
    RECOVERED_TRUE_LABELS,
    TEST_ACCURACY,
    TRAIN_ACCURACY_CLEAN,
    TRAIN_ACCURACY_CORRUPTED,
)
from memlab.numbers import IMPOSSIBLE, UNKNOWN, percent
from memlab.reports.blocks import Column, Table
from memlab.reports.findings import BaselineFindings, Findings, InstrumentFindings
from memlab.reports.naming import cells, column_title
from memlab.strict_json import number, whole

BESIDE = {
    TEST_ACCURACY: "accuracy on data not seen",
    TRAIN_ACCURACY_CLEAN: METRICS[TRAIN_ACCURACY_CLEAN].short,
    TRAIN_ACCURACY_CORRUPTED: METRICS[TRAIN_ACCURACY_CORRUPTED].short,
    RECOVERED_TRUE_LABELS: f"lies {METRICS[RECOVERED_TRUE_LABELS].short}",
    "generalization_gap": "gap between train and test",
}
EARLY = {
    TEST_ACCURACY: "early_stopped_test_accuracy",
    RECOVERED_TRUE_LABELS: "early_stopped_recovered",
}
DECIMALS = 3  # of what is near 1; of columns of smaller values more, up to MOST_DECIMALS
MOST_DECIMALS = 7


def side_tables(findings: Findings) -> list[Table]:
    """Baselines beside the network, then one table per instrument."""
    return baseline_tables(findings) + instrument_tables(findings)


def baseline_tables(findings: Findings) -> list[Table]:
    """The network at the end and stopped early, then each baseline: a table per quantity.

    None without baselines; a quantity that nobody has, such as lies without noise, is left out.
    """
    if not findings.baselines:
        return []
    made = [_beside(findings, name, title) for name, title in BESIDE.items()]
    return [table for table in made if table.columns]


def instrument_tables(findings: Findings) -> list[Table]:
    """All scalars of one instrument each, its headline first, in the instruments' order."""
    return [_table(findings, name, found) for name, found in findings.instruments.items()]


def headlines(findings: Findings) -> Table | None:
    """The headline of each instrument that has measured one, side by side; None without any."""
    columns = []
    for name, found in findings.instruments.items():
        if found.headline in found.quantities and any(_scalars(found, found.headline)):
            columns.append(
                _quantity(findings, found, found.headline, headline_name(name, found.headline))
            )
    if not columns:
        return None
    return _of(findings, columns, "instruments", "What each says first.")


def _of(findings: Findings, columns: Sequence[Column], title: str, about: str) -> Table:
    labels = tuple(cells(findings))
    return Table(column_title(findings), labels, tuple(columns), title, about)


def cost(findings: Findings) -> str:
    """What the instruments took together, the dearest first; empty where no run says."""
    shares = {
        name: found.share for name, found in findings.instruments.items() if found.share is not None
    }
    if not shares:
        return ""
    dearest = sorted(shares, key=lambda name: -shares[name])
    each = ", ".join(f"{name.replace('-', ' ')} {percent(shares[name], 1)}" for name in dearest)
    together = percent(sum(shares.values()), 1)
    return f"The instruments took {together} of the training time: {each}."


def _beside(findings: Findings, name: str, title: str) -> Table:
    """The network at the end and stopped early, then each baseline."""
    early = EARLY.get(name)
    columns = {"network, end": [row.quantity(name) for row in findings.rows]}
    if early is not None:
        columns["network, early"] = [row.quantity(early) for row in findings.rows]
    absent = {head: [_absent(findings, row.epoch) for row in findings.rows] for head in columns}
    for baseline, found in findings.baselines.items():
        columns[baseline] = [scalar(row, name) for row in found.rows]
        absent[baseline] = [_absent(findings, _reached(found, row)) for row in found.rows]
    made = [_column(h, values, absent[h]) for h, values in columns.items() if any(values)]
    failed = [f"{n}: {found.failed}" for n, found in findings.baselines.items() if found.failed]
    about = " ".join(["On the same corrupted data.", *failed])
    return _of(findings, made, f"network and baselines: {title}", about)


def _table(findings: Findings, name: str, found: InstrumentFindings) -> Table:
    there = [n for n in found.quantities if any(_scalars(found, n))]
    there.sort(key=lambda name: name != found.headline)
    columns = [_quantity(findings, found, n, n.replace("_", " ")) for n in there]
    about = found.about
    if found.failed:
        about += f" (switched off: {found.failed})"
    if found.share is not None:
        about += f" ({percent(found.share, 1)} of the training time)"
    if found.notes:
        about = " ".join((f"{about.rstrip('.')}.", *found.notes))
    return _of(findings, columns, found.title or name, about)


def _quantity(findings: Findings, found: InstrumentFindings, name: str, words: str) -> Column:
    absent = [_absent(findings, row.get("epoch")) for row in found.rows]
    unit = found.quantities[name].unit
    return _column(f"{words} [{unit}]" if unit else words, _scalars(found, name), absent)


def _column(title: str, values: Sequence[Estimate | None], absent: Sequence[str]) -> Column:
    """A column with two digits at least of its largest value."""
    largest = max((abs(value.mean) for value in values if value is not None), default=0.0)
    needed = 1 - math.floor(math.log10(largest)) if 0 < largest < math.inf else 0
    most = min(MOST_DECIMALS, max(DECIMALS, needed))
    found = zip(values, absent, strict=True)
    return Column(title, tuple(value or nothing for value, nothing in found), most)


def _absent(findings: Findings, measured: object) -> str:
    """What stands where there is no value: not yet known, or it does not exist."""
    return UNKNOWN if not findings.complete and measured is None else IMPOSSIBLE


def _reached(found: BaselineFindings, row: Mapping[str, Any]) -> object:
    """Anything that a baseline reached in a row; None before it was fitted."""
    return found.failed or next((row[name] for name in BESIDE if row.get(name)), None)


def _scalars(found: InstrumentFindings, name: str) -> list[Estimate | None]:
    return [scalar(row, name) for row in found.rows]


def scalar(row: Mapping[str, Any], name: str) -> Estimate | None:
    """The scalar of that name in a row of an instrument or baseline; None where it is none."""
    value = row.get(name)
    if not isinstance(value, Mapping):
        return None
    mean, n, ends = number(value.get("mean")), whole(value.get("n"), 1), value.get("ci95")
    if mean is None or n is None:
        return None
    interval = [number(end) for end in ends] if isinstance(ends, list | tuple) else []
    match interval:
        case [float(low), float(high)]:
            return Estimate(mean, low, high, n)
    return Estimate.around(mean, n=n)

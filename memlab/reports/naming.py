"""What axis values and kinds of noise are called in prose and over columns."""

from __future__ import annotations

from collections.abc import Sequence

from memlab.experiment.fields import heads
from memlab.experiment.grid import short_names, show
from memlab.numbers import share
from memlab.reports.findings import Findings, Row

_SYMBOLS = {"learning_rate=": "η=", "batch_size=": "S=", "adversarial_": "adversarial "}
_LABELS = {
    "labels": ("{} of the labels replaced at random", "all labels replaced at random"),
    "labels-other": (
        "{} of the labels replaced by wrong ones",
        "all labels replaced by wrong ones",
    ),
    "labels-pair": (
        "{} of the labels flipped to a fixed other class",
        "all labels flipped to a fixed other class",
    ),
}
_INPUTS = {
    "inputs": ("{} of the inputs replaced by Gaussian noise", "all inputs replaced by noise"),
    "inputs-class": (
        "{} of the inputs drawn from their class's Gaussian",
        "all inputs drawn from their class's Gaussian",
    ),
    "pixel-shuffle": (
        "the pixels of {} of the inputs shuffled, all in one way",
        "the pixels of all inputs shuffled in one way",
    ),
    "pixel-random": (
        "the pixels of {} of the inputs shuffled, each in its own way",
        "the pixels of each input shuffled in its own way",
    ),
}
_KINDS = {
    "none": "the data as they are",
    "labels": "random labels",
    "labels-other": "wrong labels",
    "labels-pair": "flipped labels",
    "inputs": "Gaussian noise as inputs",
    "inputs-class": "inputs from their class's Gaussian",
    "pixel-shuffle": "pixels shuffled in one way",
    "pixel-random": "pixels shuffled anew for each example",
}


def noise(row: Row, input_fraction: float | None = None) -> str:
    """`40 % of the labels replaced at random`."""
    parts = []
    for part in row.corruption_kind.split("+"):
        other = (f"{{}} of the examples corrupted by {part}", f"all corrupted by {part}")
        some, every = (_LABELS | _INPUTS).get(part, other)
        drawn = row.corruption_fraction
        if part in _INPUTS and input_fraction is not None:
            drawn = input_fraction
        parts.append(every if drawn >= 1 else some.format(share(drawn)))
    return " and ".join(parts)


def kind(row: Row) -> str:
    """A kind of data as a noun: `pixels shuffled in one way`."""
    return " with ".join(_KINDS.get(part, part) for part in row.corruption_kind.split("+"))


def is_label_noise(row: Row) -> bool:
    """Whether given labels of these members are wrong."""
    foreign = row.corruption_kind not in _KINDS and row.recovered_true_labels is not None
    return (row.corruption_kind.startswith("labels") or foreign) and row.corruption_fraction > 0


def is_noise(row: Row) -> bool:
    """Whether anything is corrupted in these members' data."""
    return row.corruption_kind != "none" and row.corruption_fraction > 0


def prose(row: Row, axes: Sequence[str]) -> str:
    """The row's values of these axes in a sentence: `width 32`, `decay-rate`, `no noise`."""
    short = short_names(tuple(axes))
    words = []
    for name in axes:
        value = row.axis_values.get(name)
        if name == "corruption.fraction":
            words.append(f"{share(row.corruption_fraction)} noise" if is_noise(row) else "no noise")
        elif name == "corruption.kind":
            words.append(kind(row))
        elif isinstance(value, str):
            words.append(value.replace("_", " ").replace("=", " ").replace(",", ", "))
        else:
            words.append(f"{short[name].replace('_', ' ')} {show(value)}")
    return ", ".join(words)


def column_title(findings: Findings) -> str:
    """What stands over the axis values: `noise`, `noise · width`."""
    return " · ".join(heads(short_names(tuple(findings.axes))).values())


def cells(findings: Findings) -> list[str]:
    """The axis values in a table, a text per row: `0.4`, `0.4 · 32`."""
    columns = [
        _column([row.axis_values.get(name) for row in findings.rows]) for name in findings.axes
    ]
    return [" · ".join(texts) for texts in zip(*columns, strict=True)] or ["all"] * len(
        findings.rows
    )


def _column(values: Sequence[object]) -> list[str]:
    """Texts of one axis; decimal numbers get equally many decimals, so that they line up."""
    texts = [show(value) for value in values]
    if all(isinstance(v, float) for v in values) and not any("e" in text for text in texts):
        decimals = max(len(text.partition(".")[2]) for text in texts)
        texts = [f"{v:.{decimals}f}" for v in values if isinstance(v, float)]
    if all(isinstance(v, int | float) for v in values):
        width = max(map(len, texts), default=0)
        return [text.rjust(width) for text in texts]
    return [
        _shortened(text) if isinstance(v, str) else text
        for text, v in zip(texts, values, strict=True)
    ]


def _shortened(text: str) -> str:
    """A section's values as in a table: `η 0.1, S 32`."""
    for name, symbol in _SYMBOLS.items():
        text = text.replace(name, symbol)
    return text.replace("_", " ").replace("=", " ").replace(",", ", ")


def listed(items: Sequence[str]) -> str:
    """`a, b and c`."""
    return ", ".join(items[:-1]) + " and " + items[-1] if len(items) > 1 else "".join(items)


def together(rows: Sequence[Row], axes: Sequence[str], extra: Sequence[str] = ()) -> str:
    """Several rows in a sentence: `width 32, 64 and 128`; `extra` follows each of them."""
    tails = list(extra) or [""] * len(rows)
    values = [row.axis_values.get(axes[0]) for row in rows]
    if len(axes) == 1 and all(isinstance(value, int | float) for value in values):
        name = short_names(tuple(axes))[axes[0]].replace("_", " ")
        texts = [f"{show(value)}{tail}" for value, tail in zip(values, tails, strict=True)]
        return f"{name} {listed(texts)}"
    return listed([f"{prose(row, axes)}{tail}" for row, tail in zip(rows, tails, strict=True)])

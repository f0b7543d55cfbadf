"""One example's life: labels, margins while training, memorization, influence, neighbours. Pure.

Made of what a run recorded (`examples`); what it did not record is None or empty, and `missing`
says why in a few words.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memlab.runs.examples import Examples, Trace
from memlab.runs.outcomes import LEAST_EVALUATIONS

Values = NDArray[np.float64]
NEIGHBOURS, EFFECTS, BINS = 8, 8, 30
Floats = tuple[float, ...]


@dataclass(frozen=True)
class Band:
    """The margin in some networks, by epoch: their mean, ± one standard deviation over networks.

    In logits. `networks` says how many they are; the deviation is 0 of one network.
    """

    networks: int
    epoch: Floats
    mean: Floats
    deviation: Floats


@dataclass(frozen=True)
class Memorized:
    """P(right | trained on) − P(right | not) with Newcombe's 95 % interval, and where it stands.

    `margin` is the same of the margin, in logits; `networks_to_decide` NaN where none would do.
    `histogram` counts all training examples in equal bins over [−1, 1], `bin` is this one's, and
    `rank` its place from the most memorized, of `of` examples.
    """

    value: float
    low: float
    high: float
    inside: float
    outside: float
    margin: float
    margin_standard_error: float
    networks: int
    networks_to_decide: float
    rank: int
    of: int
    bin: int
    histogram: tuple[int, ...]


@dataclass(frozen=True)
class Near:
    """Another example, and how far it is (Euclidean; None in the last hidden layer)."""

    position: int
    distance: float | None = None


@dataclass(frozen=True)
class Effect:
    """A significant pair: another example, and the influence by correctness and by margin.

    The margin's in logits, each with its standard error; `by_correctness` and `by_margin` say which
    of them chance does not explain.
    """

    position: int
    influence: float
    standard_error: float
    margin: float
    margin_standard_error: float
    by_correctness: bool
    by_margin: bool


@dataclass(frozen=True)
class Life:
    """One example; classes are numbers, None where not known.

    `true` is known where examples were corrupted on purpose. `suggested_share` is the share of the
    networks that had not seen it which answer so. `first_learned` (epoch) and `forgotten` (times)
    are means over networks that saw it, beside the median of all.
    """

    position: int
    index: int
    test: bool
    file: str | None
    given: int
    true: int | None
    corrupted: bool
    suggested: int | None
    suggested_share: float | None
    saw: Band | None
    did_not: Band | None
    first_learned: float | None
    first_learned_of_all: float | None
    forgotten: float | None
    forgotten_of_all: float | None
    memorized: Memorized | None
    helps: tuple[Effect, ...]
    hurts: tuple[Effect, ...]
    helped_by: tuple[Effect, ...]
    hurt_by: tuple[Effect, ...]
    near: tuple[Near, ...]
    near_hidden: tuple[Near, ...]
    missing: dict[str, str]


def life(examples: Examples, position: int) -> Life:
    """Everything that was recorded of the example at a position."""
    test = position >= examples.train
    suggested, share = _suggested(examples, position)
    helps, hurts, helped_by, hurt_by = _effects(examples, position)
    true = int(examples.true[position])
    return Life(
        position=position,
        index=int(examples.index[position]),
        test=test,
        file=None if examples.files is None or test else examples.files[position],
        given=int(examples.given[position]),
        true=true if examples.truth_known or test else None,
        corrupted=not test and bool(examples.corrupted[position]),
        suggested=suggested,
        suggested_share=share,
        saw=_band(examples.traces, position, saw=True),
        did_not=_band(examples.traces, position, saw=False),
        first_learned=_of(examples.first_learned, position),
        first_learned_of_all=_median(examples.first_learned),
        forgotten=_of(examples.forgotten, position),
        forgotten_of_all=_median(examples.forgotten),
        memorized=_memorized(examples, position),
        helps=helps,
        hurts=hurts,
        helped_by=helped_by,
        hurt_by=hurt_by,
        near=nearest(examples, position),
        near_hidden=_hidden(examples, position),
        missing=_missing(examples, test),
    )


def _suggested(examples: Examples, position: int) -> tuple[int | None, float | None]:
    """The class that networks which had not seen it answer most, and the share that do."""
    if examples.votes is not None:
        votes = examples.votes[position]
        total = int(votes.sum())
        if not total:
            return None, None
        return int(votes.argmax()), float(votes.max()) / total
    if examples.suggested is None or position >= examples.train:
        return None, None
    found = int(examples.suggested[position])
    return (found, None) if found >= 0 else (None, None)


def _band(traces: tuple[Trace, ...], position: int, saw: bool) -> Band | None:
    """Over the networks of all traces, at the epochs of the first."""
    if not traces:
        return None
    epoch, columns = traces[0].epoch, []
    for trace in traces:
        if not np.array_equal(trace.epoch, epoch):
            continue
        chosen = trace.judges[:, position] & (trace.saw[:, position] == saw)
        columns.append(np.asarray(trace.margin[:, chosen, position], np.float64))
    values = np.concatenate(columns, axis=1)
    there = np.isfinite(values)
    count = there.sum(1)
    rows = count > 0
    if not rows.any():
        return None
    filled, count = np.where(there, values, 0.0)[rows], count[rows]
    mean = filled.sum(1) / count
    squares = np.where(there[rows], (filled - mean[:, None]) ** 2, 0.0).sum(1)
    deviation = np.sqrt(squares / np.maximum(count - 1, 1))
    return Band(values.shape[1], _floats(epoch[rows]), _floats(mean), _floats(deviation))


def _floats(values: Values) -> Floats:
    return tuple(map(float, values))


def _of(values: Values | None, position: int) -> float | None:
    if values is None or position >= len(values) or not math.isfinite(values[position]):
        return None
    return float(values[position])


def _median(values: Values | None) -> float | None:
    if values is None or not np.isfinite(values).any():
        return None
    return float(np.median(values[np.isfinite(values)]))


def _memorized(examples: Examples, position: int) -> Memorized | None:
    if examples.scores is None or position >= examples.train:
        return None
    rows = examples.scores.examples
    row, value = rows[position], rows["memorization"].astype(np.float64)
    if not math.isfinite(value[position]):
        return None
    fine = value[np.isfinite(value)]
    counts, edges = np.histogram(fine, BINS, (-1.0, 1.0))
    at = int(np.searchsorted(edges, value[position], side="right")) - 1
    return Memorized(
        value=float(row["memorization"]),
        low=float(row["low"]),
        high=float(row["high"]),
        inside=float(row["inside"]),
        outside=float(row["outside"]),
        margin=float(row["margin_memorization"]),
        margin_standard_error=float(row["margin_standard_error"]),
        networks=examples.scores.networks,
        networks_to_decide=float(row["networks_to_decide"]),
        rank=1 + int((fine > value[position]).sum()),
        of=len(fine),
        bin=min(max(at, 0), BINS - 1),
        histogram=tuple(map(int, counts)),
    )


def _effects(examples: Examples, position: int) -> list[tuple[Effect, ...]]:
    """Whom it helps, whom it hurts, who helps it, who hurts it; strongest first."""
    if examples.scores is None:
        return [(), (), (), ()]
    pairs = examples.scores.pairs
    found = []
    for mine, other in (("of", "to"), ("to", "of")):
        rows = pairs[pairs[mine] == position]
        by_correctness = rows["by"] & 1 > 0
        sign = np.where(by_correctness, np.sign(rows["influence"]), np.sign(rows["z"]))
        for wanted in (1, -1):
            chosen = rows[sign == wanted][:EFFECTS]
            found.append(tuple(_effect(row, int(row[other])) for row in chosen))
    return found


def _effect(row: np.void, position: int) -> Effect:
    return Effect(
        position=position,
        influence=float(row["influence"]),
        standard_error=float(row["standard_error"]),
        margin=float(row["margin_influence"]),
        margin_standard_error=float(row["margin_standard_error"]),
        by_correctness=bool(row["by"] & 1),
        by_margin=bool(row["by"] & 2),
    )


def nearest(examples: Examples, position: int, count: int = NEIGHBOURS) -> tuple[Near, ...]:
    """The nearest training examples by the recorded values, or else by the recorded pictures."""
    found = distances(examples, position, np.arange(examples.train))
    if found is None:
        return ()
    if position < examples.train:
        found[position] = np.inf
    order = np.argsort(found, kind="stable")[:count]
    return tuple(Near(int(at), float(found[at])) for at in order if np.isfinite(found[at]))


def distances(examples: Examples, position: int, others: NDArray[np.int64]) -> Values | None:
    """Euclidean distances from an example to `others`, `[others]`; None where nothing was kept."""
    for kept in (examples.values, examples.pictures):
        if kept is not None and position < len(kept):
            flat = np.asarray(kept[others], np.float32).reshape(len(others), -1)
            own = np.asarray(kept[position], np.float32).reshape(1, -1)
            with np.errstate(invalid="ignore"):  # infinite values of a damaged file
                squares: Values = np.square(flat - own).sum(1, dtype=np.float64)
            return np.sqrt(squares)
    return None


def _hidden(examples: Examples, position: int) -> tuple[Near, ...]:
    if examples.nearest is None:
        return ()
    return tuple(Near(int(at)) for at in examples.nearest[position][:NEIGHBOURS])


def histogram_line(found: Memorized, mark: str = "▲") -> tuple[str, str]:
    """The counts of all examples as blocks, by the logarithm, and a line with a mark below."""
    blocks = " ▁▂▃▄▅▆▇█"
    most = math.log1p(max(found.histogram))
    heights = [math.ceil(8 * math.log1p(count) / most) for count in found.histogram]
    return "".join(blocks[height] for height in heights), " " * found.bin + mark


def _missing(examples: Examples, test: bool) -> dict[str, str]:
    """Why something is not there, in a few words, by the field's name."""
    said: dict[str, str] = {}
    if examples.scores is None:
        said["memorized"] = "no scores by retraining; `memlab memorize` makes them"
    elif test:
        said["memorized"] = "a test example is trained on by nobody"
    if not examples.traces:
        said["margins"] = "no margins were kept while training"
    if examples.first_learned is None and not test:
        kept = max((len(trace.epoch) for trace in examples.traces), default=0)
        said["learned"] = f"{kept} evaluations were kept; it takes {LEAST_EVALUATIONS}"
    if examples.nearest is None:
        said["near_hidden"] = "the last hidden layer was not recorded"
    if examples.values is None and examples.pictures is None:
        said["near"] = "neither values nor pictures were recorded"
    return said

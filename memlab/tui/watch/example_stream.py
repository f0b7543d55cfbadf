"""The examples that the networks of an axis value learn and forget now, as captioned pictures.

The ledger's history is read while the run goes on; its scores are as of the last checkpoint, and
stand in where no history was kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from memlab.runs.ledger import LedgerView
from memlab.tui import palette
from memlab.tui.watch.model import caption
from memlab.tui.widgets.picture import Thumbnail

PICTURES = 24
WINDOW = 64  # kept evaluations that are looked back
LONGEST_NAME = 6


@dataclass(frozen=True)
class Moment:
    """An example of a stack that was learned or forgotten at an epoch, and what is said now."""

    epoch: float
    example: int
    predicted: int


class Found(NamedTuple):
    """A picture of the dataset's row `row`."""

    epoch: float
    row: int
    thumbnail: Thumbnail


@dataclass(frozen=True)
class Stream:
    """Pictures of both kinds, newest first, and a note on each row."""

    learned: tuple[Thumbnail, ...] = ()
    forgotten: tuple[Thumbnail, ...] = ()
    learned_note: str = ""
    forgotten_note: str = ""
    problem: str = ""


def example_stream(
    ledgers: Sequence[LedgerView], members: Sequence[int], dark: bool = True
) -> Stream:
    """What the networks `members` learned last and have forgotten now, each example once."""
    colours = palette.palette(dark)
    learned: list[Found] = []
    forgotten: list[Found] = []
    counts: list[int] = []
    for view in ledgers:
        if view.pictures is None:
            continue
        for place, member in enumerate(view.header.members):
            if member not in members:
                continue
            new, lost = moments(view, place)
            counts.append(len(lost))
            learned += [_found(view, place, moment, colours) for moment in new[:PICTURES]]
            forgotten += [_found(view, place, moment, colours) for moment in lost[:PICTURES]]
    each = f"{np.mean(counts):.2g} a network" if counts else ""
    return Stream(_first(learned), _first(forgotten), _epochs(learned), each)


def moments(view: LedgerView, place: int) -> tuple[list[Moment], list[Moment]]:
    """What the member at `place` of a stack learned last and has forgotten now, newest first.

    Learned: wrong before, right since an evaluation of the window. Forgotten: right once, wrong
    now. What the untrained network answers (epoch 0) counts for neither.
    """
    given = view.given[view.header.labelling[place]]
    history, scores = view.history, view.scores[place]
    if history is not None:
        rows = slice(max(0, len(history.epoch) - WINDOW), len(history.epoch))
        said = np.asarray(history.predicted[rows, place], np.int64)
        epochs = history.epoch[rows]
        kept = (said[:, 0] != history.nobody) & (epochs > 0)
        if kept.any():
            return _from_history(said[kept], epochs[kept], given, scores, rows.start == 0)
    return _from_scores(scores, given)


def _from_history(
    said: NDArray[np.int64],
    epochs: NDArray[np.float64],
    given: NDArray[np.int32],
    scores: NDArray[np.void],
    whole: bool,
) -> tuple[list[Moment], list[Moment]]:
    """`said` [rows, examples]; `whole` where nothing came before the rows."""
    right = said == given
    last, before = right[-1], right[::-1]
    wrong_ago = np.where((~before).any(0), (~before).argmax(0), len(right))  # rows since wrong
    learned = np.flatnonzero(last & (whole | (wrong_ago < len(right))))
    right_ago = np.where(before.any(0), before.argmax(0), len(right))
    once = right.any(0) | np.isfinite(scores["first_learned"])
    forgotten = np.flatnonzero(~last & once)
    new = [_moment(epochs[len(right) - wrong_ago[i]], i, said[-1, i]) for i in learned]
    when = np.where(right_ago < len(right), epochs[-np.minimum(right_ago, len(right) - 1)], -np.inf)
    lost = [_moment(when[i], i, said[-1, i]) for i in forgotten]
    return _newest(new), _newest(lost)


def _from_scores(
    scores: NDArray[np.void], given: NDArray[np.int32]
) -> tuple[list[Moment], list[Moment]]:
    first, said = np.asarray(scores["first_learned"]), np.asarray(scores["predicted"])
    once = np.isfinite(first)
    new = [_moment(first[i], i, said[i]) for i in np.flatnonzero(once & (said == given))]
    lost = [_moment(first[i], i, said[i]) for i in np.flatnonzero(once & (said != given))]
    return _newest(new), _newest(lost)


def _moment(epoch: float, example: np.integer[Any], predicted: int) -> Moment:
    return Moment(float(epoch), int(example), int(predicted))


def _newest(found: list[Moment]) -> list[Moment]:
    return sorted(found, key=lambda moment: -moment.epoch)


def _found(view: LedgerView, place: int, moment: Moment, colours: palette.Palette) -> Found:
    assert view.pictures is not None
    label, at = view.header.labelling[place], moment.example
    true, given = int(view.true[at]), int(view.given[label][at])
    names = view.header.class_names
    short = names if max(map(len, names)) <= LONGEST_NAME else ()
    words = caption(true, given, short)
    if moment.predicted != given:
        words += f"→{short[moment.predicted] if short else moment.predicted}"
    colour = colours.lies if view.corrupted[label][at] else colours.truth
    picture = Thumbnail(np.array(view.pictures[at]), words, colour=colour)
    return Found(moment.epoch, int(view.index[at]), picture)


def _first(found: list[Found]) -> tuple[Thumbnail, ...]:
    shown: dict[int, Thumbnail] = {}
    for each in sorted(found, key=lambda each: -each.epoch):
        shown.setdefault(each.row, each.thumbnail)
    return tuple(shown.values())[:PICTURES]


def _epochs(found: list[Found]) -> str:
    last = sorted((each.epoch for each in found), reverse=True)[:PICTURES]
    if not last:
        return ""
    low, high = round(last[-1]), round(last[0])
    return f"epoch {high}" if low == high else f"epochs {low}–{high}"

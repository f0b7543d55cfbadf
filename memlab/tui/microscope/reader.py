"""Reads one run's examples for the Microscope, in a thread: all once, then one life at a time."""

from __future__ import annotations

from dataclasses import dataclass

from memlab.runs.example_life import Life, life
from memlab.runs.examples import LEARNED, MEMORIZED, Examples, examples_of
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder


@dataclass(frozen=True)
class Wanted:
    """Which example is to be shown: a position, or the index of one, or the first of the list.

    `name` is the list that `←` and `→` go through; "" lets the reader choose one that there is.
    `group` says of which axis values, where examples are not read yet.
    """

    position: int | None = None
    index: int | None = None
    name: str = ""
    group: int | None = None


@dataclass(frozen=True, eq=False)
class Frame:
    """An example with the list that it is looked at in: positions, in order."""

    examples: Examples
    life: Life
    name: str
    order: tuple[int, ...]

    @property
    def rank(self) -> int:
        """Its place in the list, from 1; 0 where it is not among them."""
        at = self.life.position
        return self.order.index(at) + 1 if at in self.order else 0


def read(folder: RunFolder, wanted: Wanted, known: Examples | None) -> Frame:
    """What is wanted, of `known` examples where these were read before.

    Raises:
        RunFolderError: as `examples_of`, and where there is no such example.
    """
    examples = known or examples_of(Run(folder), wanted.group)
    name = wanted.name if wanted.name in examples.lists else _first_list(examples)
    order = tuple(examples.listing(name).tolist()) if name else tuple(range(examples.train))
    position = wanted.position
    if position is None and wanted.index is not None:
        position = examples.position(wanted.index)
    if position is None:
        position = order[0] if order else 0
    return Frame(examples, life(examples, position), name, order)


def _first_list(examples: Examples) -> str:
    """The most telling list that is not empty."""
    names = examples.lists
    preferred = [name for name in (MEMORIZED, LEARNED) if name in names]
    return next(iter([*preferred, *names]), "")

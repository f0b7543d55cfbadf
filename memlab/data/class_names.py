"""Labels that are texts: classes by name, numbered in the order of their names."""

from __future__ import annotations

import numpy as np

from memlab.errors import InvalidDataset

MOST_CLASSES = 10_000
LONGEST_NAME = 200


def named_classes(labels: np.ndarray, where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class numbers int64 `[n]` and the classes' names, of labels that are texts or bytes.

    Where all names are whole numbers, their order is that of the numbers.

    Raises:
        InvalidDataset: if there are fewer than two classes, or far too many.

    >>> named_classes(np.array(["dog", "cat", "dog"]), "y")
    (array([1, 0, 1]), ('cat', 'dog'))
    >>> named_classes(np.array(["10", "9", "9"]), "y")
    (array([1, 0, 0]), ('9', '10'))
    """
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8", "replace")
    found, numbers = np.unique(labels, return_inverse=True)
    if len(found) < 2:
        raise InvalidDataset(f"{where} has one class only; two are the least.")
    if len(found) > MOST_CLASSES:
        raise InvalidDataset(
            f"{where} has {len(found):,} different labels; {MOST_CLASSES:,} classes are the most."
        )
    names = [str(name)[:LONGEST_NAME] for name in found]
    order = np.arange(len(names))
    if all(name.removeprefix("-").isdecimal() and len(name) < 19 for name in names):
        order = np.argsort([int(name) for name in names], kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return place[numbers.reshape(-1)].astype(np.int64), tuple(names[at] for at in order)

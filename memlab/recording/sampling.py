"""Examples of what a person gave: which of many, and those as tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memlab.errors import InvalidDataset
from memlab.experiment.keys import key


def chosen(count: int, most: int) -> NDArray[np.int64]:
    """At most `most` of `count` positions, rising, the same ones whenever it is asked."""
    if count <= most:
        return np.arange(count)
    return np.sort(key(0, "recorded sample").permutation(count)[:most])


def taken(x: Any, at: NDArray[np.int64]) -> Any:
    """The rows `at` of a tensor, an array or a list."""
    if isinstance(x, torch.Tensor):
        return x[torch.from_numpy(at).to(x.device)]
    if hasattr(x, "__array__"):
        return torch.from_numpy(np.asarray(x)[at])
    return torch.as_tensor(np.asarray([x[int(index)] for index in at]))


def items(dataset: Any, at: NDArray[np.int64], need: str) -> tuple[Tensor, Tensor]:
    """Inputs `[n, …]` and labels `[n]` of the examples `at` of a data set.

    Args:
        need: how the sentence begins that says what else is needed, "X needs a data set".

    Raises:
        InvalidDataset: if they are not (input, label), or inputs differ in shape.
    """
    try:
        found = [dataset[int(index)] for index in at]
    except (LookupError, TypeError, NotImplementedError) as error:  # a dictionary of columns, say
        raise InvalidDataset(f"{need} whose examples are (input, label).") from error
    if not all(isinstance(item, tuple | list) and len(item) >= 2 for item in found):
        raise InvalidDataset(f"{need} whose examples are (input, label).")
    try:
        inputs = torch.stack([torch.as_tensor(np.asarray(item[0])) for item in found])
        labels = torch.tensor([int(item[1]) for item in found])
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidDataset(
            f"{need} whose inputs are numbers of one shape and whose labels are class numbers."
        ) from error
    return inputs, labels

"""The network of a loop at this moment, as instruments look at it: a sample of its data, kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from memlab.errors import InvalidDataset
from memlab.experiment.keys import key
from memlab.instruments.measuring import plain_module, subject_of_module
from memlab.instruments.module_data import arrays_of_module
from memlab.instruments.subject import Subject
from memlab.recording.given import Given
from memlab.recording.validating import Validation
from memlab.training.arrays import StackArrays

#: Examples that instruments draw theirs from: of arrays, and of a data set that is read for them.
MOST, MOST_READ = 2048, 512


class Moments:
    """Makes a subject of the network whenever one is asked for; the sample is drawn once."""

    def __init__(
        self, model: Any, data: Given, validation: Validation | None, optimizer: Any
    ) -> None:
        self._model, self._data = model, data
        self._validation, self.optimizer = validation, optimizer
        self._arrays: StackArrays | None = None

    def now(self, update: int, epoch: float, batch_size: int) -> Subject:
        """The network as it is.

        Raises:
            InvalidDataset: if the data are not what it takes.
        """
        if self._arrays is None:
            self._arrays = self._drawn()
        optimizer = self.optimizer
        if not isinstance(optimizer, torch.optim.Optimizer):
            optimizer = getattr(optimizer, "optimizer", None)  # as accelerate wraps it
        return subject_of_module(
            self._model,
            arrays=self._arrays,
            update=update,
            epoch=epoch,
            batch_size=max(1, batch_size),
            optimizer=optimizer,
        )

    def _drawn(self) -> StackArrays:
        data, validation = self._data, self._validation
        at = chosen(data.examples, MOST if data.x is not None else MOST_READ)
        x, labels = self._examples(at)
        clean = None
        if data.true is not None:
            clean = torch.from_numpy(data.true[at])
        elif data.corrupted is not None:
            clean = torch.from_numpy(~data.corrupted[at])
        pair = None
        if validation is not None:
            where = chosen(len(validation), MOST)
            pair = (taken(validation.x, where), torch.from_numpy(validation.labels[where]))
        network = plain_module(self._model)
        return arrays_of_module(network, (x, labels), pair, None, clean)

    def _examples(self, at: np.ndarray) -> tuple[Any, torch.Tensor]:
        data = self._data
        if data.x is not None and data.labels is not None:
            return taken(data.x, at), torch.from_numpy(data.labels[at])
        items = [data.dataset[int(index)] for index in at]
        if not all(isinstance(item, tuple | list) and len(item) >= 2 for item in items):
            raise InvalidDataset("Instruments need examples that are (input, label).")
        inputs = [torch.as_tensor(np.asarray(item[0])) for item in items]
        labels = torch.tensor([int(item[1]) for item in items])
        if data.labels is not None:
            labels = torch.from_numpy(data.labels[at])
        return torch.stack(inputs), labels


def chosen(count: int, most: int) -> np.ndarray:
    """At most `most` of `count` positions, rising, the same ones whenever it is asked."""
    if count <= most:
        return np.arange(count)
    return np.sort(key(0, "recorded sample").permutation(count)[:most])


def taken(x: Any, at: np.ndarray) -> Any:
    """The rows `at` of a tensor, an array or a list."""
    if isinstance(x, torch.Tensor):
        return x[torch.from_numpy(at).to(x.device)]
    if hasattr(x, "__array__"):
        return torch.from_numpy(np.asarray(x)[at])
    return torch.as_tensor(np.asarray([x[int(index)] for index in at]))

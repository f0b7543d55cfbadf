"""The network of a loop at this moment, as instruments look at it: a sample of its data, kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from memlab.instruments.measuring import plain_module, subject_of_module
from memlab.instruments.module_data import arrays_of_module
from memlab.instruments.subject import Subject
from memlab.recording.given import Given
from memlab.recording.sampling import chosen, items, taken
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
        inputs, labels = items(data.dataset, at, "Instruments need a data set")
        return inputs, labels if data.labels is None else torch.from_numpy(data.labels[at])

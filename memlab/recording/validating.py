"""Loss and accuracy on validation data, from a forward pass through the network's shadow."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memlab.errors import InvalidDataset
from memlab.recording.given import array
from memlab.recording.untouched import Shadow, logits_of, random_states

BATCH = 256


class Validation:
    """The validation examples, `x` `[n, …]` and labels `[n]`, kept where they were given."""

    def __init__(self, x: Any, y: Any) -> None:
        """Raises InvalidDataset where they are not of one length."""
        self._x = x
        self.labels: NDArray[np.int64] = array(y, "validation's y").astype(np.int64).reshape(-1)
        if not hasattr(x, "__len__") or len(x) != len(self.labels) or not len(self.labels):
            raise InvalidDataset(
                "validation is (x, y), inputs and one class number for each of them, or None."
            )

    def __len__(self) -> int:
        return len(self.labels)

    def measure(self, shadow: Shadow) -> tuple[float, float]:
        """Cross-entropy in nats and accuracy of the network as it is now."""
        right, loss = 0, 0.0
        with random_states(), torch.no_grad():
            model, device = shadow.now(), shadow.device
            for first in range(0, len(self), BATCH):
                part = self._x[first : first + BATCH]
                x = part if isinstance(part, Tensor) else torch.from_numpy(np.asarray(part))
                given = torch.from_numpy(self.labels[first : first + BATCH]).to(device)
                logits = logits_of(model(x.to(device))).float()
                if logits.dim() == 1 or logits.shape[1] == 1:
                    logits = logits.reshape(-1, 1)
                    logits = torch.cat([torch.zeros_like(logits), logits], 1)
                right += int((logits.argmax(1) == given).sum())
                loss += float(torch.nn.functional.cross_entropy(logits, given, reduction="sum"))
        return loss / len(self), right / len(self)

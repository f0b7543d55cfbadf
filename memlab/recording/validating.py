"""Loss and accuracy on validation data, from a forward pass through the network's shadow."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from memlab.errors import InvalidDataset
from memlab.instruments.measuring import plain_module
from memlab.instruments.undisturbed import bare_copy, called, undisturbed
from memlab.recording.answers import two_classes
from memlab.recording.given import array
from memlab.recording.sampling import chosen, items
from memlab.recording.untouched import device_of, random_states

BATCH = 256
#: What is read of a data set and kept, so that every epoch asks about the same examples.
MOST_EXAMPLES, MOST_BYTES = 10_000, 256 << 20


class Validation:
    """The validation examples, `x` `[n, …]` and labels `[n]`, kept where they were given."""

    def __init__(self, x: Any, y: Any) -> None:
        """Raises InvalidDataset where they are not of one length."""
        self.x = x
        self.labels: NDArray[np.int64] = array(y, "validation's y").astype(np.int64).reshape(-1)
        if not hasattr(x, "__len__") or len(x) != len(self.labels) or not len(self.labels):
            raise InvalidDataset(
                "validation is (x, y), inputs and one class number for each of them, or None."
            )

    @classmethod
    def of(cls, given: Any) -> Validation:
        """From (x, y), or a data set, of which as many examples are read as are kept.

        Raises:
            InvalidDataset: if it is neither.
        """
        if isinstance(given, tuple | list) and len(given) == 2:
            return cls(given[0], given[1])
        if not (hasattr(given, "__len__") and hasattr(given, "__getitem__") and len(given)):
            raise InvalidDataset(
                f"validation is (x, y) or a data set with a length, not {type(given).__name__}; a "
                "loop that measures it itself tells run.epoch(validation_accuracy=…)."
            )
        need = "validation is (x, y) or a data set"
        with random_states():
            first, _ = items(given, chosen(len(given), 1), need)
            room = MOST_BYTES // max(1, first.numel() * first.element_size())
            at = chosen(len(given), max(1, min(MOST_EXAMPLES, room)))
            return cls(*items(given, at, need))

    def __len__(self) -> int:
        return len(self.labels)

    def measure(self, model: nn.Module) -> tuple[float, float]:
        """Cross-entropy in nats and accuracy of the network as it is now.

        A copy of its modules is asked, in evaluation mode, over its very parameters.
        """
        right, loss = 0, 0.0
        device = device_of(model)
        with random_states(), undisturbed(device), torch.no_grad():
            network = bare_copy(plain_module(model))
            for first in range(0, len(self), BATCH):
                part = self.x[first : first + BATCH]
                x = part if isinstance(part, Tensor) else torch.from_numpy(np.asarray(part))
                given = torch.from_numpy(self.labels[first : first + BATCH]).to(device)
                logits = two_classes(called(network, x.to(device)).float())
                right += int((logits.argmax(1) == given).sum())
                loss += float(nn.functional.cross_entropy(logits, given, reduction="sum"))
        return loss / len(self), right / len(self)

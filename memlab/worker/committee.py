"""A committee's sums over one stack, kept and written; what they are is `memlab.runs.committee`.

At each evaluation the margins of all examples are added up over the networks that are trained on
them and over those that are not. What stood there when the networks together knew best the labels
of examples that they had not seen is kept: later, they learn the labels by heart.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memlab.data.corruption import Corrupted
from memlab.data.neighbours import neighbour_votes
from memlab.data.split import Splits
from memlab.runs import npy
from memlab.runs.committee_sums import HEADER_FILE, CommitteeHeader, CommitteeSums
from memlab.runs.door import Place
from memlab.training.evaluation import Evaluation
from memlab.training.plan import StackPlan
from memlab.worker.material import Material
from memlab.worker.outcomes import same_data

PREFIX = "committee."
#: Of more examples, neighbours are not looked for.
MOST_NEIGHBOURS = 20_000


def committee_recorder(
    plan: StackPlan,
    material: Material,
    parts: Sequence[Corrupted],
    device: torch.device,
) -> CommitteeRecorder | None:
    """The recorder of the stack; None where its networks are no committee."""
    first = plan.members[0]
    dataset, own = first.experiment.dataset, [part.own for part in parts]
    known = [mask for mask in own if mask is not None]
    if not dataset.whole or not first.experiment.evaluation.outcomes or len(known) < len(own):
        return None
    if not all(same_data(parts[0], part) for part in parts):
        return None
    splits = material.splits(first)
    header = CommitteeHeader(
        stack=plan.index,
        dataset=dataset.name,
        members=tuple(plan.indices),
        examples=len(parts[0].train_given),
        class_names=splits.class_names[: splits.true_classes],
        best_epoch=0.0,
        files=None if (files := material.files(first)) is None else tuple(files),
        known_truth=first.experiment.corruption.kind != "none",
        fake=splits.fake is not None,
        neighbours=0 in plan.indices and len(parts[0].train_given) <= MOST_NEIGHBOURS,
    )
    return CommitteeRecorder(header, parts[0], splits, np.stack(known), device)


class CommitteeRecorder:
    """Sums over the members of one stack, `[in, out]` of their samples first."""

    def __init__(
        self,
        header: CommitteeHeader,
        part: Corrupted,
        splits: Splits,
        own: NDArray[np.bool_],
        device: torch.device,
    ) -> None:
        self._header, self._part, self._splits = header, part, splits
        self._own = torch.from_numpy(own).to(device)
        self._given = torch.from_numpy(part.train_given).to(device)
        n, classes = header.examples, header.classes

        def zeros(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=device)

        self._state = {
            "sum": zeros(2, n),
            "mass": zeros(2, n, classes + header.fake, dtype=torch.float32),
            "count": zeros(1),
            "best": torch.tensor([-1.0, 0.0], dtype=torch.float64, device=device),
            "networks": zeros(2, n, dtype=torch.int32),
            "margins": zeros(2, n),
            "probabilities": zeros(2, n, classes + header.fake, dtype=torch.float32),
            "votes": zeros(n, classes + header.fake, dtype=torch.int32),
        }

    @torch.no_grad()
    def take(self, evaluation: Evaluation, epoch: float, active: Sequence[int]) -> None:
        """Takes in an evaluation of the members `active`; what is untrained has no say."""
        train = evaluation.train
        assert train is not None
        assert train.margins is not None
        assert train.sides is not None
        if epoch <= 0:
            return
        fine = torch.isfinite(train.margins).all(1, keepdim=True)
        own = self._own[torch.as_tensor(list(active), device=self._own.device)]
        state, margins = self._state, torch.where(fine, train.margins, 0.0)
        sides = own & fine, ~own & fine
        state["sum"] += torch.stack([(margins * s).sum(0, dtype=torch.float64) for s in sides])
        state["mass"] += train.sides
        state["count"] += 1
        networks = torch.stack([side.sum(0) for side in sides]).to(torch.int32)
        judged = networks[1] > 0
        right = ((train.sides[1].argmax(1) == self._given) & judged).sum()
        accuracy = float(right) / max(1, int(judged.sum()))
        if accuracy > float(state["best"][0]):
            state["best"] = state["best"].new_tensor([accuracy, epoch])
            state["networks"] = networks
            state["margins"] = state["sum"] / state["count"]
            state["probabilities"] = state["mass"] / state["count"].float()
            votes = torch.zeros_like(state["votes"])
            votes.scatter_add_(1, train.predicted.T, sides[1].T.to(torch.int32))
            state["votes"] = votes

    def state(self, done: bool) -> dict[str, Tensor]:
        """What to keep in a checkpoint; nothing once all is written."""
        if done:
            return {}
        return {PREFIX + name: tensor.cpu().clone() for name, tensor in self._state.items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Takes out of `tensors` what `state` put there."""
        for name in [name for name in tensors if name.startswith(PREFIX)]:
            self._state[name.removeprefix(PREFIX)] = tensors.pop(name).to(self._own.device)

    def sums(self) -> CommitteeSums:
        """What has been added up so far, as a reader finds it."""
        arrays = {name: tensor.cpu().numpy() for name, tensor in self._state.items()}
        train = self._splits.train
        arrays |= {"index": train.index, "given": self._part.train_given, "true": train.y}
        classes = self._header.classes
        for name in ("probabilities", "votes"):  # a fake class is nobody's
            arrays[name] = arrays[name][..., :classes]
        if self._splits.fake is not None:
            arrays["fake"] = self._splits.fake
        if self._header.neighbours:
            given = np.minimum(self._part.train_given, classes)
            arrays["neighbours"] = neighbour_votes(self._part.train_x, given, classes + 1)[
                :, :classes
            ]
        header = self._header.at(float(arrays["best"][1]))
        types = {name: dtype for name, (dtype, _) in header.arrays().items()}
        return CommitteeSums(header, {name: arrays[name].astype(types[name]) for name in types})

    def publish(self, folder: Place) -> None:
        """Writes everything into the stack's folder; a reader sees it once it is whole.

        Raises:
            StorageError: if it cannot be written.
        """
        made = self.sums()
        folder.parent.mkdir()
        folder.mkdir()
        for name, array in made.arrays.items():
            npy.replace(folder / f"committee-{name}.npy", array)
        text = json.dumps(made.header.document()) + "\n"
        (folder / HEADER_FILE).replace(text.encode())

"""The memory that is predicted for a GPU, against what tensors take, and how it is told."""

from __future__ import annotations

import pytest
import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from memlab.errors import TooLarge
from memlab.experiment.device_memory import LIBRARIES, Examples, predicted_bytes
from memlab.training.captured import Execution
from memlab.worker import memory
from tests.training.conftest import CLASSES, TRAIN, data_for, members_of, trainer_of

CUDA = torch.device("cuda:0")
STATIC = Execution(counts_there=True, step="static")


class Peak(TorchDispatchMode):
    """The most bytes that tensors made within held at once."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0
        self._alive: dict[StorageWeakRef, int] = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, torch.Tensor):
                storage = leaf.untyped_storage()
                self._alive[StorageWeakRef(storage)] = storage.nbytes()
        self._alive = {ref: size for ref, size in self._alive.items() if not ref.expired()}
        self.most = max(self.most, sum(self._alive.values()))
        return out


WIDE = {"width": 64, "depth": 2}
BATCH = {"batch_size": 48, "learning_rate": 0.01}
CASES = {
    "perceptron": ({"model": WIDE, "optimizer": BATCH}, False),
    "adam": ({"model": WIDE, "optimizer": {**BATCH, "name": "adam"}}, False),
    "dropout": ({"model": WIDE, "optimizer": BATCH, "regularization": {"dropout": 0.2}}, False),
    "batch norm": ({"model": {**WIDE, "normalization": "batch"}, "optimizer": BATCH}, False),
    "cnn": ({"model": {"name": "cnn", "width": 16, "depth": None}, "optimizer": BATCH}, True),
    "resnet20": (
        {"model": {"name": "resnet20", "width": 8, "depth": None}, "optimizer": BATCH},
        True,
    ),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_prediction_is_what_tensors_take_or_up_to_twice_that(case):
    tree, image = CASES[case]
    members = members_of(seeds=1 if image else 4, **tree)
    with Peak() as peak:
        trainer = trainer_of(members, image=image, execution=STATIC)
        copies = {name: tensor.clone() for name, tensor in trainer._changing().items()}
        trainer.step()
        trainer.evaluate()
    del copies
    shapes = trainer.shapes
    data = Examples(TRAIN, 20, 20, shapes.image_shape, shapes.features, CLASSES)
    found = predicted_bytes(members[0].experiment, len(members), frozenset({48}), data)
    assert peak.most < found.total - LIBRARIES < 2.2 * peak.most


def stack(seeds: int = 3, **tree):
    members = members_of(seeds=seeds, **tree)
    trainer = trainer_of(members)
    return trainer.plan, [data_for(member.seed) for member in members], trainer.shapes


def test_a_stack_that_cannot_fit_is_refused_in_one_sentence(monkeypatch):
    plan, parts, shapes = stack()
    monkeypatch.setattr(memory, "_free", lambda device: 100_000_000)
    with pytest.raises(TooLarge) as refused:
        memory.require(plan, parts, shapes, CUDA)
    sentence = str(refused.value)
    assert sentence.startswith("Training 3 networks together needs about 0.3 GB on cuda:0 (")
    assert "but 0.1 GB are free: lower model.width" in sentence
    assert sentence.count(". ") == 0


def test_one_that_may_not_fit_is_tried_and_one_that_fits_says_nothing(monkeypatch, capsys):
    plan, parts, shapes = stack()
    needed = memory.of_stack(plan, parts, shapes).total
    for free, words in ((needed, ""), (needed - 1, "Training 3 networks")):
        monkeypatch.setattr(memory, "_free", lambda device, free=free: free)
        memory.require(plan, parts, shapes, CUDA)
        assert capsys.readouterr().out.startswith(words)
        assert bool(words) or capsys.readouterr().out == ""


def test_on_a_cpu_nothing_is_asked():
    plan, parts, shapes = stack()
    memory.require(plan, parts, shapes, torch.device("cpu"))


def test_inputs_that_differ_by_member_and_every_batch_size_count():
    experiment = members_of()[0].experiment
    one = predicted_bytes(experiment, 3, frozenset({16}), Examples(60, 20, 20, None, 12, 4))
    more = predicted_bytes(experiment, 3, frozenset({16, 32}), Examples(60, 20, 20, None, 12, 4, 3))
    assert more.batch == 3 * one.batch
    assert more.data - one.data == 2 * 4 * 12 * 100
    assert next(iter(more.parts)) == max(more.parts, key=lambda name: more.parts[name])

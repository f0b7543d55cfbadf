"""Training libraries as references: Lightning and skorch, in the least that each of them needs.

Logging, checkpoints, progress and summaries are off. Neither is a dependency: they are imported
late, and where one is not installed the bench says so.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, DataLoader, TensorDataset

from memlab.bench.cases import Bench, Case
from memlab.bench.references import RATE, Problem, problem
from memlab.bench.timing import seconds

Reference = Callable[[Case, Bench], float]


def lightning(case: Case, bench: Bench) -> float:
    """Samples a second of Lightning's `Trainer`, from its first batch to its last evaluation."""
    lit = import_module("lightning.pytorch")
    for name in ("lightning.pytorch", "lightning.pytorch.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.ERROR)
    given = problem(case, bench)
    module = _lightning_module(lit, given)
    off = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = lit.Trainer(
            max_epochs=case.epochs,
            accelerator="gpu" if bench.device.type == "cuda" else "cpu",
            devices=1,
            num_sanity_val_steps=0,
            limit_val_batches=1.0 if case.evaluates else 0,
            **dict.fromkeys(off, False),
        )
        train = TensorDataset(*given.train)
        whole = [TensorDataset(*part) for part in given.parts]
        trainer.fit(
            module,
            DataLoader(train, batch_size=case.batch_size, shuffle=True),
            [DataLoader(each, batch_size=len(each)) for each in whole],
        )
    spent: float = module.seconds
    return case.epochs * case.examples / spent


def _lightning_module(lit: Any, given: Problem) -> Any:
    class Module(lit.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = given.network
            self.seconds = 0.0
            self.losses: list[Tensor] = []

        def on_train_start(self) -> None:
            self.started = time.perf_counter()

        def on_train_end(self) -> None:
            self.seconds = time.perf_counter() - self.started

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=RATE)

        def training_step(self, batch: list[Tensor], index: int) -> Tensor:
            inputs, labels = batch
            return torch.nn.functional.cross_entropy(self.network(inputs), labels)

        def validation_step(self, batch: list[Tensor], index: int, dataloader_idx: int = 0) -> None:
            inputs, labels = batch
            logits = self.network(inputs)
            self.losses.append(torch.nn.functional.cross_entropy(logits, labels))
            self.losses.append((logits.argmax(1) == labels).double().mean())

    return Module()


def skorch(case: Case, bench: Bench) -> float:
    """Samples a second of skorch's `NeuralNetClassifier.fit`."""
    net = import_module("skorch")
    held_out = import_module("skorch.helper").predefined_split
    given = problem(case, bench)
    whole: Any = ConcatDataset([TensorDataset(*part) for part in given.parts])
    classifier = net.NeuralNetClassifier(
        given.network,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.SGD,
        lr=RATE,
        max_epochs=case.epochs,
        batch_size=case.batch_size,
        iterator_train__shuffle=True,
        iterator_valid__batch_size=len(whole),
        train_split=held_out(whole) if case.evaluates else None,
        callbacks="disable",
        verbose=0,
        device=str(bench.device),
    )
    classifier.initialize()
    x, y = given.train
    work = lambda: classifier.partial_fit(x.cpu().numpy(), y.cpu().numpy())  # noqa: E731
    return case.epochs * case.examples / seconds(work, bench.device)


#: Name in the table, name on PyPI, and how it is measured.
LIBRARIES: tuple[tuple[str, str, Reference], ...] = (
    ("Lightning", "lightning", lightning),
    ("skorch", "skorch", skorch),
)


def installed() -> dict[str, Reference]:
    """The libraries that are here."""
    return {name: run for name, package, run in LIBRARIES if find_spec(package) is not None}


def missing() -> list[str]:
    """A sentence for each library that is not."""
    return [
        f"{name} is not installed, so nothing is compared with it: pip install {package}."
        for name, package, _ in LIBRARIES
        if name not in installed()
    ]

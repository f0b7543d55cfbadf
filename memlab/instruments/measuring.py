"""Instruments asked outside of a run: a subject made of a person's own network and data.

`memlab.measure` and `memlab.record` come in here; a run's own subjects are `memlab/worker`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from memlab.errors import InvalidDataset, MemlabError
from memlab.experiment.instruments import Instrument, Settings
from memlab.experiment.metrics import VALIDATION_ACCURACY
from memlab.instruments.module_data import Pair, arrays_of_module
from memlab.instruments.module_gram import remember_with, telling
from memlab.instruments.optimizer_state import descent_of, rate_of
from memlab.instruments.subject import NotKnown, Subject
from memlab.models.module_stack import ModuleStack
from memlab.models.stacked import Shape, StackedModel
from memlab.training.arrays import Inputs, StackArrays, Subset
from memlab.training.evaluation import Evaluation, Forward, Split, evaluate

#: How many numbers of an example's activations there are for each number of the example: a guess
#: from which the examples that are evaluated at once follow.
WIDENING = 64
#: Measured on validation examples, but as well on any others.
ON_ANY_EXAMPLES = ("critical-samples", "alignment")
#: Without test examples, every other validation example is one.
BY_HALVES = ("probes",)
#: Examples whose logits are looked at before anything is measured.
LOOKED_AT = 64


def subject_of_module(
    model: nn.Module,
    train: Pair | None = None,
    validation: Pair | None = None,
    test: Pair | None = None,
    *,
    clean: Any = None,
    arrays: StackArrays | None = None,
    loss: str = "cross-entropy",
    seed: int = 0,
    update: int = 0,
    epoch: float = 0.0,
    batch_size: int = 32,
    optimizer: torch.optim.Optimizer | None = None,
    learning_rate: float | None = None,
    initial: nn.Module | None = None,
    evaluated: bool = True,
) -> Subject:
    """One ordinary network at this moment, as instruments see it.

    The network is neither copied nor changed: its parameters are looked at where they are, in
    evaluation mode, so that a later measurement of the same subject sees later weights.

    Args:
        model: `[n, …] → [n, classes]`, or a `ModuleStack` of one.
        train: x `[n, …]` and y `[n]`; `validation`, `test` and `clean` as for `arrays_of_module`.
        arrays: all of them as that function gave them, in their place.
        loss: cross-entropy or squared, of the mean over a batch.
        seed: which samples are drawn.
        update, epoch: when this is.
        batch_size: of the training, for the curvature of mini-batches.
        optimizer: SGD, Adam or AdamW; for the edge of stability.
        learning_rate: in its place.
        initial: the network as it was initialized, for what is compared with it.
        evaluated: whether margins, losses and accuracies are found now, in one pass over all data;
            instruments with `needs` look at them.

    Raises:
        InvalidDataset: if the data are not what the network takes.
    """
    if arrays is None:
        if train is None:
            raise TypeError("train or arrays has to be given")
        arrays = arrays_of_module(plain_module(model), train, validation, test, clean)
    stack = model if isinstance(model, ModuleStack) else stack_of(model, arrays)
    rate = rate_of(optimizer) if learning_rate is None else learning_rate
    rates = torch.tensor([rate], dtype=torch.float64)

    def start() -> StackedModel:
        if initial is None:
            raise NotKnown("The network as it was initialized is not known; pass initial=.")
        return stack_of(initial, arrays).select([0])  # instruments may change it

    subject = Subject(
        model=stack,
        loss=loss,
        arrays=arrays,
        seeds=[seed],
        active=[0],
        sample_seed=seed,
        update=update,
        epoch=epoch,
        batch_size=min(batch_size, arrays.train.inputs.examples),
        learning_rates=rates,
        first_rates=rates,
        descent=descent_of(optimizer, plain_module(model), stack),
        cells=[0],
        initial=start,
    )
    if evaluated:
        found = evaluation_of(subject)
        subject.outcome = found.train
        subject.validation_accuracy = found.metrics.get(VALIDATION_ACCURACY)
    return subject


def measure_module(
    made: Instrument,
    settings: Settings,
    model: nn.Module,
    train: Pair,
    validation: Pair | None,
    test: Pair | None,
    *,
    layers: Sequence[str] | None,
    clean: Any,
    loss: str,
    **more: Any,
) -> tuple[dict[str, float | np.ndarray], dict[str, tuple[str, ...]], tuple[str, ...]]:
    """What `memlab.measure` gives: quantities, names of their axes, and notes; arguments as there.

    Raises:
        BadInput, MemlabError: in one sentence.
    """
    arrays = arrays_of_module(plain_module(model), train, validation, test, clean)
    if made.name in ON_ANY_EXAMPLES and validation is None:
        arrays = replace(arrays, validation=arrays.train)
    if made.name in BY_HALVES and validation is not None and test is None:
        halves = [arrays.validation.inputs.values[:, k::2] for k in (0, 1)]
        labels = [arrays.validation.labels[:, k::2] for k in (0, 1)]
        which = arrays.validation.inputs.which
        parts = [Subset(Inputs(x, which), y) for x, y in zip(halves, labels, strict=True)]
        arrays = replace(arrays, validation=parts[0], test=parts[1])
    wanted = bool(made.needs)
    subject = subject_of_module(model, arrays=arrays, loss=loss, evaluated=wanted, **more)
    subject.layers = layers
    with torch.no_grad():
        logits = subject.model(arrays.train.inputs.values[:, :LOOKED_AT])
    if not bool(logits.isfinite().all()):
        raise InvalidDataset(
            "The model's logits are NaN or infinite for these examples, so that there is nothing to"
            " measure."
        )
    try:
        found = measured(made, subject, settings)
    except MemlabError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"
        raise MemlabError(f"{made.name} cannot be measured on this network: {reason}") from error
    alone = {name: float(v[0]) if v.ndim == 1 else v[0] for name, v in found.items()}
    return alone, subject.axes, tuple(dict.fromkeys(subject.notes))


def stack_of(model: nn.Module, arrays: StackArrays) -> ModuleStack:
    """The network as a stack of one over its own memory."""
    x = arrays.train.inputs.values[0]
    image = (x.shape[1], x.shape[2], x.shape[3]) if x.dim() == 4 else None
    shape = Shape(image, int(x[0].numel()), arrays.classes)
    module = plain_module(model)
    stack = ModuleStack.of([module], shape, way="one-by-one")
    remember_with(module, stack)
    stack.stacking = replace(stack.stacking, writes=True)  # evaluations get copies of buffers
    return stack


def plain_module(model: nn.Module) -> nn.Module:
    """The network inside a compiled or distributed one."""
    wrappers = (nn.DataParallel, nn.parallel.DistributedDataParallel)
    while True:
        inner = model.module if isinstance(model, wrappers) else getattr(model, "_orig_mod", None)
        if not isinstance(inner, nn.Module):
            return model
        model = inner


def evaluation_of(subject: Subject) -> Evaluation:
    """Losses, margins and accuracies on the training and, if there are any, validation examples."""
    arrays, model = subject.arrays, subject.model
    width = WIDENING * max(arrays.train.inputs.values[0, 0].numel(), arrays.classes)
    forward = Forward(lambda x, start, stop: model(x), width, whole=True)
    parts = ["train", *(["validation"] if arrays.validation.inputs.examples else [])]
    return evaluate(forward, arrays, Split.of(arrays), subject.loss, parts, margins=True)


def measured(made: Instrument, subject: Subject, settings: Settings) -> dict[str, np.ndarray]:
    """What the instrument gives now, `[active, *shape]` float64 for each quantity.

    What a reader should know of how is added to the subject's `notes`.

    Raises:
        ValueError: if that is not what it declares.
    """
    with telling(subject.notes):
        found = made.measure(subject, settings)
    arrays = {name: _array(value) for name, value in found.items()}
    _check(made, arrays, subject.members)
    return arrays


def _array(value: Any) -> np.ndarray:
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    return np.asarray(value, dtype=np.float64)


def _check(made: Instrument, arrays: Mapping[str, np.ndarray], members: int) -> None:
    declared = {q.name: len(q.shape) for q in made.quantities}
    for name, values in arrays.items():
        if name not in declared:
            raise ValueError(f"it gives {name!r}, which it does not declare")
        if values.ndim != declared[name] + 1 or values.shape[0] != members:
            raise ValueError(f"{name!r} has the shape {values.shape} for {members} members")

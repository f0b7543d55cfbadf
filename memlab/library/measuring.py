"""One measurement of anybody's network: `memlab.measure`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from memlab.errors import BadInput
from memlab.spelling import closest, did_you_mean

if TYPE_CHECKING:
    import numpy as np

    from memlab.experiment.instruments import Instrument, Settings

#: What needs the whole of a training, not a moment of it.
OF_A_TRAINING = ("ledger",)


class Measured(dict[str, "float | np.ndarray"]):
    """An instrument's quantities by name: floats, and arrays without a dimension of members.

    `axes` names the entries along a dimension where they have names, such as the layers; `notes`
    says in sentences what a reader should know of how it was measured.
    """

    def __init__(
        self,
        quantities: Mapping[str, float | np.ndarray],
        axes: Mapping[str, tuple[str, ...]],
        notes: tuple[str, ...],
    ) -> None:
        super().__init__(quantities)
        self.axes, self.notes = dict(axes), notes


def measure(
    name: str,
    model: Any,
    x: Any = None,
    y: Any = None,
    *,
    train: Any = None,
    validation: Any = None,
    test: Any = None,
    clean: Any = None,
    initial: Any = None,
    optimizer: Any = None,
    learning_rate: float | None = None,
    batch_size: int = 32,
    loss: str = "cross-entropy",
    layers: Any = None,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    **more: Any,
) -> Measured:
    """What an instrument says of a network now, in evaluation mode; the network stays as it is.

    The numbers are those that a run records: gradients are of each example's own loss, curvature is
    of the mean loss, over the parameters that ask for gradients (all, where none does). No mode,
    hook, gradient, buffer, parameter or random state of yours is changed.

    Args:
        name: an instrument, as the README and `memlab schema` name them.
        model: a `torch.nn.Module`, `[examples, …]` → logits `[examples, classes]` (or an object
            with `logits`).
        x, y: the examples, training examples where it matters, and their labels: tensors, arrays or
            lists; `train=(x, y)` is the same. Token numbers are taken as they are.
        validation, test: pairs (x, y) like it. What is measured on validation examples
            (critical-samples, alignment) is measured on x and y if there are none; probes take
            every other validation example for the test.
        clean: which labels are right: a mask, or the true labels.
        initial: the network as it was initialized, for what is compared with it.
        optimizer, learning_rate, batch_size: of the training, for the edge of stability.
        loss: `cross-entropy`, or `squared`: ½‖logits − one-hot‖².
        layers: names of submodules for probes and alignment; default: `model`'s hidden layers.
        seed: which examples are drawn where there are more than `examples`.
        settings: the instrument's own, as in `[instruments.NAME]` of an experiment; keywords do the
            same, so `examples=512`.

    Raises:
        BadInput: what is wrong, in one sentence.
        MemlabError: if the network cannot be measured so; where a layer is why, it is named.

    >>> import torch
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> x, y = torch.randn(90, 4), torch.arange(90) % 3
    >>> sorted(memlab.measure("curvature-trace", net, x, y, samples=4))
    ['frobenius', 'frobenius_error', 'trace', 'trace_error']
    >>> memlab.measure("stifness", net, x, y)
    Traceback (most recent call last):
    memlab.errors.BadInput: There is no instrument 'stifness'; did you mean 'stiffness'?
    """
    made = _instrument(name)
    chosen = _settings(made, {**(settings or {}), **more})
    if train is None:
        train = (x, y)
    elif x is not None or y is not None:
        raise BadInput("The examples are either x and y, or train, not both.")
    if train[0] is None or train[1] is None:
        raise BadInput("Examples are needed: x and y, or train=(x, y).")
    if not hasattr(model, "named_parameters") or not callable(model):
        raise BadInput(f"The model is a {type(model).__name__}, and not a torch.nn.Module.")
    if loss not in ("cross-entropy", "squared"):
        raise BadInput(f"The loss {loss!r} is unknown; it is 'cross-entropy' or 'squared'.")
    # Where there is a module, there is torch in this process already.
    measuring = import_module("memlab.instruments.measuring")
    quantities, axes, notes = measuring.measure_module(
        made,
        chosen,
        model,
        train,
        validation,
        test,
        layers=layers,
        clean=clean,
        initial=initial,
        optimizer=optimizer,
        learning_rate=learning_rate,
        batch_size=batch_size,
        loss=loss,
        seed=seed,
    )
    return Measured(quantities, axes, notes)


def _instrument(name: str) -> Instrument:
    from memlab.experiment.instruments import BUILT_IN, instrument, known

    if name not in known():
        nearest = did_you_mean(closest(name, known()), f"; there are {', '.join(BUILT_IN)}.")
        raise BadInput(f"There is no instrument {name!r}{nearest}")
    if name in OF_A_TRAINING:
        raise BadInput(
            f"The {name} follows every example through a training, so that it cannot be measured"
            " once: memlab.record keeps one of your own loop."
        )
    return instrument(name)


def _settings(made: Instrument, given: Mapping[str, Any]) -> Settings:
    from pydantic import ValidationError

    from memlab.experiment.explaining import sentence

    own = made.settings.model_fields
    for name in given:
        if name not in own:
            nearest = did_you_mean(closest(name, own), f"; it has {', '.join(own)}.")
            raise BadInput(f"{made.name} has no setting {name!r}{nearest}")
    try:
        return made.settings(**given)
    except ValidationError as error:
        raise BadInput(f"{made.name}: {sentence(error.errors()[0])}") from error

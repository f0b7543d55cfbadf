"""`memlab.record`: where a recording begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from memlab.recording import described
from memlab.recording.given import given
from memlab.recording.recording import Recording
from memlab.recording.validating import Validation


def record(
    model: Any,
    train: Any,
    validation: Any = None,
    optimizer: Any = None,
    clean: Any = None,
    instruments: str | Sequence[str] | Mapping[str, Any] | None = "default",
    share: float = 0.15,
    *,
    name: str | None = None,
    epochs: int | None = None,
    class_names: Sequence[str] = (),
    resume: str | None = None,
    step: int | None = None,
) -> Recording:
    """Records a training loop as a run, live in Watch, in the Library and in reports.

        with memlab.record(model, train=(x, y), optimizer=optimizer) as run:
            for epoch in range(epochs):
                for x, y, index in run.batches(loader):
                    ...                                  # the loop's own step, unchanged
                    run.step(logits, y, index)

    Training is the same to the last bit with it and without it, and goes on whatever happens here.

    Args:
        model: the network, a `torch.nn.Module`.
        train: (x, y), a data set with a length, or how many training examples there are.
        validation: (x, y) or a data set, which the network is asked about at each `run.epoch()`;
            of a data set at most 10,000 examples, or 256 MiB, the same ones each time.
        optimizer: its learning rate is recorded.
        clean: which training labels are right, a mask, or all the true labels; None if unknown.
        instruments: "default", names, names with settings, as {"stiffness": {"examples": 32}}, or
            None; they need (x, y) or a data set.
        share: of the training time, for the instruments.
        name: the run's title; default: the script's name.
        epochs: how many there will be, for progress and the time left.
        class_names: of the classes, in their order.
        resume: a recorded run to go on with from `step`, the step of the checkpoint that was
            loaded; default: its last. Nothing of it is cut: rows carry an attempt, and of two
            attempts at a step the later is shown.

    In a group of processes that train together the first alone records.

    Raises:
        InvalidDataset, InvalidExperiment: if train, validation, clean or instruments are not that.
        RunFolderError: if the run of `resume` cannot be gone on with.

    >>> import torch
    >>> x, y = torch.randn(64, 5), torch.arange(64) % 3
    >>> model = torch.nn.Linear(5, 3)
    >>> with memlab.record(model, train=(x, y), instruments=None, name="doctest") as run:
    ...     for _ in range(3):
    ...         run.step(model(x), y, torch.arange(64))
    ...         run.epoch()
    >>> len(memlab.load(run.id).series("train_loss").epochs), len(run.suspects())
    (3, 64)
    """
    data = given(train, clean)
    held = None if validation is None else Validation.of(validation)
    chosen = described.chosen_instruments(instruments, share, data, held)
    made = Recording(model, data, held, optimizer, chosen, epochs, class_names)
    made.named = {instruments} if isinstance(instruments, str) else set(instruments or ())
    if described.is_first_process():
        title = name or described.script_name()
        made.begin(title, described.network_name(model), resume, step)
    return made

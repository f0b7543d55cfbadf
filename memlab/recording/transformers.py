"""The `Trainer` of transformers, recorded: a callback that passes on what it sees.

    Trainer(
        model,
        TrainingArguments(..., remove_unused_columns=False),
        train_dataset=memlab.indexed(dataset),
        callbacks=[memlab.TransformersRecorder(train=(input_ids, labels))],
    )

The trainer shows its callbacks no logits: while it trains, the network has two hooks, which take
the index out of the batch before the network sees it, and read the logits that it gives.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from memlab.errors import PackageMissing
from memlab.recording.indexed import INDEX
from memlab.recording.record import record
from memlab.recording.recording import Recording

try:
    from transformers import TrainerCallback
except ImportError as error:
    raise PackageMissing(
        "memlab.TransformersRecorder needs transformers: pip install 'memlab[transformers]'."
    ) from error

LABELS = "labels"


class TransformersRecorder(TrainerCallback):  # type: ignore[misc]
    """Records what a `transformers.Trainer` trains; arguments are those of `memlab.record`."""

    def __init__(self, train: Any, validation: Any = None, **settings: Any) -> None:
        """Nothing is made before training begins.

        Args:
            train: (input ids `[n, tokens]`, labels `[n]`), or how many examples there are.
            validation, settings: as for `memlab.record`; without `validation` the figures of the
                trainer's own evaluations are taken.
        """
        self._train, self._validation, self._settings = train, validation, settings
        self._hooks: list[Any] = []
        self._index: Any = None
        self._ended = False
        #: The recording, from the beginning of training on.
        self.run: Recording | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **found: Any) -> None:
        """Begins, in the first process."""
        model = found.get("model")
        if not isinstance(model, nn.Module):
            return
        take, look = self._take_index, self._look
        self._hooks = [
            model.register_forward_pre_hook(take, with_kwargs=True),
            model.register_forward_hook(look, with_kwargs=True),
        ]
        if not state.is_world_process_zero or self.run is not None:
            return
        more = {"epochs": int(state.num_train_epochs) or None} | self._settings
        self.run = record(model, self._train, self._validation, found.get("optimizer"), **more)

    def _take_index(self, model: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        self._index = kwargs.get(INDEX)
        return args, {name: value for name, value in kwargs.items() if name != INDEX}

    def _look(self, model: nn.Module, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        if self.run is not None and model.training:
            self.run.step(output, kwargs.get(LABELS), self._index)

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **found: Any) -> None:
        """Ends the epoch before, where no evaluation came."""
        self._epoch()

    def on_epoch_end(self, args: Any, state: Any, control: Any, **found: Any) -> None:
        """Ends an epoch; its evaluation comes afterwards, where there is one."""
        self._ended = True

    def on_evaluate(self, args: Any, state: Any, control: Any, **found: Any) -> None:
        """Takes the figures of an evaluation."""
        figures = found.get("metrics") or {}
        self._epoch(figures.get("eval_accuracy"), figures.get("eval_loss"))

    def on_log(self, args: Any, state: Any, control: Any, **found: Any) -> None:
        """Keeps the norm of the gradient, which the trainer logs."""
        norm = (found.get("logs") or {}).get("grad_norm")
        if self.run is not None and norm is not None:
            self.run.log(grad_norm=norm)

    def _epoch(self, accuracy: float | None = None, loss: float | None = None) -> None:
        if self.run is not None and self._ended:
            self.run.epoch(accuracy, loss)
        self._ended = False

    def on_train_end(self, args: Any, state: Any, control: Any, **found: Any) -> None:
        """Ends; the network has no hook of ours any more."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        self._epoch()
        if self.run is not None:
            self.run.close()

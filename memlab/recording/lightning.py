"""Lightning's `Trainer`, recorded: a callback that passes on what the trainer tells it.

    trainer = lightning.Trainer(callbacks=[memlab.LightningRecorder(train=(x, y))])
    trainer.fit(module, memlab.indexed(loader))

`training_step` gives its logits beside the loss: `return {"loss": loss, "logits": logits}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from memlab.errors import PackageMissing
from memlab.recording.indexed import INDEX
from memlab.recording.record import record
from memlab.recording.recording import Recording

try:
    from lightning.pytorch.callbacks import Callback
except ImportError:
    try:
        from pytorch_lightning.callbacks import Callback
    except ImportError as error:
        raise PackageMissing(
            "memlab.LightningRecorder needs lightning: pip install 'memlab[lightning]'."
        ) from error

NO_LOGITS = (
    'training_step gives no logits, so that losses and examples are not recorded: return {"loss": '
    'loss, "logits": logits}.'
)
#: Where a module keeps the network that it trains, the first that it has.
NETWORKS = ("model", "net", "network", "backbone")


class LightningRecorder(Callback):  # type: ignore[misc]
    """Records what a Lightning `Trainer` trains; arguments are those of `memlab.record`."""

    def __init__(
        self,
        train: Any,
        validation: Any = None,
        *,
        labels: str | int = "labels",
        validation_accuracy: str = "val_acc",
        validation_loss: str = "val_loss",
        **settings: Any,
    ) -> None:
        """Nothing is made before training begins.

        Args:
            train, validation, settings: as for `memlab.record`.
            labels: the key of the labels in a batch that is a mapping; in others they stand last,
                before the index.
            validation_accuracy, validation_loss: what the module logs them as.
        """
        super().__init__()
        self._train, self._validation, self._settings = train, validation, settings
        self._labels = labels
        self._names = (validation_accuracy, validation_loss)
        #: The recording, from the beginning of training on.
        self.run: Recording | None = None

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Begins, in the first process."""
        if not trainer.is_global_zero or self.run is not None:
            return
        network = network_of(pl_module)
        more = dict(self._settings)
        if network is pl_module:  # which knows its trainer, so that no copy of it can be asked
            more["instruments"] = None
        epochs = trainer.max_epochs if (trainer.max_epochs or -1) > 0 else None
        more.setdefault("epochs", epochs)
        self.run = record(network, self._train, self._validation, **more)

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Passes the answers of a batch on."""
        if self.run is None:
            return
        if trainer.optimizers:
            self.run.follow(trainer.optimizers[0])
        logits = outputs.get("logits") if isinstance(outputs, Mapping) else None
        if logits is None:
            self.run.miss(NO_LOGITS)
            return
        labels, index = parts_of(batch, self._labels)
        self.run.step(logits, labels, index)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Ends an epoch; validation and everything else is what the module has logged."""
        if self.run is None:
            return
        logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
        accuracy, loss = (logged.pop(name, None) for name in self._names)
        if logged:
            self.run.log(**logged)
        self.run.epoch(accuracy, loss)

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Ends with the reason."""
        if self.run is not None:
            self.run.close(exception)

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """Ends."""
        if self.run is not None:
            self.run.close()


def network_of(module: nn.Module) -> nn.Module:
    """The network that a module trains; the module itself where it keeps none by a known name."""
    for name in NETWORKS:
        found = getattr(module, name, None)
        if isinstance(found, nn.Module):
            return found
    return module


def parts_of(batch: Any, labels: str | int) -> tuple[Tensor | None, Tensor | None]:
    """Labels and index of a batch from `memlab.indexed`; None for what is not there."""
    if isinstance(batch, Mapping):
        return batch.get(labels), batch.get(INDEX)
    if isinstance(batch, tuple | list) and len(batch) >= 3:
        return batch[-2], batch[-1]
    if isinstance(batch, tuple | list) and len(batch) == 2:
        return batch[1], None
    return None, None

"""Lightning's and transformers' trainers, recorded by a callback: real ones, and the same bits."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import memlab
from memlab.errors import PackageMissing
from tests.recording.loops import Data, mlp

HAS_LIGHTNING = find_spec("lightning") is not None
HAS_TRANSFORMERS = find_spec("transformers") is not None and find_spec("accelerate") is not None


@pytest.fixture
def forgotten() -> Iterator[None]:
    """The callbacks' modules are imported anew, and come back afterwards."""
    names = ("memlab.recording.lightning", "memlab.recording.transformers")
    kept = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    for name in ("LightningRecorder", "TransformersRecorder"):
        vars(memlab).pop(name, None)
    yield
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(kept)


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize(
    ("name", "packages"),
    [
        ("LightningRecorder", ("lightning.pytorch.callbacks", "pytorch_lightning.callbacks")),
        ("TransformersRecorder", ("transformers",)),
    ],
)
def test_without_its_library_a_callback_says_what_is_missing(
    name: str, packages: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(PackageMissing, match=r"pip install 'memlab\[(lightning|transformers)\]'"):
        getattr(memlab, name)


def lightning_trained(data: Data, recorder: Any) -> dict[str, Tensor]:
    import lightning

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = mlp(dropout=0.3, normalized=True)

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            logits = self.model(batch[0])
            loss = nn.functional.cross_entropy(logits, batch[1])
            self.log("train_step_loss", loss)
            return {"loss": loss, "logits": logits}

        def validation_step(self, batch: Any, batch_idx: int) -> None:
            right = (self.model(batch[0]).argmax(1) == batch[1]).float().mean()
            self.log("val_acc", right)

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=0.01)

    lightning.seed_everything(3, verbose=False)
    module = Module()
    loader = data.loader()
    trainer = lightning.Trainer(
        max_epochs=4,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[] if recorder is None else [recorder],
    )
    validation = DataLoader(TensorDataset(data.xv, data.yv), batch_size=32)
    trainer.fit(module, loader if recorder is None else memlab.indexed(loader), validation)
    return module.state_dict()  # type: ignore[no-any-return]


@pytest.mark.full
@pytest.mark.skipif(not HAS_LIGHTNING, reason="lightning is not installed")
def test_lightning_is_recorded_and_trains_the_same(data: Data) -> None:
    plain = lightning_trained(data, None)
    recorder = memlab.LightningRecorder(
        train=(data.x, data.y), clean=data.true, instruments=["ledger", "stiffness"], share=10.0
    )
    found = lightning_trained(data, recorder)
    assert all(torch.equal(plain[name], found[name]) for name in plain)
    assert recorder.run is not None
    run = memlab.load(recorder.run.id)
    assert run.state.state == "finished"
    assert run.series("train_accuracy_corrupted").values.shape == (1, 4)
    assert np.isfinite(run.series("validation_accuracy").values).all()
    assert np.isfinite(run.series("logged-train-step-loss.train_step_loss").values).all()
    assert run.series("learning_rate").values[0, -1] == pytest.approx(0.01)
    assert len(run.instrument("stiffness", "within").epochs) >= 1
    assert len(run.suspects()) == len(data.x)


class Sentences(torch.utils.data.Dataset[Any]):
    """Ids of two classes."""

    def __init__(self, count: int) -> None:
        drawn = torch.Generator().manual_seed(0)
        self.labels = torch.arange(count) % 2
        self.ids = torch.randint(2, 8, (count, 6), generator=drawn) + 6 * self.labels[:, None]

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, at: int) -> dict[str, Tensor]:
        return {"input_ids": self.ids[at], "labels": self.labels[at]}


def transformers_trained(folder: Path, dataset: Any, recorder: Any) -> dict[str, Tensor]:
    from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=16,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=8,
    )
    model = BertForSequenceClassification(config)
    arguments = TrainingArguments(
        str(folder),
        num_train_epochs=3,
        per_device_train_batch_size=8,
        learning_rate=5e-3,
        eval_strategy="epoch",
        save_strategy="no",
        logging_steps=4,
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
        remove_unused_columns=False,
    )
    Trainer(
        model,
        arguments,
        train_dataset=dataset,
        eval_dataset=Sentences(16),
        compute_metrics=lambda found: {
            "accuracy": float((found.predictions.argmax(1) == found.label_ids).mean())
        },
        callbacks=[] if recorder is None else [recorder],
    ).train()
    assert not model._forward_hooks
    assert not model._forward_pre_hooks
    return model.state_dict()  # type: ignore[no-any-return]


@pytest.mark.full
@pytest.mark.skipif(not HAS_TRANSFORMERS, reason="transformers is not installed")
def test_transformers_is_recorded_and_trains_the_same(tmp_path: Path) -> None:
    dataset = Sentences(48)
    plain = transformers_trained(tmp_path / "a", dataset, None)
    recorder = memlab.TransformersRecorder(
        train=(dataset.ids, dataset.labels), instruments=["ledger", "stiffness"], share=10.0
    )
    found = transformers_trained(tmp_path / "b", memlab.indexed(dataset), recorder)
    assert all(torch.equal(plain[name], found[name]) for name in plain)
    assert recorder.run is not None
    run = memlab.load(recorder.run.id)
    assert run.state.state == "finished"
    assert run.series("train_accuracy").values.shape == (1, 3)
    assert np.isfinite(run.series("validation_accuracy").values).all()
    assert np.isfinite(run.series("validation_loss").values).all()
    assert np.isfinite(run.series("logged-grad-norm.grad_norm").values).all()
    assert len(run.instrument("stiffness", "within").epochs) >= 1
    assert len(run.suspects()) == 48

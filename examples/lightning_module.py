"""Lightning on digits, recorded: a callback, an indexed loader, and the logits beside the loss.

pip install 'memlab[lightning]'
python examples/lightning_module.py      # in another terminal: memlab watch last
"""

import argparse

import lightning
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import memlab

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=15)
epochs = parser.parse_args().epochs

lightning.seed_everything(0, verbose=False)
digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32) / 16
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
train, held_out = order[:1437], order[1437:]


class Digits(lightning.LightningModule):
    """A perceptron; only the last line of `training_step` is there for memlab."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))

    def training_step(self, batch, batch_idx):
        images, labels, _ = batch
        logits = self.model(images)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}

    def validation_step(self, batch, batch_idx):
        images, labels = batch
        logits = self.model(images)
        self.log("val_acc", (logits.argmax(1) == labels).float().mean())
        self.log("val_loss", nn.functional.cross_entropy(logits, labels))

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=3e-3)


recorder = memlab.LightningRecorder(train=(x[train], y[train]), name="Lightning on digits")
trainer = lightning.Trainer(
    max_epochs=epochs,
    accelerator="auto",
    callbacks=[recorder],
    logger=False,
    enable_checkpointing=False,
    enable_progress_bar=False,
    enable_model_summary=False,
)
trainer.fit(
    Digits(),
    memlab.indexed(DataLoader(TensorDataset(x[train], y[train]), batch_size=32, shuffle=True)),
    DataLoader(TensorDataset(x[held_out], y[held_out]), batch_size=256),
)
print(f"\nThe run is {recorder.run.id}; `memlab report {recorder.run.id}` shows it.")

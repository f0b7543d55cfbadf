"""A tiny text classifier with transformers, recorded: a callback and an indexed data set.

    pip install 'memlab[transformers]'
    python examples/text_classifier.py       # in another terminal: memlab watch last

The sentences are made here and the network is initialized at random, so that nothing is downloaded:
is a review good or bad? A tenth of the labels are wrong, and the run ends with the suspects.
"""

import argparse
import random
import tempfile

import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

import memlab

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=8)
epochs = parser.parse_args().epochs

random.seed(0)
torch.manual_seed(0)
GOOD = ["great", "moving", "funny", "clever", "warm", "lovely", "sharp", "bright"]
BAD = ["dull", "slow", "weak", "silly", "cold", "boring", "flat", "cheap"]
REST = ["the", "a", "film", "plot", "and", "was", "with", "very", "actor", "scene", "music", "it"]
words = {word: number for number, word in enumerate(["<pad>", *GOOD, *BAD, *REST])}


def sentence(good: bool) -> str:
    told = random.sample(GOOD if good else BAD, 2) + random.sample(REST, 7)
    told += random.sample(BAD if good else GOOD, 1) if random.random() < 0.3 else []
    random.shuffle(told)
    return " ".join(told)


def tokens(text: str, length: int = 12) -> list[int]:
    found = [words[word] for word in text.split()]
    return (found + [0] * length)[:length]


true = [number % 2 for number in range(640)]
texts = [sentence(bool(label)) for label in true]
ids = torch.tensor([tokens(text) for text in texts])
labels = torch.tensor(true)
wrong = torch.rand(512) < 0.1
given = torch.where(wrong, 1 - labels[:512], labels[:512])


class Reviews(torch.utils.data.Dataset):
    """Token ids and labels, as the trainer wants them."""

    def __init__(self, ids: torch.Tensor, labels: torch.Tensor) -> None:
        self.ids, self.labels = ids, labels

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        mask = (self.ids[index] != 0).long()
        return {
            "input_ids": self.ids[index],
            "attention_mask": mask,
            "labels": self.labels[index],
        }


def accuracy(evaluation) -> dict[str, float]:
    return {"accuracy": float((evaluation.predictions.argmax(1) == evaluation.label_ids).mean())}


config = BertConfig(
    vocab_size=len(words),
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=64,
    max_position_embeddings=16,
)
recorder = memlab.TransformersRecorder(
    train=(ids[:512], given), name="text classifier", class_names=["bad", "good"]
)
with tempfile.TemporaryDirectory() as folder:
    trainer = Trainer(
        BertForSequenceClassification(config),
        TrainingArguments(
            folder,
            num_train_epochs=epochs,
            per_device_train_batch_size=32,
            learning_rate=2e-3,
            eval_strategy="epoch",
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            remove_unused_columns=False,
        ),
        train_dataset=memlab.indexed(Reviews(ids[:512], given)),
        eval_dataset=Reviews(ids[512:], labels[512:]),
        compute_metrics=accuracy,
        callbacks=[recorder],
    )
    trainer.train()

run = recorder.run
suspects = run.suspects()
print(f"\nThe run is {run.id}; `memlab report {run.id}` shows it.")
for row in list(suspects)[:5]:
    print(f"  given {row['given_label']:4}: {texts[row['index']]}")
first = torch.from_numpy(suspects["index"][: int(wrong.sum())])
print(f"{wrong[first].double().mean():.0%} of the first {len(first)} are wrong labels.")

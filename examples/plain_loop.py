"""A plain PyTorch loop on digits, 15 % of its labels wrong, that ends with the suspects.

    python examples/plain_loop.py            # in another terminal: memlab watch last

Four lines of it are memlab's; the network, the optimizer and the loop know nothing of it.
"""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import memlab

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=30)
epochs = parser.parse_args().epochs

torch.manual_seed(0)
digits = load_digits()
x = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
train, held_out = order[:1437], order[1437:]
labels = y[train].clone()
wrong = torch.rand(len(train)) < 0.15
labels[wrong] = (labels[wrong] + torch.randint(1, 10, (int(wrong.sum()),))) % 10

model = nn.Sequential(
    nn.Conv2d(1, 32, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(32, 64, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(256, 10),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
loader = DataLoader(TensorDataset(x[train], labels), batch_size=32, shuffle=True)

with memlab.record(
    model,
    train=(x[train], labels),
    validation=(x[held_out], y[held_out]),
    optimizer=optimizer,
    name="plain loop on digits",
    epochs=epochs,
) as run:
    for _ in range(epochs):
        for images, given, index in run.batches(loader):
            logits = model(images)
            loss = nn.functional.cross_entropy(logits, given)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.step(logits, given, index)

suspects = run.suspects()
print(f"\nThe run is {run.id}; `memlab report {run.id}` shows it.")
print("The labels that are most surely wrong:")
for row in list(suspects)[:10]:
    print("  index {index:>5}  given {given_label}  suggested {suggested_label}".format(**row))
first = torch.from_numpy(suspects["index"][: int(wrong.sum())])
print(f"{wrong[first].double().mean():.0%} of the first {len(first)} are wrong labels.")

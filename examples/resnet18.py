"""torchvision's ResNet-18, with stiffness and sharpness live in Watch.

    python examples/resnet18.py --data ~/data        # CIFAR-10, where it is on disk
    python examples/resnet18.py                      # else pictures that are made here

In another terminal: memlab watch last
"""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision.datasets import CIFAR10
from torchvision.models import resnet18

import memlab

parser = argparse.ArgumentParser()
parser.add_argument("--data", default="data", help="folder of CIFAR-10 as torchvision has it")
parser.add_argument("--examples", type=int, default=512)
parser.add_argument("--epochs", type=int, default=8)
parser.add_argument("--side", type=int, default=16, help="pixels of a picture that is made here")
options = parser.parse_args()


def made_pictures(count: int, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Stripes of ten directions, under noise."""
    y = torch.arange(count) % 10
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    angle = (y * torch.pi / 10).view(-1, 1, 1)
    phase = 6 * torch.rand(count, 1, 1)
    waves = torch.sin(0.9 * (rows * angle.cos() + columns * angle.sin()) + phase)
    return (waves.unsqueeze(1).expand(-1, 3, -1, -1) + torch.randn(count, 3, side, side)), y


torch.manual_seed(0)
try:
    data = CIFAR10(options.data, download=False)
    x = torch.from_numpy(data.data).permute(0, 3, 1, 2).float() / 127.5 - 1
    y = torch.tensor(data.targets)
    chosen = torch.randperm(len(x))[: options.examples + options.examples // 2]
    x, y = x[chosen], y[chosen]
except RuntimeError:
    print(f"There is no CIFAR-10 in {options.data}: the pictures are made here.")
    x, y = made_pictures(options.examples + options.examples // 2, options.side)
x_train, y_train = x[: options.examples], y[: options.examples]
x_validation, y_validation = x[options.examples :], y[options.examples :]

device = "cuda" if torch.cuda.is_available() else "cpu"
model = resnet18(num_classes=10).to(device)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.epochs)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)

with memlab.record(
    model,
    train=(x_train, y_train),
    validation=(x_validation, y_validation),
    optimizer=optimizer,
    instruments={"stiffness": {"examples": 32}, "curvature": {"examples": 32}},
    share=0.5,
    name="ResNet-18",
    epochs=options.epochs,
) as run:
    for _ in range(options.epochs):
        model.train()
        for images, labels, index in memlab.indexed(loader):
            logits = model(images.to(device))
            loss = nn.functional.cross_entropy(logits, labels.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.step(logits, labels, index)
        schedule.step()
        run.epoch()

print(f"\nThe run is {run.id}; `memlab report {run.id}` shows it.")

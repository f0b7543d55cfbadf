"""Networks as a user would write them, and the permission to import them in a test."""

from __future__ import annotations

from pathlib import Path

from memlab.runs import own_code

MODULE = "own_nets_of_a_test"
TEXT = '''
import torch
from torch import nn


def make(image_shape, features, classes, hidden=8):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
        nn.Linear(hidden, classes),
    )


def noisy(image_shape, features, classes, hidden=8, rate=0.3):
    """Batch normalization and dropout: running statistics, and numbers of its own."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(features, hidden), nn.BatchNorm1d(hidden), nn.ReLU(),
        nn.Dropout(rate), nn.Linear(hidden, classes),
    )


def normalized(image_shape, features, classes, hidden=8):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(features, hidden), nn.BatchNorm1d(hidden), nn.ReLU(),
        nn.Linear(hidden, classes),
    )


def lazy(image_shape, features, classes, channels=4, more=False):
    layers = [nn.Conv2d(image_shape[0], channels, 3), nn.ReLU()]
    if more:
        layers += [nn.Conv2d(channels, channels, 3), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(classes))


def half_frozen(image_shape, features, classes):
    made = make(image_shape, features, classes)
    made[1].requires_grad_(False)
    return made


def idle(image_shape, features, classes):
    """Has a layer that no logit depends on."""
    made = make(image_shape, features, classes)
    made[0].idle = nn.Linear(3, 3)
    return made


def raises(image_shape, features, classes):
    raise RuntimeError("no such thing\\nand more")


def leaves(image_shape, features, classes):
    raise SystemExit(3)


def number(image_shape, features, classes):
    return 3


def wide(image_shape, features, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(features, classes + 1))


def empty(image_shape, features, classes):
    return nn.Flatten()


def pair(image_shape, features, classes):
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.out = nn.Linear(features, classes)

        def forward(self, x):
            return self.out(x.flatten(1)), None

    return Pair()


def narrow(image_shape, features, classes):
    return nn.Linear(features + 1, classes)


def counting(image_shape, features, classes):
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.out, self.calls = nn.Linear(features, classes), 0

        def forward(self, x):
            self.calls += 1
            return self.out(x.flatten(1))

    return Counting()


def scripted(image_shape, features, classes):
    return torch.jit.script(nn.Sequential(nn.Flatten(), nn.Linear(features, classes)))


def weighed(image_shape, features, classes):
    """Has a weight that is computed anew in each pass, by a hook."""
    first = torch.nn.utils.weight_norm(nn.Linear(features, 8))
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), nn.Linear(8, classes))


constant = 7
'''


def written(folder: Path, text: str = TEXT, module: str = MODULE) -> own_code.Code:
    """The module, put into `folder`; nothing is imported."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{module}.py").write_text(text)
    return own_code.find(module, [folder])


def address(name: str) -> str:
    """What `model.name` is for one of the networks above."""
    return f"python:{MODULE}:{name}"

"""Ordinary networks of several makers, as the bench of instruments and their checks have them.

Random weights, small inputs. `transformers` is no dependency: without it its row is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from memlab.models.module_stack import ModuleStack
from memlab.models.stacked import Shape

CLASSES = 10
#: Examples whose statistics batch normalization runs on, at least.
SETTLED = 32


@dataclass(frozen=True)
class Ordinary:
    """A network by what makes it, examples of this shape, and tokens' number where it has tokens.

    `one_by_one`: `torch.func.vmap` cannot do its gradients.
    """

    name: str
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    examples: int
    tokens: int = 0


class LastState(nn.Module):
    """A two-layer LSTM that classifies by its last state."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(32, 64, 2, batch_first=True)
        self.output = nn.Linear(64, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """`[n, places, 32]` → `[n, classes]`."""
        last: Tensor = self.output(self.lstm(x)[0][:, -1])
        return last


def _vision(name: str, **settings: Any) -> nn.Module:
    made: nn.Module = getattr(import_module("torchvision.models"), name)(**settings)
    return made


def transformer(**settings: Any) -> nn.Module:
    """A tiny BERT of `transformers` with random weights, that classifies.

    Raises:
        ImportError: if transformers is not installed.
    """
    library = import_module("transformers")
    sizes = {
        "vocab_size": 200,
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 128,
        "max_position_embeddings": 32,
        "num_labels": CLASSES,
    }
    made: nn.Module = library.BertForSequenceClassification(
        library.BertConfig(**(sizes | settings))
    )
    return made


def _networks() -> tuple[Ordinary, ...]:
    return (
        Ordinary(
            "ResNet-18, 32×32",
            lambda: _vision("resnet18", num_classes=CLASSES),
            (3, 32, 32),
            32,
        ),
        Ordinary(
            "MobileNetV3-small, 32×32",
            lambda: _vision("mobilenet_v3_small", num_classes=CLASSES),
            (3, 32, 32),
            32,
        ),
        Ordinary(
            "small ViT, 32×32",
            lambda: _vision(
                "VisionTransformer",
                image_size=32,
                patch_size=8,
                num_layers=4,
                num_heads=4,
                hidden_dim=64,
                mlp_dim=128,
                num_classes=CLASSES,
            ),
            (3, 32, 32),
            64,
        ),
        Ordinary("two-layer LSTM, 16 places", LastState, (16, 32), 64),
        Ordinary("tiny BERT, 16 tokens", transformer, (16,), 64, tokens=200),
    )


NETWORKS = _networks()


def available() -> list[Ordinary]:
    """Those whose packages are installed."""
    have = find_spec("transformers") is not None
    return [network for network in NETWORKS if have or network.make is not transformer]


@dataclass(frozen=True)
class Given:
    """A network in evaluation mode, as a stack of one too, and data."""

    network: nn.Module
    stack: ModuleStack
    x: Tensor
    y: Tensor


@torch.no_grad()
def _settle(network: nn.Module, x: Tensor) -> None:
    """Running statistics of these data: with the initial ones activations die out in deep nets."""
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    if norms:
        network(x)
    network.eval()


def given(
    case: Ordinary,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    examples: int | None = None,
) -> Given:
    """The case built; the same every time."""
    count = case.examples if examples is None else examples
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        network = case.make().to(device, dtype).eval()
        for parameter in network.parameters():  # torchvision's ViT starts with a head of zeros
            if parameter.dim() > 1 and not bool(parameter.any()):
                nn.init.normal_(parameter, std=0.02)
        y = torch.randint(0, CLASSES, (count,)).to(device)
        drawn = torch.randn(max(count, SETTLED), *case.shape, dtype=torch.float64)
        x = drawn.to(device, dtype)
        if case.tokens:
            x = torch.randint(1, case.tokens, (count, *case.shape)).to(device)
    _settle(network, x)
    x = x[:count]
    stack = ModuleStack.of([network], Shape(None, 1, CLASSES), way="one-by-one")
    return Given(network, stack, x, y)

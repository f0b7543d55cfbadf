"""Ordinary networks in float64 with every kind of layer, and their explicit gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

CLASSES = 3


@dataclass(frozen=True)
class Case:
    """A network by what makes it, one example's shape, and tokens' number where it takes tokens."""

    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    tokens: int = 0

    def network(self) -> nn.Module:
        """In float64, its parameters and running statistics nowhere 0 or 1."""
        torch.manual_seed(3)
        made = self.make().double()
        with torch.no_grad():
            for tensor in [*made.parameters(), *made.buffers()]:
                if tensor.is_floating_point():
                    tensor.mul_(1 + 0.3 * torch.rand_like(tensor)).add_(
                        0.1 * torch.rand_like(tensor)
                    )
        return made

    def data(self, count: int) -> tuple[Tensor, Tensor]:
        """Standard normal inputs, or tokens, and labels."""
        generator = torch.Generator().manual_seed(5)
        labels = torch.randint(0, CLASSES, (count,), generator=generator)
        if self.tokens:
            return torch.randint(0, self.tokens, (count, *self.shape), generator=generator), labels
        x = torch.randn(count, *self.shape, generator=generator, dtype=torch.float64)
        return x, labels


def head(features: int) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(features, CLASSES))


class Twice(nn.Module):
    """One layer used twice, and one parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.out = nn.Linear(4, 4), nn.Linear(4, CLASSES)
        self.scale = nn.Parameter(torch.ones(4))

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.tanh(self.layer(torch.tanh(self.layer(x)))) * self.scale)


class Tied(nn.Module):
    """A language model's habit: the table of the tokens is the last layer's weight too."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(CLASSES, 5)
        self.out = nn.Linear(5, CLASSES)
        self.out.weight = self.table.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.tanh(self.table(x)).mean(1))


class Recurrent(nn.Module):
    """A two-layer LSTM that classifies by its last state."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.lstm, self.out = nn.LSTM(3, width, 2, batch_first=True), nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.lstm(x)[0][:, -1])


class Gates(nn.Module):
    """A recurrent layer that has no rule."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.out = nn.GRU(3, 4, batch_first=True), nn.Linear(4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.gru(x)[0][:, -1])


class BothWays(nn.Module):
    """A bidirectional LSTM whose steps come first and which starts somewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 4, 2, bidirectional=True, bias=False)
        self.out = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        start = x.new_ones(4, len(x), 4)
        output, (hidden, cells) = self.lstm(x.transpose(0, 1), (start, start / 2))
        return self.out(output.mean(0) + cells[:2].mean(0).repeat(1, 2)) + hidden[-1, :, :CLASSES]


class Text(nn.Module):
    """Tokens with a padding one, positions, an encoder layer with a mask, batch not first."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(11, 8, padding_idx=0)
        self.places = nn.Embedding(5, 8)
        self.encoder = nn.TransformerEncoderLayer(8, 2, 12, batch_first=False)
        self.out = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        h = self.table(x) + self.places(torch.arange(x.shape[1], device=x.device))
        h = self.encoder(h.transpose(0, 1), src_key_padding_mask=x == 0)
        return self.out(h[0])


class Crossed(nn.Module):
    """Attention between two sequences, each of another width, with its weights asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(6, 2, kdim=4, vdim=4, batch_first=True)
        self.query = nn.Parameter(torch.randn(1, 2, 6))
        self.out = nn.Linear(6, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        mixed, weights = self.attention(self.query.expand(len(x), -1, -1), x, x)
        return self.out(mixed.mean(1)) + weights.sum((1, 2), keepdim=False).unsqueeze(1)


class Windows(nn.Module):
    """A layer that receives windows of all examples as if they were examples."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.out = nn.Linear(4, 4), nn.Linear(8, CLASSES)
        self.norm = nn.LayerNorm(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.norm(self.inner(x.reshape(-1, 4)).relu()).reshape(len(x), 8))


class Gated(nn.Module):
    """What it does depends on values, and it writes in place."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 6), nn.Linear(6, CLASSES)
        self.weight = nn.Parameter(torch.randn(6, 6))

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        rows = [row @ self.weight if float(row.sum()) > 0 else row @ self.weight.T for row in h]
        return self.second(torch.stack(rows).relu_())


class Scaled(nn.Linear):
    """Derived from a layer with a rule, and computes something else."""

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, 2 * self.weight, self.bias)


def attention(**settings: object) -> nn.Module:
    layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True, **settings)  # type: ignore[arg-type]
    return nn.Sequential(layer, head(5 * 8))


CASES = {
    "linear-and-norms": Case(
        lambda: nn.Sequential(
            nn.Linear(5, 6),
            nn.LayerNorm(6),
            nn.GELU(),
            nn.Linear(6, 6, bias=False),
            nn.BatchNorm1d(6),
            nn.Tanh(),
            nn.RMSNorm(6),
            nn.Linear(6, CLASSES),
        ),
        (5,),
    ),
    "tokens": Case(
        lambda: nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.LayerNorm((3, 6)), head(18)), (3, 4)
    ),
    "convolutions": Case(
        lambda: nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(inplace=True),
            nn.Conv2d(4, 4, 3, 2, 1, groups=4, bias=False),
            nn.GroupNorm(2, 4),
            nn.Hardsigmoid(),
            nn.Conv2d(4, 6, (3, 2), padding="same", dilation=(1, 2), groups=2),
            nn.ReLU(),
            nn.Conv2d(6, 4, 3, padding=2, padding_mode="reflect", stride=(2, 1)),
            nn.ReLU(),
            nn.Conv2d(4, 4, 1, stride=2),
            nn.Flatten(),
            nn.Linear(24, CLASSES),
        ),
        (2, 8, 8),
    ),
    "convolutions-1d": Case(
        lambda: nn.Sequential(
            nn.Conv1d(3, 4, 3, 2, 1, padding_mode="circular"),
            nn.BatchNorm1d(4),
            nn.Tanh(),
            nn.Conv1d(4, 6, 3, dilation=2, groups=2),
            nn.Flatten(),
            nn.Linear(18, CLASSES),
        ),
        (3, 13),
    ),
    "text": Case(Text, (5,), tokens=11),
    "attention": Case(attention, (5, 8)),
    "attention-before": Case(lambda: attention(norm_first=True, bias=False), (5, 8)),
    "attention-crossed": Case(Crossed, (5, 4)),
    "twice": Case(Twice, (4,)),
    "tied": Case(Tied, (6,), tokens=CLASSES),
    "lstm": Case(Recurrent, (4, 3)),
    "lstm-both-ways": Case(BothWays, (4, 3)),
    "gru": Case(Gates, (4, 3)),
    "windows": Case(Windows, (8,)),
    "gated": Case(Gated, (4,)),
    "derived": Case(lambda: nn.Sequential(Scaled(4, 5), nn.Tanh(), nn.Linear(5, CLASSES)), (4,)),
}


def explicit(network: nn.Module, x: Tensor, y: Tensor, squared: bool = False) -> dict[str, Tensor]:
    """Products of per-example gradients, one backward pass each, by parameter."""
    named = {name: p for name, p in network.named_parameters() if p.requires_grad}
    rows: dict[str, list[Tensor]] = {name: [] for name in named}
    for i in range(len(x)):
        logits = network(x[i : i + 1])
        loss = F.cross_entropy(logits, y[i : i + 1])
        if squared:
            loss = 0.5 * (logits - F.one_hot(y[i : i + 1], logits.shape[1])).square().sum()
        found = torch.autograd.grad(loss, list(named.values()), materialize_grads=True)
        for name, gradient in zip(named, found, strict=True):
            rows[name].append(gradient.flatten())
    return {name: torch.stack(r) @ torch.stack(r).T for name, r in rows.items()}

"""`nn.LSTM` written out, so that what goes into its gates can be watched.

PyTorch's own runs all steps in one function. Both products of a step, with the input and with the
state before, end in the sum that the gates are made of, so that one gradient serves both.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

#: (suffix of the parameters, what the input's and the state's product received `[n, steps, …]`,
#: the graph's place of the gates) is noted by the second; the first gives that place.
Mark = Callable[[Tensor], tuple[Tensor, object]]
Note = Callable[[str, Tensor, Tensor, object], None]
States = tuple[Tensor, Tensor]


def can_be_written_out(layer: nn.LSTM) -> bool:
    """Whether `run` computes what the layer does."""
    return layer.proj_size == 0


def run(
    layer: nn.LSTM, mark: Mark, note: Note, inputs: Tensor, hx: States | None = None
) -> tuple[Tensor, States]:
    """As `nn.LSTM.forward`, in evaluation mode, of a tensor with examples.

    Raises:
        TypeError: if the input is packed, or a single sequence.
    """
    if not isinstance(inputs, Tensor) or inputs.dim() != 3:
        raise TypeError("packed and single sequences are not written out")
    x = inputs if layer.batch_first else inputs.transpose(0, 1)
    ends: list[States] = []
    for number in range(layer.num_layers):
        outputs = []
        for suffix in (f"_l{number}", f"_l{number}_reverse")[: 1 + layer.bidirectional]:
            zero = x.new_zeros(len(x), layer.hidden_size)
            place = len(ends)
            start = (zero, zero) if hx is None else (hx[0][place], hx[1][place])
            output, end = _direction(layer, suffix, x, start, mark, note)
            outputs.append(output)
            ends.append(end)
        x = outputs[0] if len(outputs) == 1 else torch.cat(outputs, 2)
    hidden, cells = (torch.stack(states) for states in zip(*ends, strict=True))
    return x if layer.batch_first else x.transpose(0, 1), (hidden, cells)


def _direction(
    layer: nn.LSTM, suffix: str, x: Tensor, start: States, mark: Mark, note: Note
) -> tuple[Tensor, States]:
    weight: Tensor = getattr(layer, f"weight_hh{suffix}")
    bias = (getattr(layer, f"bias_{kind}{suffix}") if layer.bias else None for kind in ("ih", "hh"))
    input_bias, state_bias = bias
    gates, edge = mark(F.linear(x, getattr(layer, f"weight_ih{suffix}"), input_bias))
    hidden, cell = start
    before, after = [], []
    steps = gates.unbind(1)
    for step in reversed(steps) if suffix.endswith("_reverse") else steps:
        before.append(hidden)
        i, f, g, o = (step + F.linear(hidden, weight, state_bias)).chunk(4, 1)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * cell.tanh()
        after.append(hidden)
    if suffix.endswith("_reverse"):
        before, after = before[::-1], after[::-1]
    note(suffix, x, torch.stack(before, 1), edge)
    return torch.stack(after, 1), (hidden, cell)

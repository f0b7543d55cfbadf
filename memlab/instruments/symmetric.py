"""Products of a matrix with its own transpose, of which only one half is computed."""

from __future__ import annotations

import torch
from torch import Tensor

#: Numbers that a temporary may have before the work is cut into pieces (256 MiB in float32).
ELEMENTS_AT_ONCE = 1 << 26
#: Rows of a block, and multiplications from which cutting into blocks pays on a CPU.
BLOCK = 128
WORTH_CUTTING = 1 << 25


def row_blocks(rows: int, size: int) -> list[tuple[int, int]]:
    """(start, stop) of consecutive blocks of at most `size` rows."""
    return [(start, min(start + size, rows)) for start in range(0, rows, size)]


def mirror(product: Tensor, start: int, stop: int) -> None:
    """Copies rows start … stop, known up to column `stop`, into the columns above the diagonal."""
    product[:, :start, start:stop] = product[:, start:stop, :start].mT


def symmetric_product(rows: Tensor) -> Tensor:
    """A Aᵀ of each `[batch, rows, columns]`, `[batch, rows, rows]`, symmetric to the last bit."""
    batch, count, columns = rows.shape
    if rows.device.type != "cpu" or count <= BLOCK or count**2 * columns < WORTH_CUTTING:
        return torch.bmm(rows, rows.mT)
    product = rows.new_empty(batch, count, count)
    for start, stop in row_blocks(count, BLOCK):
        product[:, start:stop, :stop] = torch.bmm(rows[:, start:stop], rows[:, :stop].mT)
        mirror(product, start, stop)
    return product

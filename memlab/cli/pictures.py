"""Pictures on the command line: half blocks where the terminal has greys, else none."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from memlab.charts.pixels import Pixels


def has_greys(out: Console) -> bool:
    """Whether pictures can be shown there."""
    greys = out.color_system in ("256", "truecolor") and "NO_COLOR" not in os.environ
    return out.is_terminal and greys


def drawn(
    out: Console, pixels: Pixels, columns: int, rows: int, enlarged: bool = False
) -> Text | None:
    """A picture of at most `columns` × `rows` pixels; None where it cannot be shown.

    One that is smaller grows by a whole factor where it is to be `enlarged`.
    """
    if not has_greys(out):
        return None
    from rich.text import Text

    from memlab.charts.pixels import enlarge, half_blocks, shrink

    fitted = enlarge(pixels, columns, rows) if enlarged else shrink(pixels, columns, rows)
    made = Text()
    for line in half_blocks(fitted):
        for text, fore, back in line:
            made.append(text, f"{fore} on {back}" if back else fore or "")
        made.append("\n")
    return made

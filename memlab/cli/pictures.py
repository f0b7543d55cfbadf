"""Pictures on the command line: half blocks where the terminal has greys, else none."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from memlab.tui.widgets.picture import Pixels


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

    from memlab.tui.widgets.picture import enlarge, picture_lines, shrink

    fitted = enlarge(pixels, columns, rows) if enlarged else shrink(pixels, columns, rows)
    lines = [
        Text.assemble(*((piece.text, piece.style or "") for piece in strip))
        for strip in picture_lines(fitted)
    ]
    return Text("\n").join([*lines, Text("")])

"""A picture of any kind as rows: marks by name where there are names, else curves over an axis."""

from __future__ import annotations

from memlab.charts import forest, rows
from memlab.charts.axis import Limits, Scale
from memlab.charts.plot import Picture
from memlab.charts.row import Row


def compose(
    picture: Picture, width: int, height: int, x: Limits, y: Limits, scale: Scale
) -> list[Row]:
    """All rows of a picture of this size; `scale` is that of what is measured."""
    if picture.names:
        return forest.compose(picture, width, height, y, scale)
    return rows.compose(picture, width, height, x, y, scale)

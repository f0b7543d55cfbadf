"""The public names of memlab, in one place; `memlab.NAME` is `memlab.library.public.NAME`."""

from memlab.library.measuring import Measured, measure
from memlab.library.opening import compare, list_presets, list_runs, load, memorize, run, suspects
from memlab.library.results import Series, Table
from memlab.library.run import Run

__all__ = [
    "Measured",
    "Run",
    "Series",
    "Table",
    "compare",
    "list_presets",
    "list_runs",
    "load",
    "measure",
    "memorize",
    "run",
    "suspects",
]

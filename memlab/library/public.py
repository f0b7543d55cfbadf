"""The public names of memlab, in one place; `memlab.NAME` is `memlab.library.public.NAME`."""

from memlab.library.opening import compare, list_presets, list_runs, load, memorize, run, suspects
from memlab.library.results import Series, Table
from memlab.library.run import Run

__all__ = [
    "Run",
    "Series",
    "Table",
    "compare",
    "list_presets",
    "list_runs",
    "load",
    "memorize",
    "run",
    "suspects",
]

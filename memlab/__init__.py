"""memlab: a laboratory, in a terminal, for what neural networks memorize and what they learn.

As a library: `memlab.run` trains, `memlab.load` opens what was trained, and a `Run` says what was
measured and found. The functions are imported when they are first asked for, so that
`import memlab` alone imports nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memlab.library.public import (
        Measured,
        Run,
        Series,
        Table,
        compare,
        list_presets,
        list_runs,
        load,
        measure,
        memorize,
        run,
        suspects,
    )

__version__ = "0.1.0"
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


def __getattr__(name: str) -> object:
    """A public name, imported now."""
    if name not in __all__:
        raise AttributeError(f"module 'memlab' has no attribute {name!r}")
    from memlab.library import public

    found: object = getattr(public, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

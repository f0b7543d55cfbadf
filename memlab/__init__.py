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
    from memlab.recording.lightning import LightningRecorder
    from memlab.recording.public import indexed, record
    from memlab.recording.transformers import TransformersRecorder

__version__ = "0.1.0"
__all__ = [
    "LightningRecorder",
    "Measured",
    "Run",
    "Series",
    "Table",
    "TransformersRecorder",
    "compare",
    "indexed",
    "list_presets",
    "list_runs",
    "load",
    "measure",
    "memorize",
    "record",
    "run",
    "suspects",
]
#: Names for a process that has torch already.
_RECORDING = ("LightningRecorder", "TransformersRecorder", "indexed", "record")


def __getattr__(name: str) -> object:
    """A public name, imported now."""
    if name not in __all__:
        raise AttributeError(f"module 'memlab' has no attribute {name!r}")
    if name in _RECORDING:
        from memlab.recording import public as recording

        found: object = getattr(recording, name)
    else:
        from memlab.library import public

        found = getattr(public, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

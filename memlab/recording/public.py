"""The public names that need torch; `memlab.NAME` is `memlab.recording.public.NAME`.

A callback for another library is imported when it is first asked for, and its library with it.
"""

from memlab.recording.indexed import indexed
from memlab.recording.record import record

__all__ = ["indexed", "record"]


def __getattr__(name: str) -> object:
    """A callback, imported now.

    Raises:
        PackageMissing: if its library is not there.
    """
    if name == "LightningRecorder":
        from memlab.recording.lightning import LightningRecorder

        return LightningRecorder
    if name == "TransformersRecorder":
        from memlab.recording.transformers import TransformersRecorder

        return TransformersRecorder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""The folder in which the user stands is no place to import from.

`python -m memlab` puts it first on the path, and so does an empty entry of PYTHONPATH, such as
the colon at the end of `a:`. A `numpy.py` or `json.py` there would be run in place of the real one.
"""

from __future__ import annotations

import os
import sys


def forget() -> None:
    """Takes the working folder off the path, unless PYTHONPATH names it."""
    try:
        here = os.getcwd()
    except OSError:  # it was deleted
        here = ""
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if any(entry and os.path.abspath(entry) == here for entry in entries):
        return
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec is not None and not sys.flags.safe_path and sys.path[0] in ("", here):
        del sys.path[0]  # put there by -m
    if len(entries) > 1 and "" in entries and here != os.path.dirname(os.__file__):
        sys.path[:] = [path for path in sys.path if path not in ("", here)]

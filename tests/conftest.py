"""What holds for every test: its processes end with it, and no clock decides over it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

pytest_plugins = ("tests.leftovers",)

settings.register_profile("memlab", deadline=None)
settings.load_profile("memlab")

# Tests run side by side: threads of linear algebra would wait for each other's cores.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")
# A standby of a test measures no machine while others run.
os.environ.setdefault("MEMLAB_CALIBRATE", "0")


def pytest_configure() -> None:
    """Workers are forked from one whose imports are done."""
    from tests import warm_worker

    warm_worker.install()


@pytest.fixture(scope="module", autouse=True)
def _what_is_importable_ends_with_the_file() -> Iterator[None]:
    """A module that one file's tests wrote is not found, nor agreed to, by the next file's."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    gone = set(sys.path) - set(path)
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        file = getattr(sys.modules[name], "__file__", None)
        if file is not None and os.path.dirname(file) in gone:
            del sys.modules[name]
    gate = sys.modules.get("memlab.models.own_import")
    if gate is not None:
        gate._PERMITTED.clear()

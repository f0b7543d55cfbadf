"""What holds for every test: its processes end with it, and no clock decides over it."""

from __future__ import annotations

import os

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

"""The real workers of `tests/worker`."""

from tests.worker.conftest import home, start

__all__ = ["home", "start"]

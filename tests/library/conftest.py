"""One small run that a real worker trains, in a home of its own, for all tests of the library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import memlab
from memlab.settings import HOME_VARIABLE

SETTINGS = {
    "corruption.fraction": [0, 0.4],
    "model.width": 32,
    "stop.epochs": 3,
    "claims": [],
    "instruments.on": ["ledger", "margins"],
}


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        found = tmp_path_factory.mktemp("home")
        patch.setenv(HOME_VARIABLE, str(found))
        yield found


@pytest.fixture(scope="session")
def run(home: Path) -> memlab.Run:
    """Two noise levels, two seeds, finished."""
    return memlab.run("noise-ladder", SETTINGS, seeds=2).wait(progress=False)

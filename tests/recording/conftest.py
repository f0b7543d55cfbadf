"""A home of its own for each test, and small data to train on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from memlab.settings import HOME_VARIABLE
from tests.recording.loops import Data, made_data


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    return tmp_path


@pytest.fixture
def data() -> Data:
    state = torch.random.get_rng_state()
    found = made_data()
    torch.random.set_rng_state(state)
    return found

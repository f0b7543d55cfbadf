"""Who has a file open, as the kernel tells it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from memlab.runs import holder


def test_a_file_that_a_process_closes_meanwhile_hides_none_of_its_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "lock"
    with open(lock, "w") as held:
        known = os.fstat(held.fileno())
        listed = ["999999", str(held.fileno())]  # the first is closed by now
        monkeypatch.setattr(os, "listdir", lambda folder: listed)
        assert holder._has_open(os.getpid(), (known.st_dev, known.st_ino))

"""A home of the test's own, with a tiny experiment in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from quiet import wait_until_quiet
from real_run import ended, tiny

from memlab.runs import lifecycle
from memlab.runs.run_folder import RunFolder


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pilot's pauses wait for the app, however busy the machine is."""
    for module in ("textual.app", "textual.pilot"):
        monkeypatch.setattr(f"{module}.wait_for_idle", wait_until_quiet)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A memlab home with the tiny experiment as the only preset of one's own."""
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "tiny.toml").write_text(tiny(4))
    yield tmp_path
    runs = tmp_path / "runs"
    for path in sorted(runs.iterdir()) if runs.is_dir() else []:
        folder = RunFolder(path)
        if not path.name.startswith(".") and folder.state.living:
            lifecycle.request(folder, "stop")
            ended(folder)

"""Real workers on real run folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from memlab.experiment import reading
from memlab.runs import lifecycle, run_folder
from memlab.runs.run_folder import RunFolder
from tests.patience import wait_for

SMALL: dict[str, Any] = {
    "corruption": {"kind": "labels"},
    "model": {"name": "mlp", "width": 16, "depth": 1},
    "optimizer": {"batch_size": 64, "learning_rate": 0.3},
    "regularization": {"dropout": 0.1},
    "stop": {"epochs": 6},
    "axes": {"corruption.fraction": [0.0, 0.5]},
    "seeds": 2,
}


def merged(base: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """`base` with sections overlaid."""
    made = dict(base)
    for name, value in changes.items():
        old = made.get(name)
        made[name] = (
            {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return made


def launched(home: Path, **changes: Any) -> RunFolder:
    """A run of the small experiment in `home`, its worker started."""
    made = reading.experiment(merged(SMALL, **changes), "test")
    (home / "runs").mkdir(exist_ok=True)
    return lifecycle.start(reading.to_toml(made), "test", home / "runs")


def finished_run(home: Path, **changes: Any) -> RunFolder:
    """The same, once it has finished; for fixtures that several tests share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMLAB_HOME", str(home))
        patch.setenv("OMP_NUM_THREADS", "1")
        folder = ended(launched(home, **changes))
    assert folder.state.state == "finished", folder.worker_log.path.read_text()
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A memlab home of the test's own."""
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield tmp_path
    runs = tmp_path / "runs"
    for path in runs.iterdir() if runs.is_dir() else []:
        folder = RunFolder(path)
        if not path.name.startswith(".") and folder.state.living:
            lifecycle.request_stop(folder)
            wait_for(lambda folder=folder: not folder.state.living)  # type: ignore[misc]


@pytest.fixture
def start(home: Path) -> Callable[..., RunFolder]:
    """`start(**sections)`: a run of the small experiment, its worker started."""
    return partial(launched, home)


def ended(folder: RunFolder) -> RunFolder:
    """Waits until the run's worker is gone."""
    wait_for(lambda: not folder.state.living)
    return folder


@pytest.fixture
def made_run(tmp_path: Path) -> Callable[..., RunFolder]:
    """`made_run(**sections)`: the folder of the small experiment, which no worker has."""

    def made(**changes: Any) -> RunFolder:
        text = reading.to_toml(reading.experiment(merged(SMALL, **changes), "test"))
        folder, lock = run_folder.create(tmp_path / "runs", "test", text, {})
        lock.close()
        return folder

    return made

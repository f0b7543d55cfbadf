"""Taking a run up again destroys nothing: it goes on bit for bit, or refuses."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from memlab import disk
from memlab.engines import session
from memlab.runs import lifecycle, origin
from memlab.runs.event_log import EventReader
from memlab.runs.run_folder import RESERVE_FILE, RunFolder
from memlab.training import checkpoint
from memlab.worker.control import Control
from tests.worker.conftest import ended, launched, wait_for
from tests.worker.test_resume import EVERY, final_tensors, tables

Start = Callable[..., RunFolder]
#: Measured at fixed epochs: what the clock decides over is not the same twice.
LEDGER = {"instruments": {"on": ["ledger", "margins"], "cadence": 1.0}}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that was stopped after a few checkpoints."""
    home = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMLAB_HOME", str(home))
        patch.setenv("OMP_NUM_THREADS", "1")
        folder = launched(home, **EVERY, **LEDGER, stop={"epochs": 400})
        wait_for(lambda: len(checkpoint.found(folder.checkpoints, 0)) >= 3)
        lifecycle.request_stop(folder)
        ended(folder)
    assert folder.state.state == "interrupted"
    return folder


@pytest.fixture
def damaged(stopped: RunFolder, home: Path) -> RunFolder:
    """A copy of it that is ours, to be damaged."""
    (home / "runs").mkdir(exist_ok=True)
    copy = RunFolder(Path(shutil.copytree(stopped.path, home / "runs" / stopped.id)))
    origin.register(copy, home / "runs", copy.id)
    return copy


def content(folder: RunFolder) -> dict[str, bytes]:
    """What was recorded: everything but state, log, lock and environment."""
    kept = ("series", "checkpoints", "examples")
    return {
        str(path.relative_to(folder.path)): path.read_bytes()
        for name in kept
        for path in sorted((folder.path / name).rglob("*"))
        if path.is_file() and not path.name.startswith("progress")
    }


def corrupt(folder: RunFolder) -> None:
    path = checkpoint.found(folder.checkpoints, 0)[-1][1].path
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)


def newer(folder: RunFolder) -> None:
    path = checkpoint.found(folder.checkpoints, 0)[-1][1].path
    path.write_bytes(path.read_bytes().replace(b'"schema":"1"', b'"schema":"7"'))


def emptied(folder: RunFolder) -> None:
    for path in folder.checkpoints.path.iterdir():
        path.unlink()


def flipped(folder: RunFolder) -> None:
    path = folder.stack(0).with_suffix(".rows").path
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(data)


def unmarked(folder: RunFolder) -> None:
    (folder.examples.path / "stack-000" / "scores.npy").write_bytes(b"")


DAMAGE = {
    "a corrupt checkpoint": (corrupt, "is damaged"),
    "a newer checkpoint": (newer, "newer memlab"),
    "no checkpoint": (emptied, "had checkpoints"),
    "a flipped byte": (flipped, "damaged at row"),
    "a ledger cut": (unmarked, "is damaged"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_what_cannot_be_read_ends_the_resume_and_nothing_is_changed(damaged, kind: str) -> None:
    harm, sentence = DAMAGE[kind]
    harm(damaged)
    before = content(damaged)
    lifecycle.resume(damaged)
    ended(damaged)
    state = damaged.state
    assert (state.state, sentence in state.message) == ("failed", True), state.message
    assert content(damaged) == before


def test_restart_trains_again_what_cannot_be_read_and_keeps_it_beside(damaged, start: Start):
    whole = ended(start(**EVERY, **LEDGER, stop={"epochs": 4}))
    path = damaged.path / "experiment.toml"
    path.write_text(path.read_text().replace("epochs = 400", "epochs = 4"))
    origin.register(damaged, damaged.path.parent, damaged.id)
    rows = damaged.stack(0).with_suffix(".rows").path.read_bytes()
    corrupt(damaged)
    lifecycle.resume(damaged, restart=True)
    ended(damaged)
    assert damaged.state.state == "finished", damaged.worker_log.path.read_text()
    assert final_tensors(damaged) == final_tensors(whole)
    assert tables(damaged)["stack-000.rows"] == tables(whole)["stack-000.rows"]
    assert (damaged.series.path / "stack-000.rows.before-resume").read_bytes() == rows
    assert "restarted" in [event.type for event in EventReader(damaged.events).read()]


def test_rows_beyond_the_checkpoint_are_kept_beside(damaged: RunFolder) -> None:
    for _, place in checkpoint.found(damaged.checkpoints, 0)[1:]:
        place.path.unlink()
    rows = damaged.stack(0).with_suffix(".rows").path.read_bytes()
    lifecycle.resume(damaged)
    wait_for(lambda: damaged.state.state == "running")
    lifecycle.request_stop(damaged)
    ended(damaged)
    kept = (damaged.series.path / "stack-000.rows.before-resume").read_bytes()
    assert kept
    assert rows.endswith(kept)


def test_other_data_than_the_run_was_trained_on_are_refused(start: Start, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "mine.npz"
    np.savez(path, x=rng.random((300, 8, 8)), y=np.arange(300) % 3)
    sizes = {"train": 200, "validation": 50, "test": 50}
    folder = start(**EVERY, dataset={"name": f"npz:{path}", **sizes}, stop={"epochs": 2000})
    wait_for(lambda: len(checkpoint.found(folder.checkpoints, 0)) >= 2)
    lifecycle.request_stop(folder)
    ended(folder)
    np.savez(path, x=rng.random((300, 8, 8)), y=np.arange(300) % 3)
    before = content(folder)
    lifecycle.resume(folder)
    ended(folder)
    assert folder.state.state == "failed"
    assert "are not those that" in folder.state.message
    assert content(folder) == before


def test_the_reason_of_the_end_is_written_though_the_disk_is_full(
    made_run: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made_run(stop={"epochs": 2}, axes={}, seeds=1)
    reserve = folder.path / RESERVE_FILE
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if reserve.exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr(disk, "write", full)
    assert session.Session(folder, Control(folder.path)).run() == 1
    assert not reserve.exists()
    assert (folder.state.state, "disk is full" in folder.state.message) == ("failed", True)
    (event,) = [e for e in EventReader(folder.events).read() if e.type == "failed"]
    assert "disk is full" in str(event.data["message"])

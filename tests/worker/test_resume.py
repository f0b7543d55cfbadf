"""Workers killed for real, resumed, and compared bit for bit with an uninterrupted run."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from memlab.runs import lifecycle
from memlab.runs.run_folder import RunFolder
from memlab.training import checkpoint
from tests.patience import wait_for
from tests.worker.conftest import ended, finished_run

Start = Callable[..., RunFolder]
EVERY = {"checkpoints": {"every_seconds": 0.0, "keep": 100}}


def final_tensors(folder: RunFolder) -> dict[str, bytes]:
    found = [checkpoint.found(folder.checkpoints, stack)[-1][1] for stack in stacks(folder)]
    return {
        f"{path.name}/{name}": tensor.tobytes()
        for path in found
        for name, tensor in load_file(path.path).items()
    }


def stacks(folder: RunFolder) -> list[int]:
    return sorted({int(p.name.split("-")[1]) for p in folder.checkpoints.path.glob("stack-*")})


def tables(folder: RunFolder) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in sorted(folder.series.path.iterdir())
        if not path.name.startswith("progress") and path.suffix in (".rows", ".json")
    }


def kill(folder: RunFolder) -> None:
    pid = folder.state.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not folder.state.living)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The uninterrupted run that all others are compared with; only to be read."""
    return finished_run(tmp_path_factory.mktemp("whole"), **EVERY)


def test_a_worker_killed_in_mid_training_and_resumed_ends_bit_for_bit_the_same(
    start: Start, whole: RunFolder
):
    for rows in (1, 3, 5):
        folder = start(**EVERY)
        wait_for(
            lambda rows=rows, folder=folder: len(checkpoint.found(folder.checkpoints, 0)) >= rows
        )
        kill(folder)
        if folder.state.state != "finished":
            assert folder.state.state == "interrupted"
            lifecycle.resume(folder)
            ended(folder)
        assert folder.state.state == "finished", folder.worker_log.path.read_text()
        assert final_tensors(folder) == final_tensors(whole)
        assert tables(folder) == tables(whole)


@pytest.mark.parametrize("moment", ["before rename", "after rename", "torn rows"])
def test_a_worker_killed_around_a_checkpoints_rename_loses_nothing(
    start: Start, whole: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
):
    """A site hook makes the worker kill itself with signal 9 at the third checkpoint."""
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(HOOK.format(moment=moment))
    monkeypatch.setenv("PYTHONPATH", str(hook))
    folder = ended(start(**EVERY))
    assert folder.state.state == "interrupted"
    if moment == "torn rows":
        with open(folder.stack(0).with_suffix(".rows").path, "ab") as file:
            file.write(b"\x01\x02\x03 torn")
    monkeypatch.delenv("PYTHONPATH")
    lifecycle.resume(folder)
    ended(folder)
    assert folder.state.state == "finished", folder.worker_log.path.read_text()
    assert final_tensors(folder) == final_tensors(whole)
    assert tables(folder) == tables(whole)


HOOK = """
import os, signal
rename, count = os.rename, [0]
def deadly(source, target, *a, **k):
    if str(target).endswith(".safetensors"):
        count[0] += 1
        if count[0] == 3:
            if "{moment}" != "before rename":
                rename(source, target, *a, **k)
            os.kill(os.getpid(), signal.SIGKILL)
    return rename(source, target, *a, **k)
os.rename = deadly
"""


def test_a_paused_run_goes_on_and_ends_the_same(start: Start, whole: RunFolder):
    folder = start(**EVERY)
    lifecycle.request(folder, "pause")
    wait_for(lambda: folder.state.state == "paused")
    assert folder.state.living
    lifecycle.request(folder, "resume")
    ended(folder)
    assert folder.state.state == "finished"
    assert final_tensors(folder) == final_tensors(whole)
    assert tables(folder) == tables(whole)


@pytest.mark.parametrize("by", ["request", "SIGTERM"])
def test_a_stopped_run_resumes_where_it_was(start: Start, whole: RunFolder, by: str):
    folder = start(**EVERY)
    wait_for(lambda: len(checkpoint.found(folder.checkpoints, 0)) >= 2)
    if by == "request":
        lifecycle.request_stop(folder)
    else:
        pid = folder.state.pid
        assert pid is not None
        os.kill(pid, signal.SIGTERM)
    ended(folder)
    if folder.state.state == "interrupted":
        lifecycle.resume(folder)
        ended(folder)
    assert folder.state.state == "finished", folder.worker_log.path.read_text()
    assert final_tensors(folder) == final_tensors(whole)
    assert tables(folder) == tables(whole)


def test_several_stacks_and_early_stops_resume_bit_for_bit(start: Start):
    tree = {
        **EVERY,
        "axes": {"model.width": [8, 24], "corruption.fraction": [0.0, 0.3]},
        "stop": {"epochs": 12, "train_accuracy": 0.75},
    }
    reference = ended(start(**tree))
    assert stacks(reference) == [0, 1]
    folder = start(**tree)
    wait_for(lambda: len(checkpoint.found(folder.checkpoints, 1)) >= 2)
    kill(folder)
    if folder.state.state == "interrupted":
        lifecycle.resume(folder)
        ended(folder)
    assert final_tensors(folder) == final_tensors(reference)
    assert tables(folder) == tables(reference)


def test_a_second_worker_on_a_living_run_is_refused(start: Start):
    from memlab.errors import RunFolderError

    folder = start(stop={"epochs": 4000})
    with pytest.raises(RunFolderError, match="needs no resuming"):
        lifecycle.resume(folder)
    wait_for(lambda: folder.state.state == "running")
    lifecycle.request_stop(folder)
    ended(folder)
    assert folder.state.state == "interrupted"

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from memlab import child
from memlab.errors import RunFolderError, TrainingFailed
from memlab.runs import lifecycle, requests
from memlab.runs.launch import Standby, launch
from memlab.runs.lock import RunLock
from memlab.runs.run_folder import RunFolder, list_runs
from memlab.runs.state import write_state

LAUNCHER = """
import os, sys
from pathlib import Path
from memlab.runs import lifecycle
lifecycle.start('mode = "wait"', "Detached", Path(sys.argv[1]), environment={}, worker=sys.argv[2:])
os.kill(os.getpid(), 9)
"""


def start(runs: Path, mode: str, worker, **options) -> RunFolder:
    return lifecycle.start(
        f'mode = "{mode}"\n', "A run", runs, environment={}, worker=worker, **options
    )


def types(folder: RunFolder) -> list[str]:
    from memlab.runs.event_log import EventReader

    return [event.type for event in EventReader(folder.events).read()]


def test_a_run_never_looks_dead_from_launch_to_end(tmp_path, fake_worker) -> None:
    folder = start(tmp_path, "finish", fake_worker)
    seen = [folder.state.state]
    while seen[-1] != "finished":
        seen.append(folder.state.state)
        assert seen[-1] in ("queued", "running", "finished")
    assert types(folder) == ["run-created", "worker-started", "finished"]


def test_the_worker_is_detached_and_survives_its_launcher(
    tmp_path, python, fake_worker, eventually
):
    launcher = python(LAUNCHER, tmp_path, *fake_worker)
    assert launcher.wait() == -signal.SIGKILL
    (folder,) = list_runs(tmp_path)
    assert folder.state.living
    eventually(lambda: "working in session" in folder.worker_log.path.read_text())
    words = folder.worker_log.path.read_text().split()
    assert words[3] == words[5].rstrip(",")
    assert words[7] == "False"
    lifecycle.request_stop(folder)
    eventually(lambda: not folder.state.living)
    assert (folder.state.state, folder.state.message) == ("interrupted", "stopped")


def test_a_worker_killed_before_it_wrote_anything_is_interrupted(tmp_path, fake_worker, eventually):
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    (folder.path / "experiment.toml").write_text(
        '# memlab run, schema version 1\nmode = "silent"\n# end of experiment\n'
    )
    with RunLock.take(folder.lock) as lock:
        write_state(folder.path, "queued")
        pid = launch(folder.path, lock, fake_worker)
    assert (folder.state.state, folder.state.living) == ("queued", True)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not folder.state.living)
    assert folder.state.state == "interrupted"


def test_an_interrupted_run_is_resumed_and_old_requests_are_forgotten(
    tmp_path, fake_worker, eventually
):
    folder = start(tmp_path, "wait", fake_worker)
    eventually(lambda: folder.state.state == "running")
    pid = folder.state.pid
    assert pid is not None
    with pytest.raises(RunFolderError, match="is running; it needs no resuming"):
        lifecycle.resume(folder, worker=fake_worker)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: folder.state.state == "interrupted")
    requests.submit(folder.path, "stop")
    with pytest.raises(RunFolderError, match="interrupted: nobody is there to stop it"):
        lifecycle.request_stop(folder)
    lifecycle.resume(folder, worker=fake_worker)
    assert requests.take_all(folder.path).requests == ()
    eventually(lambda: folder.state.state == "running")
    assert types(folder).count("worker-started") == 2
    assert folder.state.state == "running"
    lifecycle.request_stop(folder)
    eventually(lambda: folder.state.message == "stopped")


def test_a_finished_run_is_not_resumed(tmp_path, fake_worker, eventually) -> None:
    folder = start(tmp_path, "finish", fake_worker)
    eventually(lambda: folder.state.state == "finished" and not folder.state.living)
    with pytest.raises(RunFolderError, match="has finished"):
        lifecycle.resume(folder, worker=fake_worker)
    assert folder.state.state == "finished"


def test_a_worker_that_cannot_be_started_is_a_failed_run(tmp_path: Path) -> None:
    with pytest.raises(TrainingFailed, match="No worker could be started"):
        start(tmp_path, "finish", ("/nonexistent/python",))
    (folder,) = list_runs(tmp_path)
    assert (folder.state.state, folder.state.living) == ("failed", False)


def test_a_standby_takes_the_run_over(tmp_path, fake_worker, eventually) -> None:
    standby = Standby.start(fake_worker)
    assert standby.ready
    folder = start(tmp_path, "wait", ("/nonexistent",), standby=standby)
    assert folder.state.living
    assert not standby.ready
    eventually(lambda: folder.state.state == "running")
    assert folder.state.pid == standby.pid
    eventually(lambda: "working" in folder.worker_log.path.read_text())
    standby.close()
    assert folder.state.living
    lifecycle.request_stop(folder)
    eventually(lambda: not folder.state.living)


def test_a_dead_standby_is_replaced_by_a_new_worker(tmp_path, fake_worker, eventually) -> None:
    standby = Standby.start(fake_worker)
    os.kill(standby.pid, signal.SIGKILL)
    eventually(lambda: not standby.ready)
    folder = start(tmp_path, "finish", fake_worker, standby=standby)
    eventually(lambda: folder.state.state == "finished")


def test_a_standby_that_nobody_needs_ends(fake_worker, eventually) -> None:
    standby = Standby.start(fake_worker)
    standby.close()
    eventually(lambda: standby._process.poll() is not None)


def test_only_a_dead_run_is_deleted_and_then_as_a_whole(tmp_path, fake_worker, eventually) -> None:
    folder = start(tmp_path, "wait", fake_worker)
    eventually(lambda: folder.state.state == "running")
    with pytest.raises(RunFolderError, match="is running; stop it before"):
        lifecycle.delete(folder)
    assert types(folder)[0] == "run-created"
    lifecycle.request_stop(folder)
    eventually(lambda: not folder.state.living)
    size = lifecycle.size_on_disk(folder)
    assert lifecycle.delete(folder) == size > 0
    assert os.listdir(tmp_path) == []
    with pytest.raises(RunFolderError, match="There is no run"):
        lifecycle.delete(folder)


def test_the_worker_finds_the_same_folders_from_another_directory(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    made = child.environment({"MEMLAB_HOME": "lab", "PYTHONPATH": "src", "OTHER": "x"})
    assert made["MEMLAB_HOME"] == str(tmp_path / "lab")
    assert str(tmp_path / "src") in made["PYTHONPATH"].split(":")
    assert made["OTHER"] == "x"

from __future__ import annotations

from pathlib import Path

import pytest

from memlab.runs import state
from memlab.runs.lock import RunLock
from memlab.runs.state import NAMES, read_state, write_state


@pytest.mark.parametrize("name", NAMES)
def test_a_dead_run_is_never_shown_as_going_on(tmp_path: Path, name) -> None:
    with RunLock.take(tmp_path / "lock"):
        write_state(tmp_path, name, device="cpu", progress=0.5)
        alive = read_state(tmp_path)
    dead = read_state(tmp_path)
    assert (alive.state, alive.living, alive.device, alive.progress) == (name, True, "cpu", 0.5)
    assert dead.state == (name if name in state.FINAL else "interrupted")
    assert not dead.living


def test_a_run_that_has_written_nothing_yet_is_seen_as_queued(tmp_path: Path) -> None:
    with RunLock.take(tmp_path / "lock"):
        assert read_state(tmp_path).state == "queued"
        assert read_state(tmp_path).living


def test_a_run_that_ends_between_the_two_looks_is_finished(tmp_path: Path, monkeypatch) -> None:
    lock = RunLock.take(tmp_path / "lock")
    write_state(tmp_path, "running")

    def ends_just_before_the_probe(path: Path) -> bool:
        write_state(tmp_path, "finished")
        lock.close()
        return False

    monkeypatch.setattr(state, "is_held", ends_just_before_the_probe)
    assert read_state(tmp_path).state == "finished"


def test_a_run_that_is_resumed_between_the_two_looks_is_living(tmp_path: Path, monkeypatch) -> None:
    write_state(tmp_path, "running")
    probes = []

    def resumed_after_the_first_probe(path: Path) -> bool:
        probes.append(path)
        if len(probes) == 1:
            write_state(tmp_path, "queued")
        return len(probes) > 1

    monkeypatch.setattr(state, "is_held", resumed_after_the_first_probe)
    assert (read_state(tmp_path).state, read_state(tmp_path).living) == ("queued", True)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"state": 3}', b'{"state":"running","since":[]}']
)
def test_a_damaged_state_file_hides_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.json").write_bytes(content)
    assert read_state(tmp_path).state == "interrupted"
    with RunLock.take(tmp_path / "lock"):
        assert read_state(tmp_path).living

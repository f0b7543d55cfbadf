from __future__ import annotations

import errno
import os
import re
import time
from pathlib import Path

import pytest

from memlab.errors import RunFolderError, StorageError
from memlab.runs import run_folder
from memlab.runs.run_folder import RunFolder, create, find, list_runs

TOML = 'title = "Noise ladder"\n'


def made(runs: Path, name: str = "Noise ladder") -> RunFolder:
    folder, lock = create(runs, name, TOML, {"memlab": "1"})
    lock.close()
    return folder


def test_a_new_run_is_complete_and_living_from_its_first_instant(tmp_path: Path) -> None:
    folder, lock = create(tmp_path / "runs", "Noise ladder: é!", TOML, {"memlab": "1"})
    assert re.fullmatch(r"\d{8}-\d{4}-noise-ladder-[a-z0-9]{4}", folder.id)
    assert (folder.state.state, folder.state.living) == ("queued", True)
    assert folder.experiment_toml() == TOML
    assert folder.environment() == {"memlab": "1"}
    folder.add_environment(device="cpu")
    assert folder.environment() == {"memlab": "1", "device": "cpu"}
    lock.close()
    assert folder.state.state == "interrupted"
    assert os.listdir(tmp_path / "runs") == [folder.id]


def test_the_stored_experiment_is_itself_a_valid_file(tmp_path: Path) -> None:
    import tomllib

    text = (made(tmp_path).path / "experiment.toml").read_text()
    assert tomllib.loads(text) == {"title": "Noise ladder"}


def test_names_never_collide(tmp_path: Path, monkeypatch) -> None:
    letters = iter("aaaaaaaabbbb")
    monkeypatch.setattr(run_folder.secrets, "choice", lambda _: next(letters))
    minute = time.gmtime(0)
    monkeypatch.setattr(run_folder.time, "gmtime", lambda: minute)
    first, second = made(tmp_path), made(tmp_path)
    assert first.id[:-4] == second.id[:-4]
    assert (first.id[-4:], second.id[-4:]) == ("aaaa", "bbbb")


def test_runs_are_listed_newest_first_and_junk_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a file").touch()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "dangling").symlink_to("/nonexistent")
    runs = [made(tmp_path, name) for name in ("z", "a", "m")]
    os.rename(runs[2].path, tmp_path / "20200101-0000-m-aaaa")
    assert [run.id for run in list_runs(tmp_path)] == [
        runs[1].id,
        runs[0].id,
        "20200101-0000-m-aaaa",
    ]
    assert list_runs(tmp_path / "gone") == []


def test_a_run_is_found_by_id_prefix_or_last(tmp_path: Path) -> None:
    first, second = made(tmp_path, "alpha"), made(tmp_path, "beta")
    assert find(tmp_path, first.id) == first
    assert find(tmp_path, second.id[:-2]) == second
    assert find(tmp_path, "last") == second
    with pytest.raises(RunFolderError, match="could be 2 runs"):
        find(tmp_path, first.id[:4])
    with pytest.raises(RunFolderError, match=rf"no run 'alpha'; did you mean {first.id}"):
        find(tmp_path, "alpha")


@pytest.mark.parametrize("name", ["../x", "a/b", "..", ".", "", "a\\b", "a\0b", ".hidden", "/etc"])
def test_paths_are_no_names(tmp_path: Path, name: str) -> None:
    made(tmp_path)
    with pytest.raises(RunFolderError, match="is not the name of a run"):
        find(tmp_path, name)


def test_an_empty_library_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="no runs"):
        find(tmp_path, "last")


def test_a_newer_run_is_refused_and_may_still_be_deleted(tmp_path: Path) -> None:
    folder = made(tmp_path)
    path = folder.path / "experiment.toml"
    path.write_text(path.read_text().replace("version 1", "version 2"))
    with pytest.raises(RunFolderError, match="newer memlab"):
        find(tmp_path, folder.id)
    assert find(tmp_path, folder.id, readable=False) == folder


def test_a_disk_that_is_full_leaves_nothing_behind(tmp_path: Path, monkeypatch) -> None:
    def full(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageError, match="disk is full"):
        made(tmp_path / "runs")
    assert os.listdir(tmp_path / "runs") == []


def test_a_runs_folder_under_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        made(tmp_path / "file" / "runs")


def test_what_killed_processes_left_is_swept_but_not_what_is_being_made(tmp_path: Path) -> None:
    old, young = tmp_path / ".new-aaaa", tmp_path / ".deleted-bbbb"
    for folder in (old, young):
        folder.mkdir()
    os.utime(old, (0, 0))
    run_folder.sweep(tmp_path)
    assert os.listdir(tmp_path) == [".deleted-bbbb"]

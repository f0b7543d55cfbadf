"""Runs from elsewhere: looked at, but resumed, forked and reused only once they are adopted."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from memlab.errors import MemlabError, RunFolderError
from memlab.runs import forking, lifecycle, origin, requests, run_folder
from memlab.runs.origin import Registry
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import write_state

EXPERIMENT = 'title = "From afar"\nseeds = 1\n[stop]\nepochs = 2\n'


def made(home: Path, state: str = "interrupted") -> RunFolder:
    """A run of ours that has ended."""
    folder, lock = run_folder.create(home / "runs", "A run", EXPERIMENT, {})
    write_state(folder.path, state)  # type: ignore[arg-type]
    lock.close()
    return folder


@pytest.fixture
def guest(tmp_path: Path) -> RunFolder:
    """A run that another memlab made, put among ours."""
    ours = tmp_path / "here" / "runs"
    ours.mkdir(parents=True)
    theirs = made(tmp_path / "there")
    return RunFolder(Path(shutil.copytree(theirs.path, ours / theirs.id, symlinks=True)))


def test_what_this_machine_makes_is_its_own(tmp_path: Path) -> None:
    assert origin.is_ours(made(tmp_path))


def test_a_run_from_elsewhere_is_a_guest_though_it_carries_a_token(guest: RunFolder) -> None:
    assert (guest.path / "origin.json").is_file()
    assert not origin.is_ours(guest)


def test_a_registry_that_came_with_a_strangers_runs_counts_for_nothing(tmp_path: Path) -> None:
    theirs, runs = made(tmp_path / "there"), tmp_path / "here" / "runs"
    runs.mkdir(parents=True)
    found = run_folder.find(runs, str(theirs.path), by_path=True)
    assert not origin.is_ours(found)
    with pytest.raises(RunFolderError, match="was not made by this memlab"):
        lifecycle.resume(found)
    adopted = lifecycle.adopt(found, runs)
    assert adopted.path == runs / theirs.id
    assert origin.is_ours(run_folder.find(runs, str(adopted.path), by_path=True))


def test_a_changed_experiment_makes_a_guest_of_our_own_run(tmp_path: Path) -> None:
    folder = made(tmp_path)
    path = folder.path / "experiment.toml"
    path.write_text(path.read_text().replace("seeds = 1", "seeds = 2"))
    assert not origin.is_ours(folder)


def test_a_folder_that_takes_the_name_of_our_own_run_is_a_guest(tmp_path: Path) -> None:
    folder, other = made(tmp_path), made(tmp_path / "there")
    name = folder.path
    shutil.rmtree(name)
    shutil.copytree(other.path, name)
    assert not origin.is_ours(RunFolder(name))


def test_a_guest_is_not_resumed_forked_or_asked(guest: RunFolder, fake_worker) -> None:
    with pytest.raises(RunFolderError, match=f"memlab adopt {guest.id}"):
        lifecycle.resume(guest, worker=fake_worker)
    with pytest.raises(RunFolderError, match="not forked"):
        forking.forked(guest, 1.0, ["learning_rate=0.1"])
    assert guest.state.state == "interrupted"


def test_resuming_with_a_link_for_requests_deletes_nothing(tmp_path: Path, fake_worker) -> None:
    folder, documents = made(tmp_path), tmp_path / "documents"
    documents.mkdir()
    (documents / "thesis.json").write_text("{}")
    (folder.path / "requests").rmdir()
    (folder.path / "requests").symlink_to(documents)
    with pytest.raises(RunFolderError, match="requests is a link"):
        lifecycle.resume(folder, worker=fake_worker)
    with pytest.raises(RunFolderError, match="requests is a link"):
        requests.submit(folder.path, "stop")
    assert [path.name for path in documents.iterdir()] == ["thesis.json"]


def test_nothing_is_written_through_the_links_of_an_adopted_looking_run(
    tmp_path: Path, fake_worker
) -> None:
    profile = tmp_path / ".bashrc"
    profile.write_text("export A=1")  # without a newline
    for name in ("worker.log", "lock"):
        folder = made(tmp_path)
        (folder.path / name).unlink(missing_ok=True)
        (folder.path / name).symlink_to(profile)
        with pytest.raises(MemlabError, match=r"link|could not be written"):
            lifecycle.resume(folder, worker=fake_worker)
    assert profile.read_text() == "export A=1"


def test_an_adopted_run_is_ours_and_is_resumed(guest: RunFolder, fake_worker, eventually) -> None:
    runs = guest.path.parent
    adopted = lifecycle.adopt(guest, runs)
    assert origin.is_ours(adopted)
    lifecycle.resume(adopted, worker=fake_worker)
    eventually(lambda: adopted.state.state == "finished")


def test_adopting_by_path_copies_and_leaves_the_original(tmp_path: Path) -> None:
    theirs, runs = made(tmp_path / "there"), tmp_path / "here" / "runs"
    before = sorted(path.name for path in theirs.path.iterdir())
    adopted = lifecycle.adopt(theirs, runs)
    assert adopted.path == runs / theirs.id
    assert origin.is_ours(adopted)
    assert sorted(path.name for path in theirs.path.iterdir()) == before


@pytest.mark.parametrize("kind", ["link", "pipe", "deep", "hard link"])
def test_what_is_no_plain_folder_is_not_adopted(guest: RunFolder, kind: str) -> None:
    inside = guest.path / "series" / "stack-000.rows"
    if kind == "link":
        inside.symlink_to("/etc/hosts")
    elif kind == "pipe":
        os.mkfifo(inside)
    elif kind == "deep":
        (guest.path / "examples" / "a" / "b" / "c").mkdir(parents=True)
    else:
        (guest.path.parent / "mine").write_text("x")
        os.link(guest.path.parent / "mine", inside)
    with pytest.raises(RunFolderError):
        lifecycle.adopt(guest, guest.path.parent)
    assert not origin.is_ours(guest)


def test_deleting_a_run_forgets_it(tmp_path: Path) -> None:
    folder = made(tmp_path, "finished")
    kept = tmp_path / "kept"
    shutil.copytree(folder.path, kept)
    lifecycle.delete(folder)
    shutil.copytree(kept, folder.path)
    assert not origin.is_ours(folder)


def test_runs_from_before_the_registry_are_asked_about_once(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    older = made(tmp_path)
    shutil.rmtree(tmp_path / "registry")
    (older.path / "origin.json").unlink()
    assert lifecycle.unsettled(runs) == 1
    adopted, refused = lifecycle.adopt_all(runs)
    assert ([run.id for run in adopted], refused) == ([older.id], [])
    assert lifecycle.unsettled(runs) == 0
    assert Registry.of(runs).settled


def test_a_home_without_older_runs_is_settled_by_its_first(tmp_path: Path, fake_worker) -> None:
    folder = lifecycle.start(EXPERIMENT, "first", tmp_path / "runs", worker=fake_worker)
    assert Registry.of(tmp_path / "runs").settled
    assert origin.is_ours(folder)


def test_the_registry_is_not_where_a_run_could_write(tmp_path: Path) -> None:
    folder = made(tmp_path)
    entry = tmp_path / "registry" / f"{folder.id}.json"
    assert json.loads(entry.read_text())["id"] == folder.id
    assert entry.stat().st_mode & 0o077 == 0

"""The one door: nothing in a run folder is followed, waited for or read without bounds."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from memlab.errors import RunFolderError, StorageError
from memlab.runs import aside
from memlab.runs.door import Missing, Place


@pytest.fixture
def root(tmp_path: Path) -> Place:
    (tmp_path / "run" / "series").mkdir(parents=True)
    (tmp_path / "secret").write_text("not yours")
    return Place(tmp_path / "run")


ACTS: dict[str, Callable[[Place], object]] = {
    "read": lambda place: place.read(100),
    "append": lambda place: os.close(place.append_descriptor()),
    "write": lambda place: os.close(place.writing_descriptor()),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_link_in_the_place_of_a_file_is_refused_by_name(root: Place, act: str) -> None:
    (root.path / "events.jsonl").symlink_to(root.path.parent / "secret")
    with pytest.raises(RunFolderError, match=r"events.jsonl is a link"):
        ACTS[act](root / "events.jsonl")
    assert (root.path.parent / "secret").read_text() == "not yours"


@pytest.mark.parametrize("act", ["read", "append", "replace", "list", "unlink", "mkdir"])
def test_a_link_in_the_place_of_a_folder_is_refused_by_name(root: Place, act: str) -> None:
    elsewhere = root.path.parent / "documents"
    elsewhere.mkdir()
    (elsewhere / "thesis").write_text("years of work")
    (root.path / "requests").symlink_to(elsewhere)
    requests, file = root / "requests", root / "requests" / "thesis"
    acts: dict[str, Callable[[], object]] = {
        "read": lambda: file.read(100),
        "append": file.append_descriptor,
        "replace": lambda: file.replace(b"gone"),
        "list": requests.list,
        "unlink": file.unlink,
        "mkdir": requests.mkdir,
    }
    with pytest.raises(RunFolderError, match="requests is a link"):
        acts[act]()
    assert [(p.name, p.read_text()) for p in elsewhere.iterdir()] == [("thesis", "years of work")]


@pytest.mark.parametrize("act", ACTS)
def test_a_pipe_neither_blocks_nor_is_opened(root: Place, act: str) -> None:
    os.mkfifo(root.path / "worker.log")
    with pytest.raises(RunFolderError, match="no regular file"):
        ACTS[act](root / "worker.log")


def test_a_socket_and_a_folder_are_refused(root: Place) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root.path / "lock"))
        with pytest.raises(RunFolderError, match="no regular file"):
            (root / "lock").read(10)
    with pytest.raises(RunFolderError, match="a folder"):
        (root / "series").read(10)


def test_a_file_with_a_second_name_elsewhere_is_read_and_not_written(root: Place) -> None:
    os.link(root.path.parent / "secret", root.path / "events.jsonl")
    assert (root / "events.jsonl").read(100) == b"not yours"
    with pytest.raises(RunFolderError, match="second name"):
        (root / "events.jsonl").append_descriptor()


def test_what_is_larger_than_its_cap_is_not_read(root: Place) -> None:
    with open(root.path / "report.json", "wb") as file:
        file.truncate(6 << 30)  # sparse: it takes no disk
    with pytest.raises(RunFolderError, match=r"6,442,450,944 bytes; memlab reads up to 1,000"):
        (root / "report.json").read(1_000)


def test_missing_is_told_apart_from_unreadable(root: Place) -> None:
    with pytest.raises(Missing):
        (root / "series" / "stack-000.rows").read(10)
    with pytest.raises(Missing):
        (root / "nowhere" / "x").read(10)
    with pytest.raises(StorageError, match="is gone"):
        (root / "nowhere" / "x").replace(b"1")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0"])
def test_no_name_leads_out_of_the_folder(root: Place, name: str) -> None:
    with pytest.raises(RunFolderError, match="no name of a file"):
        root / name


def test_replacing_a_link_replaces_the_link(root: Place) -> None:
    (root.path / "state.json").symlink_to(root.path.parent / "secret")
    (root / "state.json").replace(b"{}")
    assert not (root.path / "state.json").is_symlink()
    assert (root.path.parent / "secret").read_text() == "not yours"


def test_what_is_made_is_this_users_alone(root: Place) -> None:
    (root / "state.json").replace(b"{}")
    (root / "examples").mkdir()
    os.close((root / "events.jsonl").append_descriptor())
    modes = {name: os.stat(root.path / name).st_mode & 0o777 for name in os.listdir(root.path)}
    assert (modes["state.json"], modes["events.jsonl"], modes["examples"]) == (0o600, 0o600, 0o700)


def test_what_is_cut_is_kept_beside_and_every_cut_adds_to_it(root: Place) -> None:
    for _ in range(2):
        (root.path / "t").write_bytes(b"0123456789")
        descriptor = (root / "t").append_descriptor()
        aside.cut(root / "t", descriptor, 7)
        os.close(descriptor)
    assert (root.path / "t").read_bytes() == b"0123456"
    assert (root.path / "t.before-resume").read_bytes() == b"789789"


def test_what_is_moved_aside_never_replaces_what_was(root: Place) -> None:
    for text in ("one", "two"):
        (root.path / "t").write_text(text)
        aside.move(root / "t")
    assert (root.path / "t.before-resume").read_text() == "one"
    assert (root.path / "t.before-resume-2").read_text() == "two"

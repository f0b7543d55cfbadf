"""Files that the user names: whole, asked for, and over nothing but files."""

from __future__ import annotations

import errno
import os
import socket
import stat
from pathlib import Path

import pytest

from memlab.errors import ExportRefused, FileIsThere, StorageError
from memlab.export import export


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_written_whole_with_the_users_mask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        assert export(tmp_path / "new.csv", b"rows") == tmp_path / "new.csv"
    finally:
        os.umask(before)
    assert (tmp_path / "new.csv").read_bytes() == b"rows"
    assert mode(tmp_path / "new.csv") == 0o640
    assert os.listdir(tmp_path) == ["new.csv"]


def test_a_file_that_is_there_is_kept_unless_it_may_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("mine")
    with pytest.raises(FileIsThere, match=r"list\.csv is there already"):
        export(path, b"new")
    assert path.read_text() == "mine"
    export(path, b"new", replace=True)
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["list.csv"]


@pytest.mark.parametrize("private", [0o600, 0o640, 0o664])
def test_a_replaced_file_is_read_by_those_who_read_it_before(tmp_path: Path, private: int) -> None:
    path = tmp_path / "list.csv"
    path.touch()
    path.chmod(private)
    export(path, b"new", replace=True)
    assert (path.read_bytes(), mode(path)) == (b"new", private)


def test_what_is_no_file_is_refused_by_its_kind(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "device").symlink_to("/dev/null")
    (tmp_path / "dead").symlink_to(tmp_path / "nothing")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        for name, words in (
            ("pipe", "is a pipe"),
            ("folder", "is a folder"),
            ("device", "/dev/null is a device"),
            ("socket", "is a socket"),
            ("dead", "a link that leads nowhere"),
        ):
            before = os.lstat(tmp_path / name)
            for replace in (False, True):
                with pytest.raises(ExportRefused, match=words):
                    export(tmp_path / name, b"new", replace=replace)
            assert os.lstat(tmp_path / name) == before
    assert len(os.listdir(tmp_path)) == 5


def test_a_link_stays_and_the_file_that_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "list.csv", tmp_path / "link.csv"
    real.touch(0o600)
    link.symlink_to(real)
    with pytest.raises(FileIsThere):
        export(link, b"new")
    assert export(link, b"new", replace=True) == real
    assert link.is_symlink()
    assert (real.read_bytes(), mode(real)) == (b"new", 0o600)


def test_a_file_that_appears_meanwhile_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, link = tmp_path / "list.csv", os.link

    def too_late(source: object, goal: object) -> None:
        path.write_text("another's")
        link(source, goal)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "link", too_late)
    with pytest.raises(FileIsThere):
        export(path, b"new")
    assert path.read_text() == "another's"
    assert os.listdir(tmp_path) == ["list.csv"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "list.csv"
    path.write_text("old")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageError, match="disk is full"):
        export(path, b"new", replace=True)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["list.csv"]

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from memlab.atomic import write_atomically
from memlab.errors import StorageError


def failing(code: int, after: int = 0):
    real, calls = os.write, [0]

    def write(descriptor: int, data: bytes) -> int:
        calls[0] += 1
        if calls[0] > after:
            raise OSError(code, os.strerror(code))
        return real(descriptor, bytes(data)[:2])

    return write


def test_the_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", b"old")
    write_atomically(tmp_path / "file", b"new content")
    assert (tmp_path / "file").read_bytes() == b"new content"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "disk is full"),
        (errno.EACCES, "Permission denied"),
        (errno.EROFS, "read-only"),
        (errno.EIO, "could not be written"),
    ],
)
@pytest.mark.parametrize("after", [0, 2])
def test_a_failed_write_says_why_and_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str, after: int
) -> None:
    write_atomically(tmp_path / "file", b"old content")
    monkeypatch.setattr(os, "write", failing(code, after))
    with pytest.raises(StorageError, match=words):
        write_atomically(tmp_path / "file", b"new content")
    assert (tmp_path / "file").read_bytes() == b"old content"
    assert os.listdir(tmp_path) == ["file"]


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"folder .*gone is gone"):
        write_atomically(tmp_path / "gone" / "file", b"content")

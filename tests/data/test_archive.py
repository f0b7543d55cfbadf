"""What leaves a tar archive: the files that are wanted, and nothing else."""

from __future__ import annotations

import gzip
import io
import tarfile
import time
from pathlib import Path

import pytest

from memlab.data.archive import unpack
from memlab.errors import InvalidDataset
from tests.data.conftest import md5


def archive_of(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for info, body in members:
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return path


def member(name: str, **more: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in more.items():
        setattr(info, key, value)
    return info


def test_only_wanted_files_leave_an_archive(tmp_path):
    wanted_body = b"content"
    path = archive_of(
        tmp_path / "a.tar.gz",
        (member("../outside"), b"x"),
        (member("/tmp/outside"), b"x"),
        (member("p/link", type=tarfile.SYMTYPE, linkname="/etc/passwd"), b""),
        (member("p/file", type=tarfile.LNKTYPE, linkname="/etc/passwd"), b""),
        (member("p/file", type=tarfile.CHRTYPE), b""),
        (member("p/file"), wanted_body),
    )
    unpack(path, "p", {"file": md5(wanted_body)}, tmp_path / "out")
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["file"]
    assert (tmp_path / "out" / "file").read_bytes() == wanted_body
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.tar.gz", "out"]


@pytest.mark.parametrize("what", ["many", "huge", "long name", "negative", "sparse"])
def test_an_archive_that_takes_too_much_is_refused(tmp_path, what):
    path = tmp_path / "a.tar.gz"
    huge = member("p/other", type=tarfile.XHDTYPE if what == "long name" else tarfile.REGTYPE)
    if what == "many":
        archive_of(path, *[(member(f"p/{n}"), b"") for n in range(1100)])
    elif what == "sparse":
        archive_of(path, (member("p/file", type=tarfile.GNUTYPE_SPARSE), b"x"))
    else:
        huge.size = (1 << 33) - 1 if what != "negative" else 0
        header = huge.tobuf(tarfile.USTAR_FORMAT)
        if what == "negative":
            header = header[:124] + b"-0000000001\0" + header[136:148] + b" " * 8 + header[156:]
            header = header[:148] + b"%06o\0 " % sum(header) + header[156:]
        path.write_bytes(gzip.compress(header + bytes(2000)))
    started = time.process_time()
    with pytest.raises(InvalidDataset, match="no sound archive") as caught:
        unpack(path, "p", {"file": "0" * 32}, tmp_path / "out")
    assert str(caught.value).isprintable()
    assert time.process_time() - started < 2
    assert list((tmp_path / "out").iterdir()) == []

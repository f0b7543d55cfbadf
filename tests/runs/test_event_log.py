from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memlab.errors import RunFolderError, StorageError
from memlab.runs.door import Place
from memlab.runs.event_log import MOST_BYTES, EventLog, EventReader


def place(path: Path) -> Place:
    return Place(path.parent) / path.name


def written(path: Path, count: int) -> bytes:
    with EventLog(place(path)) as log:
        for number in range(count):
            log.append("note", message=f"ä{number}\n")
    return path.read_bytes()


def test_a_reader_reads_only_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    reader = EventReader(place(path))
    assert reader.read() == []
    with EventLog(place(path)) as log:
        log.append("run-created", name="a")
        assert [event.type for event in reader.read()] == ["run-created"]
        assert reader.read() == []
        log.append("note", message="b")
    (event,) = reader.read()
    assert (event.seq, event.type, event.data) == (2, "note", {"message": "b"})


def test_numbers_go_on_after_a_resume_and_a_torn_line_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    written(path, 3)
    reader = EventReader(place(path))
    with open(path, "ab") as file:
        file.write(b'{"seq": 4, "ti')
    assert len(reader.read()) == 3
    with EventLog(place(path)) as log:
        assert log.append("resumed").seq == 4
    assert [event.seq for event in reader.read()] == [4]
    assert reader.skipped == 0


def test_garbage_in_the_middle_is_counted_and_skipped(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    data = written(path, 2)
    deep = b"[" * 100_000 + b"\n"
    path.write_bytes(b"\xff\xfe\n" + deep + b'{"seq":"x"}\n7\n\n' + data)
    reader = EventReader(place(path))
    assert [event.seq for event in reader.read()] == [1, 2]
    assert reader.skipped == 4


def test_a_full_disk_leaves_no_torn_line(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "events.jsonl"
    before = written(path, 1)
    real = os.write

    def fills_up(descriptor: int, data: bytes) -> int:
        if len(data) < 10:
            raise OSError(errno.ENOSPC, "No space")
        return real(descriptor, bytes(data)[: len(data) - 5])

    log = EventLog(place(path))
    monkeypatch.setattr(os, "write", fills_up)
    with pytest.raises(StorageError, match="disk is full"):
        log.append("note", message="long enough")
    assert path.read_bytes() == before


@given(count=st.integers(0, 5), cut=st.integers(0, 400), tail=st.binary(max_size=60))
def test_any_truncation_and_garbage_tail_keeps_the_intact_lines(tmp_path_factory, count, cut, tail):
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    data = written(path, count)
    kept = data[: max(0, len(data) - cut)]
    path.write_bytes(kept + tail)
    lines = kept.count(b"\n")
    read = EventReader(place(path)).read()
    assert [event.seq for event in read[:lines]] == list(range(1, lines + 1))
    with EventLog(place(path)) as log:
        seq = log.append("note").seq
    again = EventReader(place(path)).read()
    assert again[-1].seq == seq
    assert json.loads(path.read_bytes().splitlines()[-1])["seq"] == seq


def test_a_sparse_log_of_a_terabyte_takes_no_time_and_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    written(path, 2)
    with open(path, "r+b") as file:
        file.truncate(1 << 40)
    reader = EventReader(place(path))
    assert [event.seq for event in reader.read()] == [1, 2]
    assert reader.offset <= MOST_BYTES
    assert "more than the log of any run" in reader.problem
    with pytest.raises(RunFolderError, match="more than the log of any run"):
        EventLog(place(path))

from __future__ import annotations

import errno
import json
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memlab.errors import RunFolderError, StorageError
from memlab.runs.door import Place
from memlab.runs.table import Table
from memlab.runs.table_writer import TableWriter

COLUMNS = [("epoch", "<f8"), ("loss", "<f8", (3,))]
SIZE = 8 + 8 + 24 + 4


def row(number: int) -> dict[str, object]:
    return {"epoch": float(number), "loss": np.arange(3) + number}


def place(path: Path) -> Place:
    return Place(path.parent) / path.name


def written(path: Path, count: int) -> Path:
    with TableWriter(place(path), COLUMNS, {"members": [0, 1, 2]}) as writer:
        for number in range(count):
            writer.append(row(number))
    return path.with_suffix(".rows")


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    written(tmp_path / "stack-000", 5)
    table = Table.open(Place(tmp_path) / "stack-000")
    assert table.columns == ("epoch", "loss")
    assert table.attributes["members"] == [0, 1, 2]
    assert table.read("epoch").tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(table.read("loss", 3, members=[2, 0]), [[5, 3], [6, 4]])
    assert json.loads((tmp_path / "stack-000.json").read_text())["dtype"][1] == ["epoch", "<f8"]


def test_a_reader_sees_only_new_rows_and_waits_for_a_torn_one(tmp_path: Path) -> None:
    path = written(tmp_path / "t", 2)
    table = Table.open(Place(tmp_path) / "t")
    data = path.read_bytes()
    assert not table.refresh()
    with TableWriter(Place(tmp_path) / "t", COLUMNS) as writer:
        writer.append(row(2))
    whole = path.read_bytes()
    for size in range(len(data), len(whole)):
        path.write_bytes(whole[:size])
        table.refresh()
        assert (len(table), table.damaged) == (2, None)
    path.write_bytes(whole)
    read_before = table.bytes_read
    assert table.refresh()
    assert len(table) == 3
    assert table.bytes_read - read_before == 2 * SIZE


def test_of_a_table_that_has_just_begun_there_is_nothing_to_read(tmp_path: Path) -> None:
    """Its description is written before the file of its rows."""
    written(tmp_path / "t", 0).unlink(missing_ok=True)
    table = Table.open(Place(tmp_path) / "t")
    assert len(table) == 0
    assert len(table.newest(3)) == 0
    assert table.newest(3).dtype == table.dtype
    assert table.read("epoch").tolist() == []


def test_a_row_needs_exactly_its_columns(tmp_path: Path) -> None:
    with TableWriter(Place(tmp_path) / "t", COLUMNS) as writer:
        with pytest.raises(ValueError, match="epoch"):
            writer.append({"loss": np.zeros(3)})
        with pytest.raises(ValueError, match="more"):
            writer.append({**row(0), "more": 1})
    assert (tmp_path / "t.rows").stat().st_size == 0


def test_rows_that_a_resume_drops_are_kept_beside_and_told_to_a_viewer(tmp_path: Path) -> None:
    before = written(tmp_path / "t", 5000).read_bytes()
    table = Table.open(Place(tmp_path) / "t")
    with TableWriter(Place(tmp_path) / "t", COLUMNS) as writer:
        assert writer.count == 5000
        writer.truncate(2)
        with pytest.raises(RunFolderError, match="has lost rows"):
            table.read("epoch")
        table.refresh()
        assert (len(table), table.generation) == (2, 1)
        writer.append(row(2))
    assert table.refresh()
    assert table.read("epoch").tolist() == [0, 1, 2]
    assert (tmp_path / "t.rows.before-resume").read_bytes() == before[2 * SIZE :]


def test_a_resume_that_needs_more_rows_than_there_are_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "t", 2)
    message = "ends after row 1. The checkpoint goes on from row 3"
    with (
        TableWriter(Place(tmp_path) / "t", COLUMNS) as writer,
        pytest.raises(RunFolderError, match=message),
    ):
        writer.truncate(3)


def test_other_columns_are_not_appended(tmp_path: Path) -> None:
    written(tmp_path / "t", 1)
    with pytest.raises(RunFolderError, match="other columns"):
        TableWriter(Place(tmp_path) / "t", [("epoch", "<f8")])


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_a_write_that_fails_leaves_a_whole_table(tmp_path: Path, monkeypatch, code: int) -> None:
    real = os.write

    def fails_half_way(descriptor: int, data: bytes) -> int:
        if len(data) < SIZE:
            raise OSError(code, "no")
        return real(descriptor, bytes(data)[:20])

    with TableWriter(Place(tmp_path) / "t", COLUMNS) as writer:
        writer.append(row(0))
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", fails_half_way)
            with pytest.raises(StorageError):
                writer.append(row(1))
        writer.append(row(1))
    table = Table.open(Place(tmp_path) / "t")
    assert (len(table), table.damaged) == (2, None)


def test_reading_stops_before_garbage_and_says_where(tmp_path: Path) -> None:
    path = written(tmp_path / "t", 6)
    data = bytearray(path.read_bytes())
    data[3 * SIZE + 20] ^= 1
    path.write_bytes(data)
    table = Table.open(Place(tmp_path) / "t")
    assert len(table) == 3
    assert table.damaged is not None
    assert "t.rows is damaged at row 3" in table.damaged
    with TableWriter(Place(tmp_path) / "t", COLUMNS) as writer:
        assert writer.count == 3
        writer.append(row(3))
    assert table.refresh()
    assert (len(table), table.damaged) == (4, None)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"schema":1,"dtype":[["row","O"]]}'])
def test_a_damaged_description_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    written(tmp_path / "t", 1)
    (tmp_path / "t.json").write_bytes(content)
    with pytest.raises(RunFolderError, match=r"t\.json"):
        Table.open(Place(tmp_path) / "t")


def test_a_newer_table_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "t", 1)
    text = (tmp_path / "t.json").read_text().replace('"schema": 1', '"schema": 2')
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(RunFolderError, match="newer"):
        Table.open(Place(tmp_path) / "t")


@settings(max_examples=60)
@given(
    count=st.integers(0, 6),
    cut=st.integers(0, 6 * SIZE),
    tail=st.binary(max_size=3 * SIZE),
)
def test_any_truncation_and_garbage_tail_keeps_the_intact_rows(tmp_path_factory, count, cut, tail):
    path = tmp_path_factory.mktemp("table") / "t"
    rows = written(path, count)
    data = rows.read_bytes()
    kept = data[: max(0, len(data) - cut)]
    rows.write_bytes(kept + tail)
    intact = len(kept) // SIZE
    table = Table.open(place(path))
    assert table.read("epoch", 0, intact).tolist() == list(range(intact))
    assert (
        len(table) == intact or (kept + tail)[: (intact + 1) * SIZE] == data[: (intact + 1) * SIZE]
    )
    with TableWriter(place(path), COLUMNS) as writer:
        writer.append(row(writer.count))
    again = Table.open(place(path))
    assert again.damaged is None
    assert again.read("epoch").tolist() == list(range(len(again)))


@given(position=st.integers(0, 5 * SIZE - 1), bit=st.integers(0, 7))
def test_any_flipped_bit_ends_the_table_at_its_row(tmp_path_factory, position, bit):
    path = tmp_path_factory.mktemp("table") / "t"
    rows = written(path, 5)
    data = bytearray(rows.read_bytes())
    data[position] ^= 1 << bit
    rows.write_bytes(data)
    table = Table.open(place(path))
    assert len(table) == position // SIZE
    assert table.damaged


def test_a_table_that_cannot_be_read_is_an_error_and_not_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = written(tmp_path / "t", 5).read_bytes()
    table = Table.open(Place(tmp_path) / "t")

    def fails(*_: object) -> bytes:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(os, "pread", fails)
    with pytest.raises(RunFolderError, match="cannot be read: Cannot allocate memory"):
        table.read("epoch")
    with pytest.raises(RunFolderError, match="cannot be read"):
        TableWriter(Place(tmp_path) / "t", COLUMNS)
    monkeypatch.undo()
    assert (tmp_path / "t.rows").read_bytes() == before


def test_a_sparse_file_of_gigabytes_takes_neither_time_nor_memory(tmp_path: Path) -> None:
    path = written(tmp_path / "t", 3)
    with open(path, "r+b") as file:
        file.truncate(6 << 30)
    tracemalloc.start()
    table = Table.open(Place(tmp_path) / "t", thorough=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(table), peak < 20_000_000) == (3, True)
    assert "damaged at row 3" in str(table.damaged)


@pytest.mark.parametrize(
    "columns",
    [
        [["row", "<u8"], ["x", "<f8", [0]], ["checksum", "<u4"]],
        [["row", "<u8"], ["x", "|V0"], ["checksum", "<u4"]],
        [["row", "<u8"], ["x", "<f8", [1 << 40]], ["checksum", "<u4"]],
        [["row", "<u8"], ["x", "|S999999999"], ["checksum", "<u4"]],
        [["row", "<u8"], ["x", "|O"], ["checksum", "<u4"]],
        [["row", "<u8"], ["x", "<f8", [-1]], ["checksum", "<u4"]],
        [["row", "<f8"], ["checksum", "<u4"]],
        [["row", "<u8"], *([[f"c{i}", "<f8"] for i in range(5000)]), ["checksum", "<u4"]],
        [["row", "<u8"], ["epoch", "<f8", [1]], ["checksum", "<u4"]],
    ],
)
def test_a_description_of_no_table_of_ours_is_one_clear_error(tmp_path: Path, columns) -> None:
    written(tmp_path / "t", 1)
    (tmp_path / "t.json").write_text(json.dumps({"schema": 1, "dtype": columns}))
    with pytest.raises(RunFolderError, match="does not describe a table"):
        Table.open(Place(tmp_path) / "t")


def test_a_column_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="has no column nothing; it is damaged"):
        Table.open(Place(written(tmp_path / "t", 3).parent) / "t").read("nothing")

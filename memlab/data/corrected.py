"""A corrected copy of a user's data: other labels, some examples gone, the rest as it was.

Labels are `[examples]` in the order of the source, −1 for an example that goes. The source is read
and never written; what a class is called in it is learned from its own labels, so that texts stay
texts and numbers keep their type.
"""

from __future__ import annotations

import codecs
import csv
import errno
import io
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memlab import disk
from memlab.atomic import storing, sync_folder
from memlab.data.csv_table import MOST_FILE_BYTES, header, label_column
from memlab.data.data_file import check_memory, opened, read_whole
from memlab.data.dataset import IntArray, Raw
from memlab.data.image_folder import picture_names
from memlab.data.npz_archive import archive
from memlab.errors import FileIsThere, InvalidDataset

GONE = -1
#: Of the free space on a disk, what copies of pictures may take.
MOST_OF_DISK = 0.9
CHUNK = 1 << 20


@dataclass(frozen=True)
class Copy:
    """A file's new content, and what of the source is not in it, in words."""

    data: bytes
    left_out: tuple[str, ...] = ()


def of_npz(path: Path, raw: Raw, labels: IntArray) -> Copy:
    """The arrays of the file at `path`, whose data are `raw`, with other labels.

    Every array with as many rows as `x` loses the rows of the examples that go; `x_test`, `y_test`
    and all others stay as they are.

    Raises:
        InvalidDataset: if the file cannot be read.
    """
    arrays: dict[str, np.ndarray] = {}
    left_out: list[str] = []
    with opened(path) as file, archive(file, path) as stored:
        packed = False
        for name in stored.every():
            try:
                member = stored.find(name)
                assert member is not None
                check_memory(str(path), 3 * member.nbytes)
                if not member.plain:
                    raise InvalidDataset(f"array {name!r} holds neither numbers nor texts")
                arrays[name] = stored.array(member)
            except InvalidDataset as error:
                if name in ("x", "y", "x_test", "y_test"):
                    raise
                left_out.append(str(error))
                continue
            packed |= member.member.compress_size < member.member.file_size
    if "y" not in arrays or len(arrays["y"]) != len(raw.y):
        raise InvalidDataset(f"{path} is not the file that was judged; its labels are others.")
    arrays["y"] = relabelled(arrays["y"], raw.y, labels)
    kept = labels != GONE
    for name, array in arrays.items():
        if name not in ("x_test", "y_test") and array.ndim and len(array) == len(labels):
            arrays[name] = array[kept]
    return Copy(packed_arrays(arrays, packed), tuple(left_out))


def relabelled(written: np.ndarray, classes: IntArray, labels: IntArray) -> np.ndarray:
    """The labels as the source writes them, where `labels` has others than `classes`.

    A class is written as its first example has it; `written` is `[examples, …]`.
    """
    made = written.copy()
    wanted = np.unique(labels[labels != GONE])
    first = {int(label): int(np.argmax(classes == label)) for label in wanted}
    for row in np.flatnonzero((labels != classes) & (labels != GONE)):
        made[row] = written[first[int(labels[row])]]
    return made


def of_csv(path: Path, raw: Raw, labels: IntArray, column: str | None = None) -> Copy:
    """The lines of the table at `path`, whose data are `raw`; those that keep their label as is.

    `column` names the labels' column, as `csv_table.read_csv`.

    Raises:
        InvalidDataset: if the file cannot be read.
    """
    data = read_whole(path, MOST_FILE_BYTES)
    check_memory(str(path), 4 * len(data))
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    lines = io.StringIO(data[len(mark) :].decode("utf-8"), newline="")
    first = lines.readline()
    delimiter, names = header(first)
    at, texts = label_column(names, column, path), list(_rows(lines, delimiter))
    written = np.array([row[at] for _, row in texts], dtype=object)
    if len(written) != len(raw.y):
        raise InvalidDataset(f"{path} is not as it was judged: it has {len(written)} examples.")
    now = relabelled(written, raw.y, labels)
    made = [first]
    for number, (text, row) in enumerate(texts):
        if labels[number] == GONE:
            continue
        if now[number] == row[at]:
            made.append(text)
        else:
            made.append(_line([*row[:at], now[number], *row[at + 1 :]], delimiter, text))
    return Copy(mark + "".join(made).encode())


def _rows(lines: io.StringIO, delimiter: str) -> Iterator[tuple[str, list[str]]]:
    """Each row that is not empty, as it stands in the file and as cells."""
    read: list[str] = []

    def told() -> Iterator[str]:
        for line in lines:
            read.append(line)
            yield line

    for row in csv.reader(told(), delimiter=delimiter):
        if row:
            yield "".join(read), row
        read.clear()


def _line(row: list[str], delimiter: str, before: str) -> str:
    """The row as a line that ends as the one before it did."""
    out = io.StringIO(newline="")
    end = before[len(before.rstrip("\r\n")) :]
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerow(row)
    return out.getvalue()


def of_arrays(raw: Raw, labels: IntArray) -> Copy:
    """`x`, `y` and, where there are some, `x_test` and `y_test` of a dataset that is no file."""
    kept = labels != GONE
    arrays = {"x": raw.x[kept], "y": labels[kept]}
    if raw.test_x is not None and raw.test_y is not None:
        arrays |= {"x_test": raw.test_x, "y_test": raw.test_y}
    return Copy(packed_arrays(arrays, True))


def packed_arrays(arrays: dict[str, np.ndarray], packed: bool) -> bytes:
    """An npz file of these."""
    buffer = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def folder_list(path: Path, raw: Raw, labels: IntArray) -> Copy:
    """A table of the pictures in a folder: file, label given, label now (empty where it goes)."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "given_label", "label"])
    names = raw.class_names
    for file, old, new in zip(_files(path, raw), raw.y, labels, strict=True):
        writer.writerow([file, names[old], "" if new == GONE else names[new]])
    return Copy(text.getvalue().encode("utf-8", "surrogateescape"))


def why_not_copied(path: Path, raw: Raw, into: Path) -> str:
    """Why the pictures of a folder had better not be copied; empty where they can be."""
    total = 0
    for name in _files(path, raw):
        file = path / name
        if file.is_symlink() or file.parent.is_symlink():
            return f"{name} is a link, and copies of links are not what they lead to"
        total += file.stat().st_size
    free = shutil.disk_usage(into).free
    if total > MOST_OF_DISK * free:
        return f"its pictures take {total:,} bytes, and {into} has {free:,} free"
    return ""


def copy_folder(path: Path, raw: Raw, labels: IntArray, target: Path) -> int:
    """A new folder with each picture in the folder of its class; how many it has.

    It is there as a whole or not at all. A picture whose name is taken in its new class gets that
    of its old one before it. Links are not followed.

    Raises:
        FileIsThere: if something is at `target`.
        InvalidDataset: if a picture is a link, or not there any more.
        StorageError: if it cannot be written.
    """
    if os.path.lexists(target):
        raise FileIsThere(f"{target} is there already.")
    made = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")
    files = _files(path, raw)
    moves = _moves(files, raw, labels)
    with storing(target):
        try:
            disk.mkdir(made)
            for name in raw.class_names:
                disk.mkdir(made / name)
            for old, new in moves:
                _copy(path / old, made / new)
            for name in raw.class_names:
                sync_folder(made / name)
            if os.path.lexists(target):
                raise FileIsThere(f"{target} is there already.")
            disk.rename(made, target)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        sync_folder(target.parent)
    return len(moves)


def _moves(files: Sequence[str], raw: Raw, labels: IntArray) -> list[tuple[str, str]]:
    """Old and new `class/file` of each picture that stays; those that stay put keep their names."""
    stays = labels == raw.y
    order = [*np.flatnonzero(stays), *np.flatnonzero(~stays & (labels != GONE))]
    taken: set[str] = set()
    moves = []
    for at in order:
        old_class, _, file = files[at].partition("/")
        new_class = raw.class_names[labels[at]]
        new, number = f"{new_class}/{file}", 1
        while new in taken:
            mark = old_class if number == 1 else f"{old_class}-{number}"
            new, number = f"{new_class}/{mark}-{file}", number + 1
        taken.add(new)
        moves.append((files[at], new))
    return moves


def _copy(source: Path, target: Path) -> None:
    try:
        descriptor = os.open(source, os.O_RDONLY | disk.SAFE)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOENT, errno.EACCES):
            why = "is a link" if error.errno == errno.ELOOP else "cannot be read"
            raise InvalidDataset(f"{source} {why}; nothing was written.") from error
        raise
    try:
        out = disk.create(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            while data := os.read(descriptor, CHUNK):
                disk.write_all(out, data)
            disk.sync(out)
        finally:
            os.close(out)
    finally:
        os.close(descriptor)


def _files(path: Path, raw: Raw) -> list[str]:
    files = picture_names(path)
    if len(files) != len(raw.y):
        raise InvalidDataset(f"{path} is not as it was judged: it has {len(files)} pictures.")
    return files

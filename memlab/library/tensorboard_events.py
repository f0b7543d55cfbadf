"""The scalars of TensorBoard's event files, read here: records, and as much of their protocol.

A file is a row of records: length (8 bytes), a checksum of it (4), the data, a checksum (4); the
data is an `Event` in the wire format of Protocol Buffers, of which step and scalars are read
(tensorboard/compat/proto/event.proto, summary.proto and tensor.proto). Lengths are compared with
what is there before they are believed; checksums, CRC-32C, are not computed.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator

from memlab.errors import InvalidDataset
from memlab.text import plain

MOST_VALUES = 4_000_000
MOST_RECORD = 1 << 24
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FLOAT, DOUBLE = 1, 2  # of tensor.proto's DataType

Field = tuple[int, int, int | bytes]


def scalars(data: bytes, where: str) -> Iterator[tuple[str, int, float]]:
    """(tag, step, value) of each finite scalar; what is torn at the end is left out.

    Raises:
        InvalidDataset: if it does not begin as such a file does, or holds too many values.
    """
    position, count, first = 0, 0, True
    while position + 12 <= len(data):
        (length,) = struct.unpack_from("<Q", data, position)
        start, end = position + 12, position + 12 + length
        if length > MOST_RECORD or end + 4 > len(data):
            break
        try:
            found = list(_event(data[start:end]))
        except ValueError:
            break
        first = False
        for tag, step, value in found:
            count += 1
            if count > MOST_VALUES:
                raise InvalidDataset(f"{where} has more than {MOST_VALUES:,} values.")
            yield tag, step, value
        position = end + 4
    if first:
        raise InvalidDataset(f"{where} is no event file of TensorBoard, or is damaged.")


def _event(data: bytes) -> Iterator[tuple[str, int, float]]:
    step, summaries = 0, []
    for number, kind, value in _fields(data):
        if number == 2 and kind == VARINT and isinstance(value, int):
            step = value
        elif number == 5 and kind == BYTES and isinstance(value, bytes):
            summaries.append(value)
    if not 0 <= step < 1 << 53:
        return
    for summary in summaries:
        for number, kind, entry in _fields(summary):
            if number == 1 and kind == BYTES and isinstance(entry, bytes):
                tag, found = _value(entry)
                if tag and found is not None and math.isfinite(found):
                    yield tag, step, found


def _value(data: bytes) -> tuple[str, float | None]:
    """The tag of a summary's value, and its scalar if it has one."""
    tag, found = "", None
    for number, kind, value in _fields(data):
        if isinstance(value, bytes):
            if number == 1 and kind == BYTES:
                tag = plain(value.decode("utf-8", "replace"), 80)
            elif number == 2 and kind == FIXED32:
                (found,) = struct.unpack("<f", value)
            elif number == 8 and kind == BYTES:
                found = _tensor(value)
    return tag, found


def _tensor(data: bytes) -> float | None:
    """A tensor of one number: its content, or the one value that it lists."""
    dtype, raw = 0, b""
    for number, kind, value in _fields(data):
        if number == 1 and kind == VARINT and isinstance(value, int):
            dtype = value
        elif isinstance(value, bytes) and number in (4, 5, 6) and kind != VARINT:
            raw = value
    if dtype == FLOAT and len(raw) == 4:
        return float(struct.unpack("<f", raw)[0])
    if dtype == DOUBLE and len(raw) == 8:
        return float(struct.unpack("<d", raw)[0])
    return None


def _fields(data: bytes) -> Iterator[Field]:
    """Number, wire type and value of each field.

    Raises:
        ValueError: if the bytes are no message.
    """
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, position = _varint(data, position)
            yield number, kind, value
            continue
        if kind == BYTES:
            size, position = _varint(data, position)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if number == 0 or position + size > len(data):
            raise ValueError("a field beyond its message")
        yield number, kind, data[position : position + size]
        position += size


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise ValueError("a torn number")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("a number that is too long")

"""Mutations of data files that know what they change: lengths, types, checksums, nesting.

Each maker takes a generator of random numbers and gives the bytes of one hostile file; the same
generator gives the same bytes. What opens them is `data.py`.
"""

from __future__ import annotations

import gzip
import io
import pickle
import pickletools
import struct
import tarfile
import zipfile
import zlib
from functools import cache

import numpy as np
from scipy.io import savemat

from tests.data.conftest import IDX_NAMES, idx_bytes, idx_set, python2_pickle

Draws = np.random.Generator
EXTREMES = (
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63 - 1,
    2**64 - 1,
)
MEGA = 1 << 20


def one(draws: Draws, options: object) -> object:
    """One of the options."""
    return options[int(draws.integers(len(options)))]  # type: ignore[index, arg-type]


def number(draws: Draws, width: int, order: str = "little") -> bytes:
    """An extreme number in so many bytes."""
    value = int(one(draws, EXTREMES)) % 2 ** (8 * width)
    return value.to_bytes(width, order)  # type: ignore[arg-type]


def scrambled(draws: Draws, content: bytes) -> bytes:
    """One to three changes that know nothing of the format."""
    data = bytearray(content)
    for _ in range(int(draws.integers(1, 4))):
        at = int(draws.integers(len(data) + 1))
        size = int(draws.integers(1, 65))
        kind = int(draws.integers(8))
        if kind == 0 and at < len(data):
            data[at] ^= 1 << int(draws.integers(8))
        elif kind == 1:
            del data[at:]
        elif kind == 2:
            del data[at : at + size]
        elif kind == 3:
            data[at:at] = draws.bytes(size)
        elif kind == 4:
            data[at:at] = data[at : at + size]
        elif kind == 5:
            width = int(one(draws, (1, 2, 4, 8)))
            data[at : at + width] = number(draws, width, str(one(draws, ("little", "big"))))
        elif kind == 6:
            data += draws.bytes(size)
        else:
            head = min(at, 64)
            data[head : head + 1] = bytes((int(one(draws, (0, 255, 128, 127))),))
    return bytes(data)


# --- npz

DESCRIPTIONS = (
    *("<f8", "|u1", "<f4", ">i2", "|b1", "<f2", "<c8", "|O", "<U7", "|S0", "<M8[D]", "|V0", "<U0"),
    *("<f3", "", "|V99999999", "<U999999999", "f16", "<i9", "object", "(2,3)f4"),
)
SHAPES = (
    *("(40, 6)", "(40,)", "()", "(0,)", "(40, 0)", "(0, 9999999999999)", "(99999999999999, 6)"),
    *("(-1, 6)", "(40, 6" + ", 1" * 70 + ")", "(4294967296, 4294967296)", "(" * 2000 + ")" * 2000),
    *("(40L, 6L)", "(40, 6.0)", "(40, 'a')", "[40, 6]", "(" + "9" * 400 + ",)", "(20, 3, 2, 2)"),
)


def npy(draws: Draws, array: np.ndarray) -> bytes:
    """A member of an npz file, often with a header that lies."""
    stream = io.BytesIO()
    np.save(stream, array)
    content = stream.getvalue()
    kind = int(draws.integers(6))
    if kind == 0:
        return scrambled(draws, content)
    if kind in (1, 2):
        descr = one(draws, DESCRIPTIONS) if kind == 1 else array.dtype.str
        shape = one(draws, SHAPES) if kind == 2 else str(array.shape)
        order = one(draws, ("True", "False", "1", "None"))
        text = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
        version = int(one(draws, (1, 1, 1, 2, 3, 9)))
        length = len(text).to_bytes(2 if version == 1 else 4, "little")
        if draws.random() < 0.1:
            length = number(draws, len(length))
        body = content[128 : int(draws.integers(128, len(content) + 1))]
        return (
            b"\x93NUMPY"
            + bytes((version, 0))
            + length
            + text
            + (body if draws.random() < 0.3 else content[128:])
        )
    return content


def npz(draws: Draws) -> bytes:
    """An npz file: arrays, headers, the archive's fields, packings, names, bombs."""
    x = draws.random((40, 6)).astype(str(one(draws, ("f8", "f4", ">f4", "f2"))))
    if draws.random() < 0.3:
        x[int(draws.integers(40))] = one(draws, (np.nan, np.inf, -np.inf, 0))
    y = (np.arange(40) % 4).astype(str(one(draws, ("i8", "u1", "f8", ">i4"))))
    if draws.random() < 0.3:
        y[int(draws.integers(40))] = int(one(draws, (0, 4, 9, 100, 127)))
    names = ["x", "y"] + (["x_test", "y_test"] if draws.random() < 0.2 else [])
    if draws.random() < 0.1:
        names.append(str(one(draws, ("x", "../x", "/x", "\x1b[2J", "‮y", "n" * 9000, ""))))
    stream = io.BytesIO()
    packing = int(one(draws, (0, 8, 8, 8, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)))
    with zipfile.ZipFile(stream, "w", packing) as archive:
        for name in names:
            content = npy(draws, y if name.startswith("y") else x)
            if draws.random() < 0.01:
                content += bytes(int(draws.integers(1, 40)) * MEGA)
            with np.errstate(all="ignore"):
                archive.writestr(f"{name}.npy", content)
    whole = stream.getvalue()
    if draws.random() < 0.5:
        return whole
    if draws.random() < 0.5:
        return scrambled(draws, whole)
    mark = bytes(one(draws, (b"PK\3\4", b"PK\1\2", b"PK\5\6")))  # type: ignore[arg-type]
    at = whole.find(mark) + 4 + int(draws.integers(0, 42))
    width = int(one(draws, (2, 4)))
    return whole[:at] + number(draws, width) + whole[at + width :]


# --- IDX


@cache
def idx_files() -> dict[str, bytes]:
    """A small set in MNIST's layout."""
    return idx_set(30, 10)


def idx(draws: Draws) -> bytes:
    """Images or labels whose header lies."""
    whole = idx_files()[IDX_NAMES[int(draws.integers(2))]]
    kind = int(draws.integers(4))
    if kind == 0:
        return scrambled(draws, whole)
    if kind == 1:
        at = 4 * int(draws.integers(0, 4))
        return whole[:at] + number(draws, 4, "big") + whole[at + 4 :]
    if kind == 2:
        shape = [int(n) for n in draws.integers(0, 40, int(draws.integers(0, 5)))]
        return idx_bytes(np.zeros(shape))
    return whole


def idx_gz(draws: Draws) -> bytes:
    """The same within gzip: flags, several streams, bombs, damage."""
    content = idx(draws)
    if draws.random() < 0.02:
        content += bytes(int(draws.integers(1, 60)) * MEGA)
    if draws.random() < 0.02:
        sizes = b"".join(number(draws, 4, "big") for _ in range(3))
        content = content[:4] + sizes + content[16:]
    whole = gzip.compress(content, 1, mtime=0)
    kind = int(draws.integers(6))
    if kind == 0:
        return scrambled(draws, whole)
    if kind == 1:
        return whole[:3] + number(draws, 1) + whole[4:]
    if kind == 2:
        return whole + gzip.compress(b"", mtime=0) * int(draws.integers(1, 3000))
    if kind == 3:
        return gzip.compress(whole)
    return whole


# --- pickles

SNIPPETS = (
    *(
        b"r\xff\xff\xff\x7f",
        b"\x96\xff\xff\xff\xff\0\0\0\0",
        b"\x8e" + b"\xff" * 8,
        b"B\xff\xff\xff",
    ),
    *(b"cos\nsystem\n", b"U\x021+\x85R", b"}", b"]", b"(", b"e", b"u", b"s", b"\x81", b"Pname\n"),
    *(b"h\x00", b"q\x00", b"\x94", b"0", b"2", b"1", b"R", b"b", b"K\x05", b"\x8b\xff\xff\xff\x7f"),
    *(
        b"]" * 3000,
        b"(" * 3000,
        b"K\x01" + b"q\x07h\x07\x86" * 80,
        b"L" + b"9" * 5000 + b"L\n",
        b"N.",
    ),
    *(b"\x95" + b"\xff" * 8, b"c_codecs\nencode\n", b"cnumpy\ndtype\n", b"\x8f", b"\x91", b"\x90"),
)


@cache
def batches() -> tuple[bytes, ...]:
    """Batches as Python 2 and 3 write them, and the names of classes."""
    entry: dict[str, object] = {
        "data": np.random.default_rng(0).integers(0, 256, (12, 3072), dtype=np.uint8),
        "labels": [n % 10 for n in range(12)],
        "fine_labels": [n % 10 for n in range(12)],
    }
    names: dict[str, object] = {"label_names": [f"class {n}" for n in range(10)]}
    dumped = [pickle.dumps(made, p) for made in (entry, names) for p in (0, 2, 4, 5)]
    return (python2_pickle(entry), python2_pickle(names), *dumped)


@cache
def operations(content: bytes) -> tuple[int, ...]:
    """Where each operation of a pickle starts."""
    return tuple(at for _, _, at in pickletools.genops(content) if at is not None)


def batch(draws: Draws) -> bytes:
    """A pickle with operations put in, left out, doubled, or with other arguments."""
    content = batches()[int(draws.integers(len(batches())))]
    if draws.random() < 0.2:
        return scrambled(draws, content)
    starts = operations(content)
    data = content
    for _ in range(int(draws.integers(1, 4))):
        at = starts[int(draws.integers(len(starts)))]
        end = starts[min(len(starts) - 1, starts.index(at) + 1)]
        kind = int(draws.integers(5))
        if kind == 0:
            data = data[:at] + bytes(one(draws, SNIPPETS)) + data[at:]  # type: ignore[arg-type]
        elif kind == 1:
            data = data[:at] + data[end:]
        elif kind == 2:
            data = data[:at] + data[at:end] * int(draws.integers(2, 50)) + data[end:]
        elif kind == 3:
            width = int(one(draws, (1, 2, 4, 8)))
            data = data[: at + 1] + number(draws, width) + data[at + 1 + width :]
        else:
            data = data[:at] + bytes((int(draws.integers(256)),)) + data[at + 1 :]
    return data


# --- tar archives


def tar_gz(draws: Draws) -> bytes:
    """An archive with links, devices, holes, odd names and headers that lie."""
    raw = io.BytesIO()
    form = int(one(draws, (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)))
    with tarfile.open(fileobj=raw, mode="w", format=form) as tar:
        whole_ones = ("p/a", "p/b") if draws.random() < 0.5 else ()
        for name in whole_ones:
            info = tarfile.TarInfo(name)
            info.size = 7
            tar.addfile(info, io.BytesIO(b"content"))
        for _ in range(int(draws.integers(1, 5))):
            folder = str(one(draws, ("p/", "p/", "p/", "", "/", "../", "p/../../")))
            info = tarfile.TarInfo(folder + str(one(draws, ("a", "b", "c" * 90, "ü", "\x1b[2J"))))
            info.type = bytes(one(draws, (b"0",) * 6 + tuple(b"%d" % n for n in range(1, 8))))  # type: ignore[arg-type]
            if draws.random() < 0.1:
                info.type = bytes(one(draws, (b"S", b"x", b"g", b"L", b"K", b"D")))  # type: ignore[arg-type]
            info.linkname = str(one(draws, ("", "p/a", "/etc/passwd", "../..")))
            body = b"content" if draws.random() < 0.8 else draws.bytes(2000)
            if draws.random() < 0.01:
                body = bytes(int(draws.integers(1, 30)) * MEGA)
            info.size = len(body) if info.type in (b"0", b"S", b"x", b"g", b"L", b"K") else 0
            tar.addfile(info, io.BytesIO(body))
    whole = raw.getvalue()
    for _ in range(int(draws.integers(0, 2))):
        whole = lying_header(draws, whole)
    if draws.random() < 0.2:
        whole = scrambled(draws, whole)
    packed = gzip.compress(whole, 1, mtime=0)
    return scrambled(draws, packed) if draws.random() < 0.15 else packed


FIELDS = ((0, 100), (100, 8), (124, 12), (136, 12), (156, 1), (157, 100), (257, 8), (345, 155))


def lying_header(draws: Draws, whole: bytes) -> bytes:
    """One field of the first header with another content, its checksum right again."""
    at, width = FIELDS[int(draws.integers(len(FIELDS)))]
    value = bytes(
        one(  # type: ignore[arg-type]
            draws,
            (
                b"77777777777",
                b"-0000000001",
                b"\x80" + b"\xff" * 11,
                b"",
                b"p/a",
                b"0" * width,
                b" 8",
            ),
        )
    )[:width].ljust(width, b"\0")
    head = whole[:at] + value + whole[at + width : 512]
    head = head[:148] + b" " * 8 + head[156:]
    return head[:148] + b"%06o\0 " % (sum(head) % 8**6) + head[156:] + whole[512:]


# --- MATLAB


@cache
def matlab_files() -> tuple[bytes, ...]:
    """SVHN's file with 12 images, plain and compressed."""
    made = []
    images = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 12), dtype=np.uint8)
    labels = (1 + np.arange(12, dtype=np.uint8) % 10)[:, None]
    for packed in (False, True):
        stream = io.BytesIO()
        savemat(stream, {"X": images, "y": labels}, do_compression=packed)
        made.append(stream.getvalue())
    return tuple(made)


def matlab(draws: Draws) -> bytes:
    """A MATLAB file whose tags lie, or what is within its compressed part."""
    whole = matlab_files()[int(draws.integers(2))]
    if draws.random() < 0.3:
        return scrambled(draws, whole)
    at = 128 + 4 * int(draws.integers(0, 16))
    if draws.random() < 0.5:
        return whole[:at] + number(draws, 4) + whole[at + 4 :]
    inside = bytearray(matlab_files()[0][128:])
    at = 4 * int(draws.integers(0, 16))
    inside[at : at + 4] = number(draws, 4)
    packed = zlib.compress(bytes(inside))
    if draws.random() < 0.02:
        packed = zlib.compress(bytes(inside) + bytes(40 * MEGA), 1)
    return whole[:128] + struct.pack("<II", 15, len(packed)) + packed

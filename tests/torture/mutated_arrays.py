"""Tables and arrays that lie: descriptions, cells with valid checksums, flipped bytes, headers."""

from __future__ import annotations

import json
import os
import random
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from memlab.runs.table import dtype_from
from tests.torture import hostile
from tests.torture.mutated_files import own

DTYPES = (
    "V0",
    "|V0",
    "S0",
    "U0",
    "O",
    "|O",
    "<U1000000",
    "S1000000000",
    "V2147483647",
    "<M8[s]",
    "m8",
    ">f8",
    "f2",
    "c16",
    "?",
    "<i8",
    "U3",
    "nonsense",
    "",
    "f8,f8",
    "(3,)f8",
    "<f16",
)
SHAPES: tuple[Any, ...] = (
    [0],
    [10**9],
    [10**18],
    [2**31, 2**31],
    [-1],
    [1] * 40,
    [],
    3,
    ["2"],
    [2, 0, 2],
    None,
    [1],
    [7],
    [3, 5],
)


def _tables(folder: Path) -> list[Path]:
    found = folder.glob("series/*.json")
    return sorted(p for p in found if p.is_file() and p.with_suffix(".rows").is_file())


def description(rng: random.Random, folder: Path, canary: Path) -> str:
    """The columns that a table says it has."""
    path = own(rng.choice(_tables(folder)))
    document = json.loads(path.read_bytes())
    columns: list[Any] = document["dtype"]
    at = rng.randrange(len(columns))
    kind = rng.randrange(9)
    if kind < 3:
        columns[at][1] = rng.choice(DTYPES)
    elif kind < 5:
        shape = rng.choice(SHAPES)
        columns[at] = [*columns[at][:2], shape]
    elif kind == 5:
        columns[at][0] = rng.choice(("", "row", "checksum", "epoch", hostile.text(rng), 7, None))
    elif kind == 6:
        del columns[at]
    elif kind == 7:
        columns.insert(at, rng.choice(([], ["x"], ["x", "f8", [2], 9], "x", 5, None, {"a": 1})))
    else:
        document["dtype"] = rng.choice(([], [["row", "<u8"], ["checksum", "<u4"]], "f8", {}))
    path.write_bytes(hostile.to_json(document))
    if rng.random() < 0.3:
        os.truncate(path.with_suffix(".rows"), rng.choice((6 << 30, 1 << 20)))
    return f"{path.name} column {at}: {hostile.shown(document['dtype'][at : at + 1])}"


def cells(rng: random.Random, folder: Path, canary: Path) -> str:
    """Hostile numbers in a row or a column whose checksums are right."""
    path = rng.choice(_tables(folder))
    dtype = dtype_from(json.loads(path.read_bytes())["dtype"])
    rows = np.frombuffer(bytearray(own(path.with_suffix(".rows")).read_bytes()), dtype)
    name = rng.choice((dtype.names or ())[1:-1])
    kind = rows[name].dtype.kind
    given = rng.choice(hostile.REAL) if kind == "f" else rng.choice((0, -1, 2**31 - 1, 2**62))
    chosen = slice(None) if rng.random() < 0.5 else slice(rng.randrange(len(rows)), None)
    info = None if kind == "f" else np.iinfo(rows[name].dtype)
    rows[name][chosen] = given if info is None else max(info.min, min(info.max, int(given)))
    grown = rng.random() < 0.2
    if grown:
        rows = np.tile(rows, rng.choice((2, 300)))
        rows["row"] = np.arange(len(rows))
    sealed = b""
    for at in range(len(rows)):
        body = rows[at : at + 1].tobytes()[:-4]
        sealed += body + zlib.crc32(body).to_bytes(4, "little")
    path.with_suffix(".rows").write_bytes(sealed)
    return f"{path.stem}.{name} = {given!r}{', more rows' if grown else ''}"


def flipped(rng: random.Random, folder: Path, canary: Path) -> str:
    """Bytes of some file that are not what was written."""
    found = [p for p in sorted(folder.rglob("*")) if p.is_file() and not p.is_symlink()]
    path = own(rng.choice([p for p in found if p.stat().st_size]))
    data = bytearray(path.read_bytes())
    places = [rng.randrange(len(data)) for _ in range(rng.choice((1, 1, 20)))]
    for at in places:
        data[at] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    return f"{path.relative_to(folder)} at {places[:3]}"


def _arrays(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*.npy") if p.is_file() and not p.is_symlink())


def npy_header(rng: random.Random, folder: Path, canary: Path) -> str:
    """The header of an array: type, shape, order, version, length, or no header at all."""
    path = rng.choice(_arrays(folder))
    data = own(path).read_bytes()
    length = int.from_bytes(data[8:10], "little")
    header, body = data[10 : 10 + length].decode("latin-1"), data[10 + length :]
    shape = str(np.load(path, mmap_mode="r").shape)
    kind = rng.randrange(8)
    given = {
        0: lambda: header.replace(shape, rng.choice(("(0,)", "(-1,)", f"({10**18},)", "()", "7"))),
        1: lambda: header.replace("'descr': '", "'descr': '" + rng.choice(("|O", "V0", ">", "x"))),
        2: lambda: header.replace("False", rng.choice(("True", "None", "[]"))),
        3: lambda: "(" * 5000,
        4: lambda: "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        5: lambda: header.replace(shape, str((2**20, 2**20))),
        6: lambda: "__import__('os').system('touch pwned')",
        7: lambda: header + " " * 60_000,
    }[kind]()
    coded = given.encode("latin-1")
    magic = rng.choice((data[:8], data[:8], data[:8], b"\x93NUMPY\x09\x00", b"PK\x03\x04\0\0\0\0"))
    claimed = rng.choice((len(coded), len(coded), len(coded), 65535, 0)) & 0xFFFF
    path.write_bytes(magic + claimed.to_bytes(2, "little") + coded + body)
    if rng.random() < 0.15:
        os.truncate(path, 6 << 30)
    return f"{path.relative_to(folder)} kind {kind} length {claimed} magic {magic!r}"


def npy_values(rng: random.Random, folder: Path, canary: Path) -> str:
    """Values of an array out of their range: labels, indices, members, scores."""
    path = rng.choice(_arrays(folder))
    array = np.load(path)
    told = "all bytes 0xff"
    raw = array.view(np.uint8) if array.ndim and array.flags.c_contiguous else array
    kind = rng.randrange(3)
    if array.dtype.kind == "f" and kind:
        given = rng.choice(hostile.REAL)
        with np.errstate(over="ignore"):
            array[...] = given
        told = f"all {given!r}"
    elif array.dtype.kind in "iu" and kind:
        info = np.iinfo(array.dtype)
        array[...] = rng.choice((info.min, info.max, info.max // 2))
        told = f"all {array.reshape(-1)[0]}"
    else:
        raw[...] = 0xFF
    np.save(path, array)
    return f"{path.relative_to(folder)} {told}"

"""Mutations of pictures: sizes, chunks, pixels."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache

import numpy as np
from PIL import Image

from tests.torture.data_bytes import MEGA, Draws, number, one, scrambled


@cache
def pictures() -> dict[str, bytes]:
    """A small picture in each format, and one that moves."""
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8))
    made = {}
    for form in ("PNG", "JPEG", "GIF", "BMP", "PPM", "TIFF", "WEBP", "EPS", "PDF", "ICO", "TGA"):
        stream = io.BytesIO()
        picture.save(stream, form)
        made[form] = stream.getvalue()
    stream = io.BytesIO()
    frames = [Image.new("L", (8, 8), n) for n in range(6)]
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    return made | {"moving": stream.getvalue()}


def picture(draws: Draws) -> bytes:
    """A picture whose size, chunks or pixels lie."""
    form = str(one(draws, ("PNG", "PNG", "JPEG", "GIF", "BMP", *pictures())))
    content = pictures()[form]
    kind = int(draws.integers(4))
    if kind == 0:
        return scrambled(draws, content)
    if kind == 1 and form == "PNG":
        return lying_png(draws, content)
    if kind == 2:
        head = int(draws.integers(2, min(200, len(content))))
        width = int(one(draws, (1, 2, 4)))
        return content[:head] + number(draws, width) + content[head + width :]
    return content


def lying_png(draws: Draws, content: bytes) -> bytes:
    """Chunks with other fields, put in, doubled or bombs, their checksums right again."""
    chunks, at = [], 8
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + size]))
        at += 12 + size
    place = int(draws.integers(len(chunks)))
    kind, body = chunks[place]
    if kind == b"IHDR":
        sides = struct.pack(
            ">II", *(int(n) for n in draws.choice([1, 8, 9, 3000, 70_000, 2**31], 2))
        )
        body = sides + bytes(int(n) for n in draws.choice([0, 1, 2, 3, 4, 6, 8, 16], 5))
    elif draws.random() < 0.5:
        body = scrambled(draws, body or b"x")
    chunks[place] = kind, body
    if draws.random() < 0.3:
        bomb = b"name\0\0" + zlib.compress(bytes(8 * MEGA), 1)
        extra = bytes(one(draws, (b"zTXt", b"iTXt", b"iCCP", b"PLTE", b"tRNS", b"acTL")))  # type: ignore[arg-type]
        chunks.insert(1, (extra, bomb if draws.random() < 0.5 else draws.bytes(20)))
    made = content[:8]
    for kind, body in chunks:
        made += struct.pack(">I", len(body)) + kind + body
        made += zlib.crc32(kind + body).to_bytes(4, "big")
    return made

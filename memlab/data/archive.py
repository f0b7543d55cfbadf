"""Taking known files out of a published tar archive; whatever else is in it is passed over.

Only wanted names are ever written, so that names such as `../x`, links and devices lead nowhere;
the headers are read here, because `tarfile` takes what an extended header asks for.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from memlab.atomic import storing, sync_folder
from memlab.data.data_file import MEBIBYTE, Inflating, opened
from memlab.errors import InvalidDataset

BLOCK = 512
MOST_MEMBERS = 1_000
#: CIFAR's archives hold 186 MB, in files of 155 MB at most.
MOST_EXPANDED = 512 * MEBIBYTE
FILE = (b"0", b"\0")


def unpack(archive: Path, prefix: str, members: Mapping[str, str], folder: Path) -> None:
    """Takes the files `prefix/name` out of a gzipped tar archive into `folder`, checked by MD5.

    Raises:
        InvalidDataset: if the archive lacks one, has another content, or is not sound.
        StorageError: if one cannot be written.
    """
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    missing = {f"{prefix}/{name}": name for name in members}
    with opened(archive) as file:
        stream = _Tar(Inflating(file, 31))
        try:
            for member, size in stream.files(missing):
                name = missing.pop(member)
                _place(stream.content(size), folder / name, members[name], archive)
                if not missing:
                    return
        except (zlib.error, ValueError, EOFError, OSError) as error:
            raise InvalidDataset(f"{archive} is no sound archive of {prefix}.") from error
    raise InvalidDataset(f"{archive} is no sound archive of {prefix}: {min(missing)} is not in it.")


class _Tar:
    """A tar archive that is read once, from front to back."""

    def __init__(self, stream: Inflating) -> None:
        self._stream = stream
        self._left = MOST_EXPANDED
        self._pending = 0

    def files(self, wanted: Mapping[str, str]) -> Iterator[tuple[str, int]]:
        """Name and size of each regular file that is wanted then."""
        for _ in range(MOST_MEMBERS):
            for _ in self.content(self._pending):
                pass
            header = self._read(BLOCK)
            if not header.strip(b"\0"):
                return
            name, size, kind = _header(header)
            self._pending = size + -size % BLOCK
            if self._pending > self._left:
                raise ValueError("more than an archive may hold")
            if kind in FILE and name in wanted:
                yield name, size
        raise ValueError("more members than an archive may have")

    def content(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes of the member that was given last."""
        self._pending -= size
        while size:
            piece = self._read(min(size, MEBIBYTE))
            size -= len(piece)
            yield piece

    def _read(self, count: int) -> bytes:
        self._left -= count
        found = self._stream.read(count)
        if self._left < 0 or len(found) < count:
            raise EOFError
        return found


def _header(header: bytes) -> tuple[str, int, bytes]:
    """Name, size and kind of a member; a wrong checksum or number is a ValueError."""
    signed = header[:148] + b" " * 8 + header[156:]
    if _octal(header[148:156]) != sum(signed):
        raise ValueError("a header with another checksum")
    name = header[:100].split(b"\0")[0]
    if header[257:262] == b"ustar" and (before := header[345:500].split(b"\0")[0]):
        name = before + b"/" + name
    return name.decode("latin1"), _octal(header[124:136]), header[156:157]


def _octal(field: bytes) -> int:
    digits = field.strip(b" \0") or b"0"
    if not digits.isdigit():  # a sign, or the form for more than 8 GB
        raise ValueError("a number that is none")
    return int(digits, 8)


def _place(pieces: Iterator[bytes], target: Path, md5: str, archive: Path) -> None:
    """Writes the pieces under a temporary name, which becomes `target` if the sum is right."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
    digest = hashlib.md5(usedforsecurity=False)
    try:
        with storing(target):
            output = temporary.open("xb")
        with output:
            for piece in pieces:
                digest.update(piece)
                with storing(target):
                    output.write(piece)
            with storing(target):
                output.flush()
                os.fsync(output.fileno())
        if digest.hexdigest() != md5:
            raise InvalidDataset(f"{archive}: {target.name} has another checksum than published.")
        with storing(target):
            os.replace(temporary, target)
            sync_folder(target.parent)
    finally:
        with suppress(OSError):
            temporary.unlink()

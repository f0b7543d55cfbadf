"""Files from the network, whole and checked or not at all.

A file is written under a temporary name in its own folder, its length and SHA-256 sum are checked,
and only then does it get its name: nothing half done is ever taken for data. Of a file of which
only an MD5 sum is known, https alone is trusted. What is in an archive is `archive.py`.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from hashlib import md5, sha256
from pathlib import Path
from typing import IO

from memlab.atomic import storing, sync_folder
from memlab.data.data_file import opened
from memlab.data.dataset import Progress
from memlab.data.published import PublishedFile
from memlab.errors import DatasetUnavailable

CHUNK = 1 << 18
TIMEOUT_SECONDS = 30.0
#: Below this many bytes a second, after the first seconds, a server is given up.
SLOWEST, GRACE_SECONDS = 1_000.0, 60.0
STALE_SECONDS = 86_400.0
#: The most of a file whose size is not known beforehand.
MOST_BYTES = 1 << 30


def md5_of(path: Path) -> str:
    """The MD5 sum of a file's content, in hexadecimal."""
    return _sum_of(path, md5(usedforsecurity=False))


def _sum_of(path: Path, digest: hashlib._Hash) -> str:
    with opened(path) as file:
        while block := file.read(CHUNK):
            digest.update(block)
    return digest.hexdigest()


def download(
    file: PublishedFile, folder: Path, progress: Progress | None, before: int, total: int
) -> Path:
    """Fetches `file` into `folder`, from the first address that has it, and answers its path.

    `progress` is told bytes, `before` more than those of this file, out of `total`.

    Raises:
        DatasetUnavailable: with the reason of each address.
        StorageError: if it cannot be written.
    """
    target = folder / file.name
    with storing(target):
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
    reasons = []
    for url in file.urls:
        temporary = folder / f".{file.name}.{secrets.token_hex(6)}.part"
        try:
            reason = _fetch(url, temporary, file, progress, before, total)
            if reason is None:
                with storing(target):
                    os.replace(temporary, target)
                    sync_folder(folder)
                return target
            reasons.append(f"{url} {reason}")
        finally:
            with suppress(OSError):
                temporary.unlink()
    raise DatasetUnavailable("; ".join(reasons))


def is_published(path: Path, file: PublishedFile) -> bool:
    """Whether a file on disk is the published one, by the strongest sum that is known."""
    if not path.is_file():
        return False
    if file.pin is None:
        return md5_of(path) == file.md5
    return path.stat().st_size == file.pin.size and _sum_of(path, sha256()) == file.pin.sha256


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect to an address that would not have been asked in the first place."""

    def __init__(self, file: PublishedFile) -> None:
        self._file = file

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """The request that follows."""
        if not _trusted(newurl, self._file):
            raise ValueError("it leads to an address without encryption")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _trusted(url: str, file: PublishedFile) -> bool:
    """Whether what comes from `url` can be checked, on its way or when it is here."""
    scheme = url.partition(":")[0].lower()
    return scheme == "https" or (scheme == "http" and file.pin is not None)


class _GivenUpError(Exception):
    """Why an address was given up, in words that follow it."""


def _fetch(
    url: str,
    temporary: Path,
    file: PublishedFile,
    progress: Progress | None,
    before: int,
    total: int,
) -> str | None:
    """Writes what `url` has to `temporary`; what went wrong, or None."""
    if not _trusted(url, file):
        return "is not encrypted, and only an MD5 sum of the file is known"
    digest = md5(usedforsecurity=False) if file.pin is None else sha256()
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "memlab"})
        opener = urllib.request.build_opener(_Redirects(file))
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            promised = int(answer.headers.get("Content-Length") or 0)
            received = 0
            with storing(temporary):
                output = temporary.open("xb")
            with output:
                for block in _blocks(answer, promised, file):
                    digest.update(block)
                    received += len(block)
                    with storing(temporary):
                        output.write(block)
                    if progress is not None:
                        progress(before + received, max(total, before + promised))
                with storing(temporary):
                    output.flush()
                    os.fsync(output.fileno())
    except urllib.error.HTTPError as error:
        return f"answered {error.code} {_one_line(error.reason)}"
    except _GivenUpError as error:
        return str(error)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"could not be read ({_one_line(getattr(error, 'reason', None) or error)})"
    if promised and received != promised:
        return f"ended after {received:,} of {promised:,} bytes"
    wanted = file.md5 if file.pin is None else file.pin.sha256
    if digest.hexdigest() != wanted:
        return f"has another checksum ({digest.hexdigest()}, not {wanted})"
    return None


def _blocks(
    answer: http.client.HTTPResponse, promised: int, file: PublishedFile
) -> Iterator[bytes]:
    """What a server gives, as long as it is not too much and not too slow."""
    most = MOST_BYTES if file.pin is None else file.pin.size
    if promised > most:
        raise _GivenUpError(f"has {promised:,} bytes, more than the {most:,} that are expected")
    received, started = 0, time.monotonic()
    while block := answer.read1(CHUNK):
        received += len(block)
        if received > most:
            raise _GivenUpError(f"gave more than the {most:,} bytes that are expected")
        if time.monotonic() - started > GRACE_SECONDS + received / SLOWEST:
            raise _GivenUpError(f"is too slow: {received:,} bytes in {GRACE_SECONDS:.0f} seconds")
        yield block


def _one_line(what: object) -> str:
    """What a server said, printable and short."""
    return "".join(letter if letter.isprintable() else " " for letter in str(what))[:200]


def _sweep(folder: Path) -> None:
    """Removes what downloads that were killed a day ago or earlier left."""
    for left in folder.glob(".*.part"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                left.unlink()

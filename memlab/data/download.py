"""Files from the network, whole and checked or not at all.

A file is written under a temporary name in its own folder, its length and MD5 sum are checked,
and only then does it get its name: nothing half done is ever taken for data.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import secrets
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from memlab.atomic import storing, sync_folder
from memlab.data.dataset import Progress
from memlab.data.published import PublishedFile
from memlab.errors import DatasetUnavailable, InvalidDataset

CHUNK = 1 << 18
TIMEOUT_SECONDS = 30.0
STALE_SECONDS = 86_400.0


def md5_of(path: Path) -> str:
    """The MD5 sum of a file's content, in hexadecimal."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
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
            reason = _fetch(url, temporary, file.md5, progress, before, total)
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


def _fetch(
    url: str, temporary: Path, md5: str, progress: Progress | None, before: int, total: int
) -> str | None:
    """Writes what `url` has to `temporary`; what went wrong, or None."""
    digest, received = hashlib.md5(usedforsecurity=False), 0
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "memlab"})
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            promised = int(answer.headers.get("Content-Length") or 0)
            with storing(temporary):
                descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            with os.fdopen(descriptor, "wb") as output:
                while block := answer.read(CHUNK):
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
        return f"answered {error.code} {error.reason}"
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"could not be read ({getattr(error, 'reason', None) or error})"
    if promised and received != promised:
        return f"ended after {received:,} of {promised:,} bytes"
    if digest.hexdigest() != md5:
        return f"has another checksum ({digest.hexdigest()}, not {md5})"
    return None


def unpack(archive: Path, prefix: str, members: Mapping[str, str], folder: Path) -> None:
    """Takes the files `prefix/name` out of a tar archive into `folder`, each checked by its sum.

    Raises:
        InvalidDataset: if the archive lacks one, or has another content.
        StorageError: if one cannot be written.
    """
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive) as tar:
            for name, md5 in members.items():
                source = tar.extractfile(f"{prefix}/{name}")
                content = b"" if source is None else source.read()
                if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
                    raise InvalidDataset(f"{archive}: {name} has another checksum than published.")
                _place(content, folder / name)
    except (tarfile.TarError, KeyError, EOFError) as error:
        raise InvalidDataset(f"{archive} is no sound archive of {prefix}: {error}.") from error


def _place(content: bytes, target: Path) -> None:
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
    try:
        with storing(target):
            with temporary.open("xb") as output:
                output.write(content)
                output.flush()
                os.fsync(output.fileno())
            os.replace(temporary, target)
            sync_folder(target.parent)
    finally:
        with suppress(OSError):
            temporary.unlink()


def _sweep(folder: Path) -> None:
    """Removes what downloads that were killed a day ago or earlier left."""
    for left in folder.glob(".*.part"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                left.unlink()

"""The layer under all writes of a run folder, made to fail at its k-th operation.

The system calls of `os` are replaced, for paths and descriptors under one folder only. That is
below `memlab.disk`, so that a write which goes around that module fails in its turn too.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
#: Calls of `os` and where their target stands: a descriptor or a path, always the first argument.
CALLS = (
    "open",
    "write",
    "pwrite",
    "writev",
    "ftruncate",
    "truncate",
    "fsync",
    "fdatasync",
    "rename",
    "replace",
    "link",
    "unlink",
    "remove",
    "rmdir",
    "mkdir",
    "chmod",
    "fchmod",
    "utime",
    "posix_fallocate",
    "copy_file_range",
    "sendfile",
)
WRITES = frozenset({"write", "pwrite"})
#: What is done to the k-th operation. `torn` writes a half and dies; `short` writes a half and
#: says so; `enospc` and `eio` fail once; a disk that is `full` from then on has the room only
#: that is made on it: by deleting, cutting, and renaming over.
CRASHES = ("kill", "torn")
ERRORS = ("enospc", "eio", "short", "full")
FREEING = frozenset({"unlink", "remove", "rename", "replace", "ftruncate", "truncate"})
BLOCK = 4096


@dataclass
class Layer:
    """Counts operations under `root`; `fault` befalls number `at`, from 1. 0 counts only."""

    root: Path
    at: int = 0
    fault: str = "kill"
    count: int = 0
    room: int = 0
    log: list[str] = field(default_factory=list)

    def install(self) -> None:
        """Replaces the calls in this process, for good."""
        self._root = os.path.realpath(self.root)
        for name in CALLS:
            real = getattr(os, name, None)
            if callable(real):
                setattr(os, name, self._wrapped(name, real))

    def _wrapped(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            if name == "open":
                flags = args[1] if len(args) > 1 else options.get("flags", 0)
                if not flags & WRITING:
                    return real(*args, **options)
            place = self._place(args, options)
            if place is None:
                return real(*args, **options)
            self.count += 1
            self.log.append(f"{name} {place}")
            return self._answer(name, real, args, options)

        return call

    def _answer(
        self, name: str, real: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        if self.at and self.fault == "full" and self.count >= self.at:
            return self._on_a_full_disk(name, real, args, options)
        if self.count != self.at:
            return real(*args, **options)
        halved = name in WRITES and self.fault in ("torn", "short") and len(args) > 1
        if halved:
            data = memoryview(args[1]).cast("B")
            done = real(args[0], data[: max(1, len(data) // 2)], *args[2:], **options)
            if self.fault == "short":
                return done
        if self.fault in CRASHES:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == "short":
            return real(*args, **options)
        code = errno.EIO if self.fault == "eio" else errno.ENOSPC
        raise OSError(code, os.strerror(code))

    def _on_a_full_disk(
        self, name: str, real: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        before = self._used() if name in FREEING else 0
        needed = 0
        if name in WRITES:
            size = os.fstat(args[0]).st_size
            inside = max(0, size - args[2]) if name == "pwrite" else 0
            needed = max(0, len(memoryview(args[1]).cast("B")) - inside)
        elif name in ("mkdir", "posix_fallocate", "copy_file_range", "sendfile", "writev"):
            needed = BLOCK
        if needed > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room -= needed
        answer = real(*args, **options)
        if name in FREEING:
            self.room += max(0, before - self._used())
        return answer

    def _used(self) -> int:
        """The bytes of all files below the root."""
        total = 0
        for folder, _, names in os.walk(self._root):
            for name in names:
                try:
                    total += os.lstat(os.path.join(folder, name)).st_size
                except OSError:
                    continue
        return total

    def _place(self, args: tuple[Any, ...], options: dict[str, Any]) -> str | None:
        """The path under the root that a call is about; None where it is elsewhere."""
        if not args:
            return None
        target = args[0]
        try:
            if isinstance(target, int):
                path = os.readlink(f"/proc/self/fd/{target}")
            else:
                path = os.fsdecode(target)
                if not os.path.isabs(path):
                    folder = options.get("dir_fd", options.get("src_dir_fd"))
                    base = f"/proc/self/fd/{folder}" if folder is not None else "/proc/self/cwd"
                    path = os.path.join(os.readlink(base), path)
                parent, name = os.path.split(path)
                path = os.path.join(os.path.realpath(parent), name)
        except OSError:
            return None
        inside = path.startswith(self._root + os.sep) or path == self._root
        return os.path.relpath(path, self._root) if inside else None

"""The one door into a run folder, which may come from a stranger.

A `Place` is a name below a run's folder. Whatever is read or written there is opened relative to
the folder's own descriptor, one name at a time: no link is followed, nothing but a regular file is
opened, no open blocks (a FIFO would), and what is read has a cap. A `Place` is no path on purpose:
`open(place)` is an error.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from memlab import disk
from memlab.atomic import storing
from memlab.errors import RunFolderError, StorageError

READ = os.O_RDONLY | disk.SAFE
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
APPEND = os.O_RDWR | os.O_CREAT | os.O_APPEND
#: A folder with more names than this is none that memlab made.
MOST_NAMES = 100_000
CHUNK = 1 << 22

T = TypeVar("T")


class Missing(RunFolderError):
    """A file that is not there."""


@dataclass(frozen=True)
class Place:
    """A file or folder in the run folder `root`: `Place(root) / "series" / "stack-000.rows"`."""

    root: Path
    names: tuple[str, ...] = ()

    def __truediv__(self, name: str) -> Place:
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            raise RunFolderError(f"{name!r} is no name of a file in {self}.")
        return Place(self.root, (*self.names, name))

    def __str__(self) -> str:
        return str(self.path)

    @property
    def path(self) -> Path:
        """Where that is, for people to read; nothing is opened by it."""
        return self.root.joinpath(*self.names)

    @property
    def name(self) -> str:
        """The last name."""
        return self.names[-1] if self.names else self.root.name

    @property
    def parent(self) -> Place:
        """The folder that it lies in."""
        return Place(self.root, self.names[:-1])

    def beside(self, name: str) -> Place:
        """The place of that name in the same folder."""
        return self.parent / name

    def with_suffix(self, suffix: str) -> Place:
        """The same name with another suffix, or with one."""
        return self.beside(Path(self.name).with_suffix(suffix).name)

    # Reading

    @contextmanager
    def reading(self) -> Iterator[int]:
        """A descriptor of the regular file, for reading.

        Raises:
            Missing: if nothing is there.
            RunFolderError: if it is a link, no regular file, or cannot be opened.
        """
        descriptor = self.open()
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def open(self) -> int:
        """As `reading`; the caller closes the descriptor."""
        with self._within() as folder:
            try:
                descriptor = os.open(self.name, READ, dir_fd=folder)
            except OSError as error:
                raise self._refusal(error, folder) from error
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode):
            return descriptor
        os.close(descriptor)
        raise RunFolderError(_in_the_way(self, found))

    def read(self, most: int) -> bytes:
        """The whole file.

        Raises:
            Missing, RunFolderError: as `reading`, and if it is longer than `most` bytes.
        """
        with self.reading() as descriptor:
            size = os.fstat(descriptor).st_size
            if size > most:
                raise RunFolderError(
                    f"{self} has {size:,} bytes; memlab reads up to {most:,} of such a file."
                )
            return self.pread(descriptor, size, 0)

    def pread(self, descriptor: int, count: int, position: int) -> bytes:
        """`count` bytes from `position`, fewer at the end of the file.

        Raises:
            RunFolderError: if they cannot be read.
        """
        parts: list[bytes] = []
        try:
            while count > 0:
                data = os.pread(descriptor, min(count, CHUNK), position)
                if not data:
                    break
                parts.append(data)
                position, count = position + len(data), count - len(data)
        except OSError as error:
            raise RunFolderError(f"{self} cannot be read: {error.strerror}.") from error
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def chunks(self, descriptor: int, start: int = 0) -> Iterator[bytes]:
        """The bytes from `start` to the end that the file has now, a piece at a time.

        Raises:
            RunFolderError: if they cannot be read, or the file becomes shorter meanwhile.
        """
        size = os.fstat(descriptor).st_size
        while start < size:
            data = self.pread(descriptor, min(CHUNK, size - start), start)
            if not data:
                raise RunFolderError(f"{self} became shorter while it was read.")
            yield data
            start += len(data)

    def info(self) -> os.stat_result | None:
        """What the directory says of it, a link not followed; None where nothing is there.

        Raises:
            RunFolderError: if that cannot be known.
        """
        try:
            with self._within() as folder:
                return os.stat(self.name, dir_fd=folder, follow_symlinks=False)
        except (Missing, FileNotFoundError):
            return None
        except OSError as error:
            raise RunFolderError(f"{self} cannot be read: {error.strerror}.") from error

    def is_file(self) -> bool:
        """Whether a regular file is there.

        Raises:
            RunFolderError: if that cannot be known.
        """
        found = self.info()
        return found is not None and stat.S_ISREG(found.st_mode)

    def list(self) -> list[str]:
        """The names in this folder, sorted.

        Raises:
            Missing: if it is not there.
            RunFolderError: if it is a link or no folder, or cannot be read.
        """
        with self._opened() as folder:
            try:
                with os.scandir(folder) as entries:
                    names = []
                    for entry in entries:
                        names.append(entry.name)
                        if len(names) > MOST_NAMES:
                            raise RunFolderError(f"{self} has more than {MOST_NAMES:,} files.")
            except OSError as error:
                raise RunFolderError(f"{self} cannot be read: {error.strerror}.") from error
        return sorted(names)

    # Writing

    def append_descriptor(self) -> int:
        """A descriptor that reads anywhere and writes at the end, the file made where it lacks.

        Raises:
            RunFolderError: if it is a link, no regular file, or has a second name elsewhere.
            StorageError: if it cannot be opened.
        """
        return self._writable(APPEND)

    def writing_descriptor(self) -> int:
        """A descriptor of the file that is there, for reading and writing; raises as above."""
        return self._writable(os.O_RDWR)

    def _writable(self, flags: int) -> int:
        with self._writing() as folder:
            try:
                descriptor = disk.create(self.name, flags, folder)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
                    raise self._refusal(error, folder) from error
                with storing(self.path):
                    raise
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
            return descriptor
        os.close(descriptor)
        if found.st_nlink > 1:
            raise RunFolderError(
                f"{self} has a second name elsewhere (a hard link), which writing would change "
                "too; copy the run folder and use the copy."
            )
        raise RunFolderError(_in_the_way(self, found))

    def replace(self, data: disk.Buffer) -> None:
        """Replaces the file by `data` as a whole; a reader sees the old content or the new.

        Raises:
            StorageError: if the disk is full or the folder not writable; the old file stays.
            RunFolderError: if the folder is a link, or a folder is in the way.
        """
        self.produce(lambda descriptor: disk.write_all(descriptor, data))

    def produce(self, fill: Callable[[int], T]) -> T:
        """As `replace`, with what `fill` writes to the descriptor; raises also what `fill` does."""
        temporary = f".{self.name}.{secrets.token_hex(6)}.tmp"
        with self._writing() as folder, storing(self.path):
            try:
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
                descriptor = disk.create(temporary, flags, folder)
                try:
                    made = fill(descriptor)
                    disk.sync(descriptor)
                finally:
                    os.close(descriptor)
                disk.rename(temporary, self.name, folder)
            except BaseException:
                with suppress(OSError):
                    disk.unlink(temporary, folder)
                raise
            disk.sync(folder)
        return made

    def unlink(self) -> bool:
        """Removes the file, or the link without following it; whether there was one.

        Raises:
            StorageError: if it may not be removed.
            RunFolderError: if its folder is a link.
        """
        try:
            with self._within() as folder, storing(self.path):
                try:
                    disk.unlink(self.name, folder)
                except FileNotFoundError:
                    return False
        except Missing:
            return False
        return True

    def rename(self, name: str) -> None:
        """Renames it within its folder.

        Raises:
            StorageError: if it cannot be renamed.
        """
        with self._writing() as folder, storing(self.path):
            disk.rename(self.name, self.beside(name).name, folder)
            disk.sync(folder)

    def mkdir(self) -> None:
        """Makes the folder unless it is there.

        Raises:
            RunFolderError: if something else is in its place, a link for instance.
            StorageError: if it cannot be made.
        """
        with self._writing() as folder, storing(self.path):
            try:
                disk.mkdir(self.name, folder)
            except FileExistsError:
                found = os.stat(self.name, dir_fd=folder, follow_symlinks=False)
                if not stat.S_ISDIR(found.st_mode):
                    raise RunFolderError(_in_the_way(self, found)) from None

    def sync(self) -> None:
        """Makes the names in this folder survive a power failure.

        Raises:
            StorageError: if that fails, or the folder is gone.
        """
        with self._opened() as folder, storing(self.path):
            disk.sync(folder)

    # The way there

    @contextmanager
    def _within(self) -> Iterator[int]:
        """The descriptor of the folder that it lies in."""
        with self.parent._opened() as folder:
            yield folder

    @contextmanager
    def _writing(self) -> Iterator[int]:
        """As `_within`, for a change: a folder that is gone is the disk's fault."""
        try:
            with self._within() as folder:
                yield folder
        except Missing as error:
            raise StorageError(
                f"The folder {self.parent} is gone: {self.name} could not be written."
            ) from error

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The descriptor of this folder, every name on the way to it opened without following."""
        try:
            descriptor = os.open(self.root, FOLDER)
        except FileNotFoundError as error:
            raise Missing(f"The folder {self.root} is not there.") from error
        except OSError as error:
            raise RunFolderError(f"{self.root} cannot be read: {error.strerror}.") from error
        try:
            for depth, name in enumerate(self.names):
                try:
                    inner = os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
                except OSError as error:
                    where = Place(self.root, self.names[: depth + 1])
                    raise where._refusal(error, descriptor) from error
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)

    def _refusal(self, error: OSError, folder: int) -> RunFolderError:
        """Why it cannot be opened, in words."""
        if error.errno == errno.ENOENT:
            return Missing(f"{self} is missing.")
        with suppress(OSError):
            found = os.stat(self.name, dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISREG(found.st_mode):
                return RunFolderError(_in_the_way(self, found))
        return RunFolderError(f"{self} cannot be read: {error.strerror}.")


def _in_the_way(place: Place, found: os.stat_result) -> str:
    if stat.S_ISLNK(found.st_mode):
        return f"{place} is a link; memlab follows none in a run folder."
    kind = "a folder" if stat.S_ISDIR(found.st_mode) else "no regular file"
    if stat.S_ISREG(found.st_mode):
        return f"{place} is a file where a folder is due."
    return f"{place} is {kind}; memlab does not open it."


class OpenPlace(disk.OpenFile):
    """A file of a run that is held open for writing."""

    place: Place

    def sync(self) -> None:
        """Makes what was written survive a power failure; before a checkpoint counts on it.

        Raises:
            StorageError: if that fails.
        """
        with storing(self.place.path):
            disk.sync(self.descriptor)

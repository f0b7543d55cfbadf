"""Hostile data: mutated files through the public loaders, in bounded memory and time.

`python -m tests.torture.data --count N --seed S` tries N files of each kind and prints a row per
kind. Each outcome has to be arrays (or an experiment, or settings) or one sentence. Case k of a
kind follows from seed and number: `--kind npz --case 17` tries it alone, with its traceback.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import resource
import select
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path

import numpy as np

from memlab import settings
from memlab.data import registry
from memlab.data.archive import unpack
from memlab.data.fingerprint import fingerprint
from memlab.data.split import split
from memlab.errors import MemlabError
from memlab.experiment import grid, presets
from memlab.experiment.material_spec import DatasetSpec
from tests.data.conftest import IDX_NAMES, write_cifar, write_idx_set, write_svhn
from tests.torture import data_bytes, data_pictures, data_toml

MOST_SECONDS = 2.0
MOST_BYTES = 300 << 20
HANGS_SECONDS = 20.0
LONGEST_SENTENCE = 2_000
IN_PLACE = 0.03

#: What makes the bytes of a hostile file, by kind.
MAKERS: dict[str, Callable[[np.random.Generator], bytes]] = {
    "npz": data_bytes.npz,
    "idx": data_bytes.idx,
    "idx.gz": data_bytes.idx_gz,
    "pickle": data_bytes.batch,
    "tar": data_bytes.tar_gz,
    "picture": data_pictures.picture,
    "matlab": data_bytes.matlab,
    "preset": data_toml.preset,
    "settings": data_toml.settings,
}


@dataclass
class Tally:
    """What became of the files of one kind; `failures` are case numbers with what happened."""

    tried: int = 0
    loaded: int = 0
    refused: int = 0
    failures: list[tuple[int, str]] = field(default_factory=list)


class TookTooLong(BaseException):
    """The alarm; no `except Exception` takes it for damage."""


# --- what is opened


def _dataset(name: str, *folders: Path) -> None:
    spec = DatasetSpec(name=name)
    raw = registry.load(spec, folders)
    assert raw.x.dtype in (np.uint8, np.float32)
    assert len(raw.x) == len(raw.y)
    own = spec.model_copy(update={"train": 12, "validation": 3, "test": 3})
    fingerprint(split(raw, own))


def _replace(target: Path, folder: Path) -> None:
    target.unlink()
    (folder / "file").rename(target)


def _npz(folder: Path, number: int) -> Callable[[], object]:
    return lambda: _dataset(f"npz:{folder / 'file'}")


def _idx(folder: Path, number: int, ending: str = "") -> Callable[[], object]:
    raw = write_idx_set(folder / "MNIST" / "raw", bool(ending), train=30, test=10)
    _replace(raw / f"{IDX_NAMES[number % 2]}{ending}", folder)
    return lambda: _dataset("mnist", folder)


def _batch(folder: Path, number: int) -> Callable[[], object]:
    place = write_cifar(folder, False, 3)
    _replace(place / "data_batch_2", folder)
    return lambda: _dataset("cifar10", folder)


def _matlab(folder: Path, number: int) -> Callable[[], object]:
    write_svhn(folder / "SVHN", 12)
    _replace(folder / "SVHN" / "train_32x32.mat", folder)
    return lambda: _dataset("svhn", folder)


def _pictures(folder: Path, number: int) -> Callable[[], object]:
    for other in range(18):
        place = folder / "own" / ("a", "b")[other % 2]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{other}.png").write_bytes(data_pictures.pictures()["PNG"])
    (folder / "file").rename(folder / "own" / "a" / "8b.png")
    return lambda: _dataset(f"folder:{folder / 'own'}")


def _tar(folder: Path, number: int) -> Callable[[], object]:
    wanted = dict.fromkeys(("a", "b"), md5(b"content", usedforsecurity=False).hexdigest())

    def opened() -> None:
        try:
            unpack(folder / "file", "p", wanted, folder / "out")
        finally:
            outside = set(os.listdir(folder)) - {"file", "out"}
            strange = set(os.listdir(folder / "out")) - set(wanted)
            assert not outside | strange, f"{outside | strange} left the archive"
            assert not any((folder / "out" / n).is_symlink() for n in wanted)

    return opened


def _preset(folder: Path, number: int) -> Callable[[], object]:
    path = (folder / "file").rename(folder / "own.toml")
    return lambda: grid.member_count(presets.Preset("own", "", path).experiment())


def _settings(folder: Path, number: int) -> Callable[[], object]:
    return lambda: settings.load(folder / "file")


OPENERS: dict[str, Callable[[Path, int], Callable[[], object]]] = {
    "npz": _npz,
    "idx": _idx,
    "idx.gz": lambda folder, number: _idx(folder, number, ".gz"),
    "pickle": _batch,
    "tar": _tar,
    "picture": _pictures,
    "matlab": _matlab,
    "preset": _preset,
    "settings": _settings,
}


def _in_place(draws: np.random.Generator, path: Path) -> None:
    """Something that is no file."""
    kind = int(draws.integers(7))
    if kind == 0:
        os.mkfifo(path)
    elif kind == 1:
        path.symlink_to(str(data_bytes.one(draws, ("/dev/zero", "/dev/tty", "file", "/nowhere"))))
    elif kind == 2:
        path.mkdir()
    elif kind == 3:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
    elif kind == 4:
        with path.open("wb") as file:
            file.write(bytes(data_bytes.one(draws, (b"PK\3\4", b"\0\0\x08\3", b"\x80\2", b"x"))))  # type: ignore[arg-type]
            file.truncate(6_000_000_000)
    else:
        path.write_bytes(b"")
        path.chmod(0 if kind == 5 else 0o600)


# --- one case


def prepared(kind: str, seed: int, number: int, folder: Path) -> Callable[[], object]:
    """Writes the file of a case into an empty folder, and gives what opens it."""
    draws = np.random.default_rng([seed, list(MAKERS).index(kind), number])
    if draws.random() < IN_PLACE:
        _in_place(draws, folder / "file")
    else:
        (folder / "file").write_bytes(MAKERS[kind](draws))
    return OPENERS[kind](folder, number)


def attempt(opened: Callable[[], object]) -> tuple[str, str]:
    """`loaded`, `refused` or `failed`, and in the last case why."""
    before = _fresh_peak()
    try:
        with _alarm():
            opened()
        outcome = "loaded", ""
    except MemlabError as error:
        text = str(error)
        good = text.isprintable() and 0 < len(text) <= LONGEST_SENTENCE
        outcome = ("refused", "") if good else ("failed", f"no plain sentence: {ascii(text)[:200]}")
    except TookTooLong:
        return "failed", f"more than {MOST_SECONDS:g} s"
    except BaseException as error:
        return "failed", f"{type(error).__name__}: {ascii(str(error))[:200]}"
    taken = _memory("VmHWM") - before
    if taken > MOST_BYTES:
        return "failed", f"took {taken >> 20} MB"
    return outcome


@contextmanager
def _alarm() -> Iterator[None]:
    def rung(*_: object) -> None:
        raise TookTooLong

    # Of the processor's time, so that a busy machine does not matter; waiting is the parent's part.
    old = signal.signal(signal.SIGPROF, rung)
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, old)


def _fresh_peak() -> int:
    """Makes the kernel forget the largest memory so far; what is in use now."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(what: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) << 10
    return 0


# --- many cases, in a forked child, so that a crash costs one of them


def run(kind: str, count: int, seed: int) -> Tally:
    """Tries so many files of a kind."""
    tally = Tally()
    number = 0
    while number < count:
        number = _batch_of_cases(kind, number, count, seed, tally)
    return tally


def _batch_of_cases(kind: str, first: int, count: int, seed: int, tally: Tally) -> int:
    """Cases from `first` on in a child of its own; the number after the last that it tried."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(kind, range(first, count), seed, writing)
    os.close(writing)
    number, text = first, b""
    with os.fdopen(reading, "rb", buffering=0) as answers:
        while select.select([answers], [], [], HANGS_SECONDS)[0] and (piece := answers.read(65536)):
            *lines, text = (text + piece).split(b"\n")
            for line in lines:
                _count(tally, number, line.decode())
                number += 1
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    if number < count:
        _count(tally, number, f"failed\tended by signal or hang (status {status})")
        number += 1
    return number


def _count(tally: Tally, number: int, line: str) -> None:
    outcome, _, why = line.partition("\t")
    tally.tried += 1
    if outcome == "loaded":
        tally.loaded += 1
    elif outcome == "refused":
        tally.refused += 1
    else:
        tally.failures.append((number, why))


def _child(kind: str, numbers: range, seed: int, writing: int) -> None:
    """Tries the cases and ends the process, whatever happens."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        headroom = _memory("VmSize") + (2 << 30)
        resource.setrlimit(resource.RLIMIT_AS, (headroom, headroom))
        faulthandler.disable()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        for number in numbers:
            with tempfile.TemporaryDirectory(prefix="memlab-torture-") as name:
                try:
                    outcome, why = attempt(prepared(kind, seed, number, Path(name)))
                except Exception as error:  # of the torture itself
                    outcome, why = "failed", f"could not be made: {ascii(error)[:200]}"
            os.write(writing, f"{outcome}\t{why}\n".encode())
    finally:
        os._exit(0)


HEADER = f"{'kind':<10}{'tried':>8}{'loaded':>8}{'refused':>9}{'failed':>8}"


def row(kind: str, tally: Tally) -> str:
    """A kind's line of the table, its first failures below."""
    counts = f"{tally.tried:>8}{tally.loaded:>8}{tally.refused:>9}{len(tally.failures):>8}"
    failures = [f"  --kind {kind} --case {at}: {why}" for at, why in tally.failures[:20]]
    return "\n".join([f"{kind:<10}{counts}", *failures])


def _repeat(kind: str, case: int, seed: int) -> int:
    with tempfile.TemporaryDirectory(prefix="memlab-torture-") as name:
        opened = prepared(kind, seed, case, Path(name))
        try:
            with _alarm():
                opened()
        except MemlabError as error:
            print(f"refused: {error}")
        except BaseException:
            traceback.print_exc()
            return 1
    print(f"largest memory: {_memory('VmHWM') >> 20} MB")
    return 0


def main(arguments: list[str] | None = None) -> int:
    """The command line; 1 if any case failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5_000, help="files of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=list(MAKERS), help="only this kind")
    parser.add_argument("--case", type=int, help="only this case, with its traceback")
    options = parser.parse_args(arguments)
    if options.case is not None:
        return _repeat(options.kind, options.case, options.seed)
    kinds = [options.kind] if options.kind else list(MAKERS)
    print(HEADER)
    failed = False
    for kind in kinds:
        tally = run(kind, options.count, options.seed)
        failed = failed or bool(tally.failures)
        print(row(kind, tally), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

"""Files and folders that are not what they should be: sizes, links, pipes, missing and extra."""

from __future__ import annotations

import os
import random
import shutil
import socket
import stat
from pathlib import Path

from tests.torture import hostile

SPARSE = (6 << 30, 1 << 40)
HEAVY = 5  # how much likelier the files that every viewer reads are than any other
IMPORTANT = ("experiment.toml", "state.json", "events.jsonl", "lock", "report.json", "worker.log")


def own(path: Path) -> Path:
    """The path, if a small regular file is there: an earlier mutation may have put a link.

    Raises:
        OSError: if there is none.
    """
    found = os.lstat(path)
    if not stat.S_ISREG(found.st_mode) or found.st_size > 1 << 24:
        raise OSError(f"{path} is no file of the run")
    return path


def _files(folder: Path) -> list[Path]:
    found = sorted(p for p in folder.rglob("*") if p.is_symlink() or not p.is_dir())
    return found + [p for p in found if p.name in IMPORTANT] * HEAVY


def _folders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_dir() and not p.is_symlink())


def _anything(rng: random.Random, folder: Path) -> Path:
    """Any file, or (one time in four) a folder in the run."""
    return rng.choice(_folders(folder) if rng.random() < 0.25 else _files(folder))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def size(rng: random.Random, folder: Path, canary: Path) -> str:
    """Empty, cut, with garbage behind it, or huge and sparse."""
    path = rng.choice(_files(folder))
    now = path.stat().st_size
    kind = rng.choice(("empty", "cut", "cut", "garbage", "sparse", "sparse"))
    if kind == "garbage":
        with open(path, "ab") as file:
            file.write(rng.randbytes(rng.choice((1, 100, 100_000))))
    else:
        wanted = {"empty": 0, "cut": rng.randrange(max(1, now)), "sparse": rng.choice(SPARSE)}
        os.truncate(path, wanted[kind])
    return f"{path.relative_to(folder)} {kind} {path.stat().st_size}"


def link(rng: random.Random, folder: Path, canary: Path) -> str:
    """A link in the place of something."""
    path = _anything(rng, folder)
    where = path.relative_to(folder)
    targets = [
        str(canary / "documents" / "letter.txt"),
        str(canary / "documents"),
        str(canary / "bashrc"),
        "/etc/hosts",
        "/dev/zero",
        "/dev/full",
        "/proc/self/mem",
        str(path),
        str(folder),
        "..",
        "nowhere",
    ]
    kept = canary.parent / "kept"
    if rng.random() < 0.25:  # what it should be, but elsewhere: a reader would not notice
        target = kept / f"{path.name}"
        _remove(target)
        kept.mkdir(exist_ok=True)
        os.rename(path, target)
        chosen = str(target)
    else:
        chosen = rng.choice(targets)
        _remove(path)
    os.symlink(chosen, path)
    return f"{where} → {chosen}"


def special(rng: random.Random, folder: Path, canary: Path) -> str:
    """A pipe or a socket in the place of something."""
    path = _anything(rng, folder)
    where = path.relative_to(folder)
    _remove(path)
    if rng.random() < 0.7:
        os.mkfifo(path)
        return f"{where} is a FIFO"
    here = os.open(path.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(f"/proc/self/fd/{here}/{path.name}")
    finally:
        os.close(here)
    return f"{where} is a socket"


def misplaced(rng: random.Random, folder: Path, canary: Path) -> str:
    """A folder in the place of a file, a file in the place of a folder."""
    path = _anything(rng, folder)
    where = path.relative_to(folder)
    if path.is_dir() and not path.is_symlink():
        _remove(path)
        path.write_bytes(rng.choice((b"", b"not a folder\n")))
        return f"{where} is a file"
    _remove(path)
    path.mkdir()
    if rng.random() < 0.5:
        (path / "inner").write_text("x")
    return f"{where} is a folder"


def missing(rng: random.Random, folder: Path, canary: Path) -> str:
    """Something is gone."""
    path = _anything(rng, folder)
    _remove(path)
    return f"{path.relative_to(folder)} is gone"


def extra(rng: random.Random, folder: Path, canary: Path) -> str:
    """Something more than there should be."""
    sub = folder / rng.choice((".", "series", "checkpoints", "examples", "requests"))
    name = rng.choice(
        (
            "stack-001.rows",
            "stack-999.json",
            "instrument-nonsense-000.json",
            "instrument-margins-007.json",
            "stack-\x1b[2J.json",
            "\u202eexe.json",
            "stack-000-update-999999999.safetensors",
            "stack-" + "9" * 200 + ".json",
            "[/x].json",
            ".hidden",
            "-rf",
            "stack-007",
        )
    )
    kind = rng.randrange(5)
    if kind == 0:
        for number in range(2000):
            (sub / f"stack-{number:03d}.json").write_bytes(b"{}")
        return f"{sub.name}: 2,000 descriptions"
    path = sub / name
    if kind == 1 and _tables(folder):
        source = rng.choice(_tables(folder))
        shutil.copyfile(source, path.with_suffix(".json"))
        shutil.copyfile(source.with_suffix(".rows"), path.with_suffix(".rows"))
    elif kind == 2:
        path.mkdir()
    elif kind == 3:
        os.mkfifo(path)
    else:
        path.write_bytes(hostile.to_json(hostile.value(rng)))
    return f"{sub.name}/{name!a} kind {kind}"


def _tables(folder: Path) -> list[Path]:
    found = folder.glob("series/*.json")
    return sorted(p for p in found if p.is_file() and p.with_suffix(".rows").is_file())

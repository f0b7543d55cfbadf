"""The short form of the torture of data files, and that the torture sees what it looks for."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from memlab.errors import InvalidDataset
from tests.torture import data

COUNT = 60


@pytest.mark.parametrize("kind", data.MAKERS)
def test_hostile_files_are_read_or_refused_in_a_sentence(kind):
    tally = data.run(kind, COUNT, seed=20)
    assert tally.failures == []
    assert tally.tried == COUNT
    assert tally.loaded + tally.refused == COUNT


@pytest.mark.parametrize("kind", data.MAKERS)
def test_a_case_follows_from_its_seed_and_number(kind):
    made = [data.MAKERS[kind](np.random.default_rng([3, 4])) for _ in range(2)]
    assert made[0] == made[1] or kind == "npz"  # an archive has the time in it


def _hang() -> None:
    time.sleep(60)


def _spin() -> None:
    while True:
        pass


def _memory() -> None:
    np.ones(400 << 17)


def _two_lines() -> None:
    raise InvalidDataset("one\nand another")


def _escape() -> None:
    raise InvalidDataset("\x1b[2J")


def _crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (_hang, "signal or hang"),
        (_spin, "more than 2 s"),
        (_memory, r"took \d{3} MB"),
        (_two_lines, "no plain sentence"),
        (_escape, "no plain sentence"),
        (_crash, "signal or hang"),
        (lambda: 1 // 0, "ZeroDivisionError"),
        (lambda: bytes(10**12), "MemoryError"),
    ],
)
def test_the_torture_tells_of_what_goes_wrong_and_goes_on(monkeypatch, bad, words):
    def opener(folder: Path, number: int):
        return bad if number == 1 else lambda: None

    monkeypatch.setitem(data.OPENERS, "npz", opener)
    if bad is _hang:
        monkeypatch.setattr(data, "HANGS_SECONDS", 2.0)
    tally = data.run("npz", 3, seed=0)
    assert [number for number, _ in tally.failures] == [1]
    assert re.search(words, tally.failures[0][1]), tally.failures
    assert (tally.tried, tally.loaded) == (3, 2)


def test_the_command_prints_a_row_per_kind_and_ends_with_one_if_any_failed(monkeypatch, capsys):
    assert data.main(["--count", "2", "--kind", "settings"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["settings", "2"]
    monkeypatch.setitem(data.OPENERS, "settings", lambda folder, number: lambda: 1 // 0)
    assert data.main(["--count", "2", "--kind", "settings"]) == 1
    assert "--kind settings --case 0: ZeroDivisionError" in capsys.readouterr().out

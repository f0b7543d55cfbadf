"""Data that no experiment can use, through `memlab run`: exit code 2, one sentence, no run made."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from memlab.cli import main as cli
from tests.patience import SECONDS

Memlab = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def memlab(tmp_path: Path) -> Memlab:
    """`memlab …` in a folder with some of a user's own data, and a home of its own."""
    x, y = np.random.default_rng(0).random((30, 4)), np.arange(30) % 3
    x[4, 2] = np.nan
    np.savez(tmp_path / "nan.npz", x=x, y=y)
    np.savez(tmp_path / "small.npz", x=np.nan_to_num(x), y=y)
    (tmp_path / "empty").mkdir()

    def called(*words: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "MEMLAB_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
        return subprocess.run(
            [sys.executable, "-m", "memlab", *words],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    return called


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("dataset.name=npz:nan.npz", "nan.npz: x has NaN in row 4"),
        ("dataset.name=npz:small.npz", "is larger than the 18 training examples"),
        ("dataset.name=npz:../none.npz", "There is no file"),
        ("dataset.name=folder:empty", "has no subfolders"),
        ("dataset.name=../digits", "dataset.name"),
    ],
)
def test_a_run_on_bad_data_ends_with_two_and_one_sentence(memlab: Memlab, tmp_path, setting, words):
    done = memlab("run", "noise-ladder", "--set", setting, "--json")
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert words in done.stderr
    assert done.stderr.startswith("memlab: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "home").glob("runs/*/*"))


def test_data_commands_end_with_two_and_one_sentence(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path))
    for words in (("verify", "npz:nan.npz"), ("verify", "digts"), ("fetch",), ("list", "digts")):
        assert cli.main(["data", *words, "--json"]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1, captured.err

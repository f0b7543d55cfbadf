"""The command line as a user types it: real processes, exit codes, one JSON document."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from memlab.cli import main as cli
from memlab.runs.run_folder import RunFolder, list_runs
from tests.patience import SECONDS, wait_for

Memlab = Callable[..., subprocess.CompletedProcess[str]]
SMALL = """
title = "Small"
seeds = 2
[corruption]
kind = "labels"
[model]
width = 16
depth = 1
[optimizer]
batch_size = 64
learning_rate = 0.3
[stop]
epochs = 3
[axes]
"corruption.fraction" = [0.0, 0.4]
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def memlab(tmp_path: Path, home: Path) -> Memlab:
    """`memlab("run", …)` in a folder and a home of the test's own."""
    (tmp_path / "small.toml").write_text(SMALL)

    def called(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "MEMLAB_HOME": str(home), "OMP_NUM_THREADS": "1", **environment}
        env.pop("COLUMNS", None)
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


def runs_of(home: Path) -> list[RunFolder]:
    return list_runs(home / "runs")


def test_run_prints_one_json_document_and_progress_elsewhere(memlab: Memlab):
    done = memlab("run", "small.toml", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert "\x1b" not in done.stdout + done.stderr
    assert [row["corruption.fraction"] for row in report["rows"]] == [0.0, 0.4]
    for row in report["rows"]:
        assert row["members"] == 2
        for name in ("train_accuracy", "test_accuracy", "generalization_gap", "memorization_cost"):
            assert set(row[name]) == {"mean", "ci95", "n"}
            low, high = row[name]["ci95"]
            assert low <= row[name]["mean"] <= high
    assert report["rows"][0]["recovered_true_labels"] is None
    assert report["rows"][1]["recovered_true_labels"]["n"] == 2


def test_report_has_four_formats_of_the_same_content(memlab: Memlab):
    assert memlab("run", "small.toml", "--json").returncode == 0
    for kind, sign in (("text", "0.4"), ("md", "| "), ("html", "<svg"), ("json", '"rows"')):
        done = memlab("report", "last", "--format", kind)
        assert done.returncode == 0, done.stderr
        assert sign in done.stdout
        assert "\x1b" not in done.stdout


def test_a_detached_run_is_listed_stopped_resumed_and_deleted(memlab: Memlab, home: Path):
    started = memlab("run", "small.toml", "--set", "stop.epochs=100000", "--detach")
    assert started.returncode == 0
    name = started.stdout.strip()
    (folder,) = runs_of(home)
    assert folder.id == name
    listed = json.loads(memlab("runs", "--json").stdout)
    assert [row["id"] for row in listed] == [name]
    assert listed[0]["living"]
    refused = memlab("rm", "last", "--yes")
    assert refused.returncode == 2
    assert "stop it before deleting" in refused.stderr
    stopped = memlab("stop", name[:13])
    assert stopped.returncode == 0, stopped.stderr
    assert folder.state.state == "interrupted"
    assert memlab("stop", "last").returncode == 2
    assert memlab("resume", "last", "--detach").returncode == 0
    assert memlab("stop", "last").returncode == 0
    assert memlab("rm", "last", "--yes").returncode == 0
    assert runs_of(home) == []


def test_ctrl_c_stops_a_foreground_run_with_a_checkpoint(
    tmp_path: Path, home: Path, memlab: Memlab
):
    env = {**os.environ, "MEMLAB_HOME": str(home), "OMP_NUM_THREADS": "1"}
    command = ["-m", "memlab", "run", "small.toml", "--set", "stop.epochs=100000"]
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=tmp_path,
        env=env,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's & ignores it
    )
    wait_for(lambda: runs_of(home) and runs_of(home)[0].state.state == "running")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert "memlab resume" in errors
    (folder,) = runs_of(home)
    assert not folder.state.living
    assert list(folder.checkpoints.path.glob("*.safetensors"))


def write_npz(path: Path, **arrays: np.ndarray) -> str:
    np.savez(path, **arrays)
    return f"dataset.name=npz:{path}"


X, Y = np.random.default_rng(0).standard_normal((60, 5)), np.arange(60) % 3
BAD_DATA = {
    "nan": ({"x": np.where(np.arange(60)[:, None] == 7, np.nan, X), "y": Y}, "row 7"),
    "strings": ({"x": X, "y": np.array(["a"] * 60)}, "y"),
    "pickle": ({"x": np.array([{}] * 60, dtype=object), "y": Y}, "pickle"),
    "range": ({"x": X, "y": np.where(np.arange(60) == 3, -1, Y)}, "row 3"),
    "length": ({"x": X, "y": Y[:50]}, "50"),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_arrays_get_a_sentence_that_names_array_and_row(
    memlab: Memlab, tmp_path: Path, case: str
):
    arrays, expected = BAD_DATA[case]
    setting = write_npz(tmp_path / "bad.npz", **arrays)
    done = memlab("run", "small.toml", "--set", setting)
    assert done.returncode in (1, 2)
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


BAD_WORDS = [
    (("run", "noise-laddr"), "did you mean 'noise-ladder'?"),
    (("run", "nowhere.toml"), "There is no file nowhere.toml"),
    (("run", "small.toml", "--set", "model.widht=3"), "did you mean 'model.width'?"),
    (("run", "small.toml", "--set", "corruption.fraction=2"), "less than or equal to 1"),
    (("run", "small.toml", "--set", "optimizer.batch_size=5000"), "batch_size"),
    (("run", "small.toml", "--set", "dataset.train=5000"), "5,000"),
    (("run", "small.toml", "--set", "dataset.name=npz:none.npz"), "none.npz"),
    (("run", "small.toml", "--device", "tpu"), "'tpu' is no device"),
    (("run", "small.toml", "--device", "cuda:99"), "cuda:99"),
    (("run", "small.toml", "--set", "seeds=100000"), "--yes"),
    (("report", "last"), "run"),
    (("report", "../etc"), "../etc"),
    (("watch", "nothing"), "no runs"),
    (("frobnicate",), "frobnicate"),
    (("run",), "PRESET_OR_FILE"),
]


@pytest.mark.parametrize(("words", "expected"), BAD_WORDS, ids=lambda v: " ".join(v)[:40])
def test_bad_input_exits_with_2_and_a_sentence(memlab: Memlab, words, expected):
    done = memlab(*words)
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_an_unwritable_home_gets_a_sentence(memlab: Memlab, tmp_path: Path):
    (tmp_path / "file").write_text("")
    done = memlab("run", "small.toml", MEMLAB_HOME=str(tmp_path / "file"))
    assert done.returncode == 2
    assert "is not a folder" in done.stderr


def test_the_app_without_a_terminal_says_what_to_do(memlab: Memlab):
    done = memlab()
    assert done.returncode == 1
    assert "memlab run noise-ladder" in done.stderr


def test_lists_are_json_and_tables(memlab: Memlab):
    presets = json.loads(memlab("presets", "--json").stdout)
    assert {"noise-ladder", "smith-wrn"} <= {row["name"] for row in presets}
    assert "noise-ladder" in memlab("presets").stdout
    schema = json.loads(memlab("schema").stdout)
    assert "corruption" in schema["properties"]
    assert "corruption.fraction" in memlab("schema", "--table").stdout
    data = json.loads(memlab("data", "--json").stdout)
    assert "digits" in {row["name"] for row in data}
    assert "noise-ladder" in memlab("presets", "noise-ladder").stdout.lower().replace(" ", "-")


def test_no_command_that_only_reads_imports_torch():
    code = (
        "import sys; from memlab.cli.main import main; main(['presets', '--json']);"
        "main(['runs', '--json']); main(['schema']);"
        "bad = [m for m in ('torch', 'torchvision', 'matplotlib', 'sklearn') if m in sys.modules];"
        "sys.exit(f'imported {bad}' if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_imports_almost_nothing():
    code = (
        "import sys; from memlab.cli.main import parser; parser(None).format_help();"
        "bad = [m for m in ('torch','numpy','pydantic','rich','textual') if m in sys.modules];"
        "sys.exit(f'imported {bad}' if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]):
    for command in cli.COMMANDS:
        with pytest.raises(SystemExit) as ended:
            cli.main([command, "--help"])
        assert ended.value.code == 0
        assert command in capsys.readouterr().out

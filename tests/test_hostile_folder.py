"""A folder with a `numpy.py` in it: memlab and the processes that it starts run no file of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import memlab
from memlab import child
from memlab.runs.run_folder import list_runs
from memlab.tui.compose.preview_client import PreviewClient
from tests.patience import SECONDS

ROOT = Path(__file__).parents[1]
#: Standard library, dependencies and memlab itself.
NAMES = (
    "json", "socket", "subprocess", "argparse", "dataclasses", "pathlib", "numpy", "torch",
    "torchvision", "pydantic", "sklearn", "scipy", "textual", "rich", "memlab",
)  # fmt: skip
RAN = "it-ran"
TRAP = f"open({{folder!r}} + '/{RAN}', 'a').write(__name__ + '\\n')\nraise SystemExit(77)\n"
SMALL = """
title = "Small"
seeds = 1
[dataset]
name = "npz:mine.npz"
train = 40
validation = 10
test = 10
[model]
width = 4
depth = 1
[optimizer]
batch_size = 20
[stop]
epochs = 2
"""
#: What pip writes as `bin/memlab`.
SCRIPT = "import sys\nfrom memlab.__main__ import main\nsys.exit(main())\n"


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with traps and with data and an experiment of the user's own."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.py").write_text(TRAP.format(folder=str(folder)))
    draws = np.random.default_rng(0)
    np.savez(folder / "mine.npz", x=draws.normal(size=(60, 4)), y=np.arange(60) % 3)
    (folder / "small.toml").write_text(SMALL)
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The installed command."""
    path = tmp_path / "bin" / "memlab"
    path.parent.mkdir()
    path.write_text(SCRIPT)
    return path


def called(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def assert_nothing_ran(hostile: Path) -> None:
    ran = hostile / RAN
    assert not ran.exists(), ran.read_text()


def test_training_probing_and_reporting_run_nothing_of_the_working_folder(
    hostile: Path, script: Path, tmp_path: Path
) -> None:
    for words in (
        ("run", "small.toml", "--json", "--device", "cpu"),
        ("probe", "last", "--instrument", "curvature", "--device", "cpu", "--json"),
        ("report", "last"),
        ("runs", "--json"),
    ):
        done = called(str(script), *words)
        assert_nothing_ran(hostile)
        assert done.returncode == 0, (words, done.stderr)
    (folder,) = list_runs(tmp_path / "home" / "runs")
    assert f"npz:{hostile}/mine.npz" in folder.experiment_toml()


@pytest.mark.parametrize("path", [f"{ROOT}:", f":{ROOT}", f"{ROOT}::"])
def test_an_empty_entry_of_the_path_is_not_the_working_folder(
    hostile: Path, script: Path, path: str
) -> None:
    (hostile / "memlab.py").unlink()  # an entry before memlab's own hides it from any command
    assert called("-P", "-c", "import numpy", PYTHONPATH=path).returncode == 77  # so it is a trap
    (hostile / RAN).unlink()
    done = called(str(script), "data", "--json", PYTHONPATH=path)
    assert_nothing_ran(hostile)
    assert "digits" in {row["name"] for row in json.loads(done.stdout)}


def test_the_module_form_forgets_the_working_folder_too(hostile: Path) -> None:
    (hostile / "memlab.py").unlink()  # that one is python's own to find, unless it is run with -P
    done = called("-m", "memlab", "doctor", "--json")
    assert_nothing_ran(hostile)
    assert {c["check"]: c["ok"] for c in json.loads(done.stdout)}["device"]


def test_what_the_path_names_is_the_users_choice(hostile: Path, script: Path) -> None:
    done = called(str(script), "doctor", "--json", PYTHONPATH=f"{ROOT}:.")
    assert done.returncode == 77
    assert (hostile / RAN).exists()
    made = child.environment({"PYTHONPATH": f"lib::{ROOT}:."})
    assert made["PYTHONPATH"].split(":")[1:] == [f"{hostile}/lib", str(ROOT), str(hostile)]


def test_pictures_of_a_file_beside_it_are_drawn_without_running_anything(hostile: Path) -> None:
    from memlab.experiment import reading

    tree = reading.from_toml(SMALL, "test")
    client = PreviewClient()
    try:
        preview = client.ask({**tree, "corruption": {"kind": "labels", "fraction": 0.5}}, 4)
    finally:
        client.close()
    assert_nothing_ran(hostile)
    assert (preview.error, preview.sizes) == ("", (40, 10, 10))


def test_addresses_of_datasets_are_asked_for_without_running_anything(hostile: Path) -> None:
    code = "from memlab.data.published import published; print(published('MNIST').files[0].name)"
    done = called("-P", "-c", code)
    assert_nothing_ran(hostile)
    assert done.stdout.startswith("train-images"), done.stderr


def test_an_app_launches_a_file_named_from_the_working_folder(
    hostile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from memlab.experiment import reading
    from memlab.runs import lifecycle
    from memlab.tui.compose import launching

    texts: list[str] = []
    monkeypatch.setattr(lifecycle, "start", lambda text, *_, **__: texts.append(text))
    made = reading.experiment(reading.from_toml(SMALL, "test"), "test")
    launching.launch(made, "small", tmp_path / "home" / "runs", "cpu", None)
    assert f"npz:{hostile}/mine.npz" in texts[0]


def test_every_python_process_is_started_by_one_module() -> None:
    package = Path(memlab.__file__).parent
    texts = {str(p.relative_to(package)): p.read_text() for p in package.rglob("*.py")}
    assert [name for name, text in texts.items() if "sys.executable" in text] == ["child.py"]
    starts = re.compile(r"Popen\(|subprocess\.run\(|os\.exec|os\.spawn|multiprocessing|os\.system")
    assert sorted(name for name, text in texts.items() if starts.search(text)) == [
        "bench/gpu.py",
        "bench/viewers.py",
        "bench/worker_run.py",
        "child.py",
        "data/pickle_stream.py",  # names os.system in a sentence, and calls nothing
        "engines/ray_nodes.py",  # the cards of a node, on that node
        "instruments/contract.py",  # for other packages' tests, on the path of those
        "recording/indexed.py",  # hands on a setting of the user's own loader
        "runs/environment.py",  # git
        "runs/launch.py",
        "tui/compose/preview_client.py",
    ]

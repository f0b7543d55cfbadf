"""The examples run: their first steps in the suite, the whole of them under `make test-full`."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import memlab
from memlab.settings import HOME_VARIABLE

TOP = Path(__file__).parents[2]
EXAMPLES = TOP / "examples"
#: What an example needs, and the arguments of its first steps.
SCRIPTS = {
    "plain_loop": ("torch", ["--epochs", "1"]),
    "resnet18": ("torchvision", ["--epochs", "1", "--examples", "32", "--data", "/nowhere"]),
    "lightning_module": ("lightning", ["--epochs", "1"]),
    "text_classifier": ("accelerate", ["--epochs", "1"]),
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    return tmp_path


def test_every_script_is_run() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(SCRIPTS)


@pytest.mark.parametrize("name", SCRIPTS)
def test_its_first_steps(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    needs, arguments = SCRIPTS[name]
    if find_spec(needs) is None:
        pytest.skip(f"{needs} is not installed")
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *arguments])
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    run = memlab.load("last")
    assert run.state.state == "finished"
    assert run.id in capsys.readouterr().out
    assert len(run.series("train_loss").epochs) == 1


@pytest.mark.full
@pytest.mark.parametrize("name", SCRIPTS)
def test_the_whole_of_it(name: str, home: Path) -> None:
    needs, _ = SCRIPTS[name]
    if find_spec(needs) is None:
        pytest.skip(f"{needs} is not installed")
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py")],
        env=os.environ | {HOME_VARIABLE: str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "memlab:" not in done.stderr, done.stderr
    run = memlab.load("last")
    assert run.state.state == "finished"
    if name in ("plain_loop", "text_classifier"):
        share = int(done.stdout.rsplit("%", 1)[0].split()[-1])
        assert share >= 60, done.stdout
    if name == "resnet18":
        assert len(run.instrument("stiffness", "within").epochs) >= 1
        assert len(run.instrument("curvature", "sharpness").epochs) >= 1


@pytest.mark.full
@pytest.mark.skipif(find_spec("nbclient") is None, reason="nbclient is not installed")
def test_the_notebook(home: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(EXAMPLES / "your-own-loop.ipynb", as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(TOP)}}).execute()
    kinds = [
        kind
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        for kind in output.get("data", {})
    ]
    assert "text/html" in kinds
    assert "image/png" in kinds


def test_the_notebook_has_what_it_shows() -> None:
    import json

    document = json.loads((EXAMPLES / "your-own-loop.ipynb").read_text())
    code = "\n".join("".join(c["source"]) for c in document["cells"] if c["cell_type"] == "code")
    for word in ("memlab.record", "run.batches", "suspects()", "memlab.load(run.id)"):
        assert word in code
    compile(code, "notebook", "exec")

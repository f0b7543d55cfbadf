"""`--allow-code`: what run, adopt and resume say of code that nobody agreed to."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from memlab.cli.main import main
from memlab.errors import InvalidExperiment
from memlab.experiment import reading
from memlab.runs import lifecycle, own_code, run_folder
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import write_state
from tests.own_nets import MODULE, address, written

TREE = {"model": {"name": address("make")}, "seeds": 1}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path / "home"))
    written(tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path


def theirs(home: Path) -> RunFolder:
    """A run of another memlab, which was allowed to import the module."""
    text = reading.to_toml(reading.experiment(TREE, "test"))
    code = own_code.as_document([own_code.find(MODULE, [home / "project"])])
    folder, lock = run_folder.create(home / "there" / "runs", "own", text, {}, None, code)
    write_state(folder.path, "interrupted")
    lock.close()
    return folder


def test_a_registry_beside_a_strangers_runs_counts_for_nothing(home: Path, capsys):
    file = theirs(home).path / "experiment.toml"
    assert main(["run", str(file), "--detach"]) == 2
    assert f"add --allow-code {MODULE}" in capsys.readouterr().err


def test_adopt_agrees_to_no_code_unless_told(home: Path, capsys: pytest.CaptureFixture[str]):
    folder = theirs(home)
    shutil.rmtree(home / "there" / "registry")
    assert main(["adopt", str(folder.path)]) == 0
    here = RunFolder(home / "home" / "runs" / folder.id)
    with pytest.raises(InvalidExperiment, match="nobody here has agreed"):
        lifecycle.require_code(here)
    for words in (["resume", folder.id], ["fork", folder.id, "--at", "1", "--set", "dropout=0"]):
        assert main(words) == 2
        assert f"say --allow-code {MODULE}" in capsys.readouterr().err
    assert main(["adopt", folder.id, "--allow-code", "numpy"]) == 2
    assert f"it names {MODULE}" in capsys.readouterr().err
    assert main(["adopt", folder.id, "--allow-code", MODULE]) == 0
    (code,) = lifecycle.require_code(here)
    assert code.root == str(home / "project")
    assert main(["adopt", "--all", "--allow-code", MODULE]) == 2


def test_an_experiment_from_elsewhere_starts_nothing(home: Path, capsys):
    file = home / "downloaded" / "their.toml"
    file.parent.mkdir()
    file.write_text(reading.to_toml(reading.experiment(TREE, "test")))
    assert main(["run", str(file), "--detach"]) == 2
    assert f"add --allow-code {MODULE}" in capsys.readouterr().err
    assert main(["run", str(file), "--allow-code", MODULE, "--on", "ray"]) == 2
    assert "its code is not sent to a cluster" in capsys.readouterr().err
    assert not (home / "home" / "runs").exists()

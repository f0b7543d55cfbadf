"""Runs of a network of the user's own: recorded, resumed bit for bit, and never a stranger's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from memlab.errors import InvalidExperiment, RunFolderError
from memlab.experiment import reading
from memlab.library.consent import Consent, agreed, allow, consent_to
from memlab.library.run import Run
from memlab.models import own_import
from memlab.runs import forking, lifecycle, origin, own_code, run_folder
from memlab.runs.run_folder import RunFolder
from memlab.training import checkpoint
from tests.own_nets import MODULE, TEXT, address, written
from tests.patience import wait_for
from tests.worker.conftest import ended
from tests.worker.test_resume import final_tensors, kill, tables

TREE = {
    "corruption": {"kind": "labels", "fraction": [0.0, 0.5]},
    "model": {"name": address("noisy"), "settings": {"hidden": 12}},
    "dataset": {"train": 300},
    "optimizer": {"batch_size": 32, "momentum": 0.9},
    "checkpoints": {"every_seconds": 0.0, "keep": 100},
    "stop": {"epochs": 4},
    "seeds": 1,
}


def launched(home: Path, project: Path) -> RunFolder:
    made = reading.experiment(TREE, "test")
    (home / "runs").mkdir(exist_ok=True)
    code = [written(project)]
    return lifecycle.start(reading.to_toml(made), "own", home / "runs", code=code)


def test_a_killed_run_with_dropout_and_running_statistics_resumes_bit_for_bit(home: Path):
    project = home / "project"
    whole = ended(launched(home, project))
    assert whole.state.state == "finished", whole.worker_log.path.read_text()
    folder = launched(home, project)
    wait_for(lambda: len(checkpoint.found(folder.checkpoints, 0)) >= 2)
    kill(folder)
    if folder.state.state != "finished":
        lifecycle.resume(folder)
        ended(folder)
    assert folder.state.state == "finished", folder.worker_log.path.read_text()
    assert final_tensors(folder) == final_tensors(whole)
    assert tables(folder) == tables(whole)
    _the_report_names_it(folder)
    _another_file_is_refused_and_may_be_allowed(folder, project)
    _a_copy_elsewhere_imports_nothing(folder, home / "elsewhere", project)


def _the_report_names_it(folder: RunFolder) -> None:
    findings = Run(folder).findings
    (how,) = findings.own_networks.values()
    assert how.startswith("one after another, because it draws random numbers")
    assert f"{address('noisy')} hidden=12" in findings.own_networks
    assert findings.rows[0].parameters == 64 * 12 + 12 + 24 + 12 * 10 + 10


def _another_file_is_refused_and_may_be_allowed(folder: RunFolder, project: Path) -> None:
    file = project / f"{MODULE}.py"
    file.write_text(TEXT + "\n# changed\n")
    for asked in (lifecycle.require_code, lifecycle.resume):
        with pytest.raises(InvalidExperiment, match=f"has changed since.*--allow-code {MODULE}"):
            asked(folder)
    with pytest.raises(InvalidExperiment, match="names no module numpy"):
        allow(folder, ["numpy"])
    allow(folder, [MODULE])
    assert [code.module for code in lifecycle.require_code(folder)] == [MODULE]
    file.unlink()
    with pytest.raises(InvalidExperiment, match="is gone"):
        lifecycle.require_code(folder)
    file.write_text(TEXT)


def _a_copy_elsewhere_imports_nothing(folder: RunFolder, other: Path, project: Path) -> None:
    """The folder says where its code lies; that counts for nothing."""
    (other / "runs").mkdir(parents=True)
    guest = RunFolder(Path(shutil.copytree(folder.path, other / "runs" / folder.id)))
    marker = project / "imported"
    (project / f"{MODULE}.py").write_text(f"open({str(marker)!r}, 'w').close()\n{TEXT}")
    for refused in (
        lambda: lifecycle.resume(guest),
        lambda: forking.forked(guest, 1, ["learning_rate=0.1"]),
        lambda: allow(guest, [MODULE]),
    ):
        with pytest.raises(RunFolderError, match="memlab adopt"):
            refused()
    assert Run(guest).findings.own_networks
    adopted = lifecycle.adopt(guest, other / "runs")
    assert origin.is_ours(adopted)
    assert own_code.from_document(origin.code_of(adopted)) == ()
    with pytest.raises(InvalidExperiment, match=f"nobody here has agreed that {MODULE}"):
        lifecycle.require_code(adopted)
    with pytest.raises(InvalidExperiment, match="--allow-code"):
        lifecycle.resume(adopted)
    assert not marker.exists()


def test_a_worker_imports_nothing_that_the_registry_does_not_name(home: Path):
    """A run that was made without consent, or whose entry was lost."""
    made = reading.experiment(TREE, "test")
    written(home / "project")
    (home / "runs").mkdir()
    folder = ended(lifecycle.start(reading.to_toml(made), "own", home / "runs"))
    assert folder.state.state == "failed"
    assert f"--allow-code {MODULE}" in folder.state.message


def test_consent_is_typed_or_given_and_a_file_beside_the_module_is_none(
    tmp_path: Path, monkeypatch
):
    project, away = tmp_path / "project", tmp_path / "away"
    code = written(project)
    monkeypatch.chdir(project)
    made = reading.experiment(TREE, "test")
    (project / "runs").mkdir()
    away.mkdir()
    beside, elsewhere = project / "runs" / "my.toml", away / "my.toml"
    for file in (beside, elsewhere, project / "my.toml"):
        with pytest.raises(InvalidExperiment, match=f"add --allow-code {MODULE}"):
            agreed(made, Consent(file=file))
    assert agreed(made, consent_to([], [MODULE], str(beside))) == (code,)
    assert agreed(made, consent_to([], [MODULE], str(elsewhere))) == (code,)
    assert agreed(made, consent_to([], [address("make")], elsewhere)) == (code,)
    typed = consent_to([f"model.name=mlp,{address('make')}"], [], str(elsewhere))
    assert agreed(made, typed) == (code,)
    assert agreed(made, consent_to([], [], "noise-ladder")) == (code,)
    with pytest.raises(InvalidExperiment, match="add --allow-code"):
        agreed(made, Consent(file=project / "runs" / "experiment.toml"))
    other = reading.experiment({"model": {"name": "python:nowhere.at_all:make"}}, "test")
    with pytest.raises(InvalidExperiment, match=r"no nowhere/at_all\.py in .*project"):
        agreed(other, Consent(own=True))
    with pytest.raises(InvalidExperiment, match="The experiment names code"):
        agreed(made, Consent())


def test_a_run_of_ours_is_run_again_with_what_it_was_allowed(home: Path, monkeypatch):
    again = reading.experiment(TREE, "test")
    code = own_code.as_document([written(home / "project")])
    (home / "runs").mkdir()
    folder, lock = run_folder.create(home / "runs", "own", reading.to_toml(again), {}, None, code)
    lock.close()
    monkeypatch.chdir(home / "runs")
    file = folder.path / "experiment.toml"
    assert [code.root for code in agreed(again, Consent(file=file))] == [str(home / "project")]
    file.write_text(file.read_text() + "# not as it was\n")
    with pytest.raises(InvalidExperiment, match=f"There is no module {MODULE}"):
        agreed(again, Consent(file=file))
    written(home / "runs")
    with pytest.raises(InvalidExperiment, match=f"add --allow-code {MODULE}"):
        agreed(again, Consent(file=file))


def test_a_module_that_another_hides_is_not_imported(tmp_path: Path):
    code = written(tmp_path, module="json")
    own_import.permit([code])
    with pytest.raises(InvalidExperiment, match="which comes first on the path"):
        own_import.load("python:json:make")

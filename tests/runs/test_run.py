from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import memlab
from memlab.errors import InvalidExperiment, RunFolderError
from memlab.runs.event_log import Event
from memlab.runs.run import Run, opened
from memlab.runs.run_folder import RunFolder, create
from memlab.runs.table_writer import TableWriter
from memlab.runs.worker_time import WorkerTime
from tests.patience import SECONDS

TOML = """
seeds = 2
[axes]
"corruption.fraction" = [0.0, 0.4]
"""


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    made, lock = create(tmp_path / "runs", "A run", TOML, {})
    lock.close()
    columns = [("update", "<i8"), ("epoch", "<f8"), ("test_accuracy", "<f8", (2,))]
    with TableWriter(made.stack(0), columns, {"members": [0, 2]}) as table:
        table.append({"update": 0, "epoch": 0.0, "test_accuracy": [0.1, 0.2]})
    return made


def test_a_run_reads_its_experiment_once_and_only_when_it_is_asked_for(folder: RunFolder) -> None:
    run = Run(folder)
    assert not {"experiment", "tree", "view"} & vars(run).keys()
    assert [member.seed for member in run.members] == [0, 1, 0, 1]
    assert [group.axis_values for group in run.groups] == [
        {"corruption.fraction": 0.0},
        {"corruption.fraction": 0.4},
    ]
    (folder.path / "experiment.toml").unlink()
    assert run.experiment is run.experiment
    assert opened(run) is run


def test_a_column_grows_with_its_table(folder: RunFolder) -> None:
    run = Run(folder)
    assert run.column("stack-000", "test_accuracy")[2].tolist() == [[0.1, 0.2]]
    with again(folder) as table:
        table.append({"update": 8, "epoch": 1.0, "test_accuracy": [0.3, 0.4]})
    run.view.refresh()
    epoch, update, values = run.column("stack-000", "test_accuracy")
    assert (epoch.tolist(), update.tolist()) == ([0.0, 1.0], [0.0, 8.0])
    assert np.allclose(values, [[0.1, 0.2], [0.3, 0.4]])


def again(folder: RunFolder) -> TableWriter:
    columns = [("update", "<i8"), ("epoch", "<f8"), ("test_accuracy", "<f8", (2,))]
    return TableWriter(folder.stack(0), columns, {"members": [0, 2]})


def test_what_a_run_has_not_measured_is_an_error_in_words(folder: RunFolder) -> None:
    with pytest.raises(RunFolderError, match="has not measured test_loss"):
        Run(folder).column("stack-000", "test_loss")


def test_a_damaged_experiment_is_an_error_when_it_is_asked_for(tmp_path: Path) -> None:
    made, lock = create(tmp_path / "runs", "A run", "seeds = 'x'\n", {})
    lock.close()
    run = Run(made)
    assert run.id == made.id
    with pytest.raises(InvalidExperiment):
        _ = run.experiment


def test_a_run_is_listed_without_numpy_or_pydantic(folder: RunFolder) -> None:
    program = (
        "import sys; from pathlib import Path; from memlab.runs.run import Run;"
        "from memlab.runs.run_folder import RunFolder;"
        "Run(RunFolder(Path(sys.argv[1]))).state;"
        "print([name for name in ('numpy', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder.path)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert done.stdout.split() == ["[]"]


def events(*told: tuple[float, str]) -> list[Event]:
    return [Event(seq, time, kind) for seq, (time, kind) in enumerate(told)]


@pytest.mark.parametrize(
    ("told", "sign", "seconds"),
    [
        ((), 0.0, None),
        (((5.0, "run-created"),), 9.0, None),
        (((5.0, "run-created"), (10.0, "worker-started"), (12.0, "finished")), 99.0, 2.0),
        (((10.0, "worker-started"), (12.0, "paused"), (20.0, "resumed")), 0.0, 10.0),
        (((10.0, "worker-started"),), 15.0, 5.0),
        (((10.0, "worker-started"), (12.0, "x"), (90.0, "worker-started")), 91.0, 3.0),
        (((10.0, "worker-started"), (12.0, "stopped"), (90.0, "worker-started")), 91.0, 3.0),
        (((10.0, "worker-started"), (4.0, "x")), 0.0, 0.0),
    ],
    ids=["no events", "no worker", "finished", "paused", "living", "killed", "stopped", "clock"],
)
def test_the_time_of_a_run_is_that_of_its_workers(told, sign, seconds) -> None:
    time = WorkerTime()
    for event in events(*told):
        time.note(event)
    assert time.seconds(sign) == seconds


@pytest.mark.parametrize(
    ("pattern", "home"),
    [(r"\bRunView\(", "runs/run.py"), (r"from_toml\(\w+(\.\w+)?\.experiment_toml", "runs/run.py")],
)
def test_a_run_is_opened_in_one_place(pattern: str, home: str) -> None:
    package = Path(memlab.__file__).parent
    found = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(pattern, path.read_text())
    }
    assert found <= {home}

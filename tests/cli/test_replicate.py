"""`memlab replicate`: what is there is reused, what was cut off resumed, the rest started."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from memlab.claims import registry
from memlab.claims.batch import Batch
from memlab.claims.needed import needed
from memlab.cli import main as cli
from memlab.cli.replicate import replicates_from
from memlab.errors import InvalidExperiment
from memlab.runs.run_folder import create, list_runs
from memlab.runs.state import write_state
from tests.claims import synthetic
from tests.patience import wait_for

WORKER = (sys.executable, str(Path(__file__).parents[1] / "runs" / "fake_worker.py"))
REPLICATES = list(range(200, 208))


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Waits until something is true."""
    return wait_for


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path))
    (tmp_path / "runs").mkdir()
    return tmp_path


def batch(home: Path, *claims: str, again: bool = False) -> Batch:
    wanted = needed(registry.chosen(claims), "laptop", REPLICATES)
    return Batch(wanted, home / "runs", {}, again=again, options={"worker": WORKER})


def test_finished_runs_are_used_and_nothing_is_started(home: Path, capsys):
    for preset in ("ladder", "ladder-gaussian"):
        synthetic.write(home / "runs", preset, synthetic.planted, REPLICATES)
    assert cli.main(["replicate", "Z1", "Z4", "A7", "--json"]) == 0
    out = capsys.readouterr()
    made = json.loads(out.out)
    assert made["replicates"] == REPLICATES
    assert [row["verdict"] for row in made["claims"]] == ["supported"] * 3
    arms = {row["control"]["verdict"] for row in made["claims"]}
    assert arms <= {"not supported", "inconclusive"}
    assert made["first_lines"][0].startswith("Of 3 claims 3 hold")
    assert len(list_runs(home / "runs")) == 2
    assert "2 of them finished before" in out.err


def test_a_run_started_by_hand_from_the_preset_is_used_too(home: Path):
    synthetic.write(home / "runs", "dose", synthetic.planted, REPLICATES, told=False)
    assert [job.reused for job in batch(home, "B5").jobs] == [True]


def test_other_replicates_are_another_run(home: Path):
    synthetic.write(home / "runs", "dose", synthetic.planted, [0, 1, 2, 3], told=True)
    assert [job.reused for job in batch(home, "B5").jobs] == [False]


def test_missing_runs_are_started_and_those_cut_off_are_resumed(home: Path, eventually):
    cut = synthetic.write(home / "runs", "dose", synthetic.planted, REPLICATES)
    write_state(cut.path, "interrupted")
    made = batch(home, "B5", "S3")
    assert not any(job.over for job in made.jobs)
    eventually(lambda: not made.step())
    assert [job.finished for job in made.jobs] == [True, True]
    assert made.folders["dose"].id == cut.id
    told = made.folders["batch"].environment()["replication"]
    assert told["preset"] == "batch"
    assert len(list_runs(home / "runs")) == 2
    later = batch(home, "B5", "S3")
    assert [job.reused for job in later.jobs] == [True, True]
    assert not later.step()
    assert [job.folder for job in batch(home, "B5", again=True).jobs] == [None]


def test_one_worker_more_than_there_are_cores_is_kept_the_longest_first(
    home: Path, monkeypatch, eventually
):
    from memlab.claims import batch as claims_batch
    from memlab.experiment.cost import estimate
    from memlab.runs import lifecycle

    monkeypatch.setattr(claims_batch, "usable_cores", lambda: 2)
    begun = []

    most, start = [0], lifecycle.start

    def counted(*args, **options):
        living = sum(not run.state.final for run in list_runs(home / "runs"))
        most[0] = max(most[0], living + 1)
        assert options["environment"]["requested_cores"] == 1
        begun.append(options["environment"]["preset"])
        return start(*args, **options)

    monkeypatch.setattr(lifecycle, "start", counted)
    made = batch(home, "arpit")
    eventually(lambda: not made.step())
    assert most[0] <= 3
    assert all(job.finished for job in made.jobs)
    seconds = {job.needed.name: estimate(job.needed.experiment).seconds for job in made.jobs}
    assert [seconds[name] for name in begun] == sorted(seconds.values(), reverse=True)


def test_a_run_that_cannot_be_is_told_and_the_others_go_on(home: Path, eventually):
    made = batch(home, "B5", "S3")
    made.refuse("dose", "There is no data.")
    eventually(lambda: not made.step())
    assert [job.problem for job in made.jobs] == ["", "There is no data."]
    assert list(made.folders) == ["batch"]


def test_a_bad_claim_gets_the_nearest_and_exit_code_2(home: Path, capsys):
    assert cli.main(["replicate", "fortt"]) == 2
    assert "did you mean 'fort'" in capsys.readouterr().err
    assert cli.main(["replicate", "Z1", "--replicates", "many"]) == 2
    assert "100-109" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "found"), [("3", (200, 201, 202)), ("100-102", (100, 101, 102)), ("7,9", (7, 9))]
)
def test_replicates_are_a_count_a_span_or_a_list(text: str, found: tuple[int, ...]):
    assert replicates_from(text) == found


@pytest.mark.parametrize("text", ["0", "-1", "5-3", "1,1", "x", "1.5"])
def test_replicates_that_are_none_are_refused(text: str):
    with pytest.raises(InvalidExperiment, match="--replicates"):
        replicates_from(text)


def test_a_check_is_made_in_a_process_without_torch(home: Path):
    synthetic.write(home / "runs", "smallest", synthetic.planted, REPLICATES)
    code = (
        "import sys; from memlab.cli.main import main; main(['replicate', 'Z6', '--json']);"
        "assert 'torch' not in sys.modules and 'matplotlib' not in sys.modules"
    )
    env = {**os.environ, "MEMLAB_HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert [one["came_out"] for one in made["checks"]] == ["holds"]
    assert made["claims"][0]["verdict"] == "supported"


def test_a_finished_run_that_someone_sent_is_not_taken_for_ours(home: Path):
    sent = synthetic.write(home / "elsewhere" / "runs", "ladder", synthetic.planted, REPLICATES)
    shutil.copytree(sent.path, home / "runs" / sent.id)
    made = batch(home, "Z1")
    assert [(job.reused, job.folder) for job in made.jobs if job.needed.preset == "ladder"] == [
        (False, None)
    ]


def test_what_a_run_says_of_its_own_content_does_not_count(home: Path):
    one = needed(registry.chosen(["Z1"]), "laptop", REPLICATES)[0]
    forged = {"preset": one.name, "replication": {"preset": one.preset, "content": one.content}}
    folder, lock = create(home / "runs", one.name, "seeds = 1\n", forged)
    with lock:
        write_state(folder.path, "finished")
    assert not any(job.reused for job in batch(home, "Z1").jobs)

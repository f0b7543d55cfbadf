"""`memlab memorize` by real workers: findings, files, and no network trained twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from memlab.experiment.subset import subset_mask
from memlab.library import memorizing
from memlab.runs import run_folder
from memlab.runs.run import Run
from tests.patience import SECONDS

QUICK = ("--set", "stop.epochs=3", "--set", "dataset.train=150", "--set", "dataset.test=60")


def memlab(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "memlab", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, env={**os.environ}
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        found = tmp_path_factory.mktemp("home")
        patch.setenv("MEMLAB_HOME", str(found))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield found


@pytest.fixture(scope="module")
def first(home: Path) -> tuple[dict[str, object], Path]:
    """60 networks on 150 digits: the report, and the exported file."""
    out = home / "out.npz"
    done = memlab("memorize", "digits", "--networks", "60", "--json", "--export", str(out), *QUICK)
    assert done.returncode == 0, done.stderr
    assert "60 networks" in done.stderr
    assert "on disk" in done.stderr
    return json.loads(done.stdout), out


def test_the_report_says_who_is_memorized(first):
    (found,) = first[0]["memorization"]
    assert found["networks"] == 60
    assert found["share"] == pytest.approx(0.7)
    assert found["groups"][0]["examples"] == 150
    assert 0 < found["groups"][0]["mean"]["value"] < 1
    top = found["most_memorized"][0]
    assert top["ci95"][0] <= top["memorization"] <= top["ci95"][1]
    assert top["inside"] - top["outside"] == pytest.approx(top["memorization"], abs=1e-6)


def test_the_exported_file_has_the_plain_layout(first):
    found = np.load(first[1])
    assert found["masks"].shape == (60, 150)
    assert found["correct"].shape == found["margin"].shape == (60, 60)
    assert [found[n].dtype for n in ("masks", "correct", "margin")] == [bool, bool, np.float16]
    assert (found["masks"][7] == subset_mask(0.7, 150, 7)).all()


def test_more_networks_train_only_the_missing_ones_and_count_all(home: Path, first):
    done = memlab("memorize", "digits", "--networks", "80", "--json", *QUICK)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["seeds"] == list(range(60, 80))
    assert report["memorization"][0]["networks"] == 80
    newest = Run(run_folder.list_runs(home / "runs")[0])
    assert newest.folder.environment()["extends"] == first[0]["run"]
    both = memorizing.outcomes(newest.folder)
    assert both.seeds.tolist() == list(range(80))
    again = memlab("memorize", "digits", "--networks", "80", *QUICK)
    assert again.returncode == 0, again.stderr
    assert "has all 80 networks" in again.stderr
    assert "Who is memorized" in again.stdout
    assert len(run_folder.list_runs(home / "runs")) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("digits", "--networks", "3"), "20 at least"),
        (("digitz",), "digitz"),
        (("digits", "--detach", "--export", "x.npz"), "--detach"),
        (("digits", "--on", "nowhere"), "'nowhere' is no engine; use processes, ray"),
        (("digits", "--set", "dataset.subset=0"), "subset"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(home: Path, arguments, says):
    done = memlab("memorize", *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.full
def test_flipped_labels_are_memorized_and_found(home: Path):
    done = memlab(
        *("memorize", "digits", "--networks", "60", "--json", *QUICK),
        *("--set", "corruption.kind=labels-other", "--set", "corruption.fraction=0.2"),
        *("--set", "stop.epochs=150", "--set", "optimizer.batch_size=15"),
    )
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)["memorization"]
    means = {group["name"]: group["mean"]["value"] for group in found["groups"]}
    assert means["lies"] > means["truths"] + 0.3
    assert found["baselines"]["scores"]["memorization"]["lies_auc"] > 0.8


def test_all_renderings_have_the_section(home: Path, first):
    from memlab.library.run import Run as LibraryRun

    run = LibraryRun(run_folder.find(home / "runs", str(first[0]["run"])))
    for form in ("text", "md", "html"):
        assert "The most memorized truths" in run.report(form)
    table = run.memorization()
    assert len(table) == 150
    assert set(run.influence()["target"]) <= {"train", "test"}

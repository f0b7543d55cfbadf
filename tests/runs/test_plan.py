"""Plans in a run folder: written whole, read with bounds, refused in a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from memlab.cli import main as cli_main
from memlab.errors import InvalidExperiment, RunFolderError
from memlab.runs import plan
from memlab.runs.door import Place
from memlab.runs.plan import RunPlan

MADE = RunPlan(((0, 2), (1,)), 2, 3, "padded")


def test_a_plan_comes_back_as_it_was_written(tmp_path: Path) -> None:
    place = Place(tmp_path) / "plan.json"
    assert plan.read(place) is None
    plan.write(place, MADE)
    assert plan.read(place) == MADE
    assert plan.read_file(place.path) == MADE
    assert MADE.cores == 6


@pytest.mark.parametrize(
    "change",
    [
        {"stacks": 3},
        {"stacks": [[0, "1"]]},
        {"stacks": [[True]]},
        {"stacks": [[-1]]},
        {"stacks": [[1 << 40]]},
        {"processes": 0},
        {"processes": 1 << 30},
        {"threads": "two"},
        {"threads": None},
        {"layout": "diagonal"},
        {"schema": 99},
        {"schema": "x"},
    ],
)
def test_a_plan_that_is_none_is_refused_in_a_sentence(tmp_path: Path, change: dict) -> None:
    place = Place(tmp_path) / "plan.json"
    place.path.write_text(json.dumps({**MADE.document(), **change}))
    with pytest.raises(
        RunFolderError, match=r"plan.json (is damaged: .*\.|was written by a newer)"
    ):
        plan.read(place)
    with pytest.raises(InvalidExperiment):
        plan.read_file(place.path)


def test_a_link_or_nothing_in_a_plans_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.json").symlink_to("/etc/passwd")
    with pytest.raises(RunFolderError):
        plan.read(Place(tmp_path) / "plan.json")
    with pytest.raises(InvalidExperiment, match="There is no plan"):
        plan.read_file(tmp_path / "other.json")


def test_members_stand_in_one_stack_each() -> None:
    assert plan.covers(MADE, range(3))
    assert not plan.covers(MADE, range(4))
    assert not plan.covers(RunPlan(((0, 1), (1, 2)), 1, 1), range(3))
    assert not plan.covers(RunPlan(((0, 1, 2), ()), 1, 1), range(3))


def test_run_takes_a_plan_and_refuses_one_of_other_networks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path))
    plan.write(Place(tmp_path) / "plan.json", MADE)
    words = ["run", "noise-ladder", "--plan", str(tmp_path / "plan.json")]
    assert cli_main.main(words) == 2
    assert "is not a plan for 18 networks" in capsys.readouterr().err

"""A forked run is the run with a fork from the start, whatever of it was copied."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from memlab.errors import InvalidExperiment, RunFolderError, StorageError
from memlab.experiment import reading
from memlab.instruments.contract import small_trainer
from memlab.runs import forking, lifecycle
from memlab.runs.door import Place
from memlab.runs.event_log import EventLog, EventReader
from memlab.runs.run_folder import RunFolder
from memlab.worker.instruments import InstrumentPanel
from tests.worker.conftest import ended
from tests.worker.test_resume import EVERY, final_tensors, tables

Start = Callable[..., RunFolder]


def test_a_fork_from_a_checkpoint_equals_the_forked_experiment_from_the_start(
    start: Start, home: Path
):
    source = ended(start(**EVERY, instruments={"on": ["ledger", "margins"], "cadence": 1.0}))
    made = forking.forked(source, 3.0, ["learning_rate=0.05", "weight_decay=0.01"])
    started: list[int] = []
    fork = lifecycle.start(
        reading.to_toml(made),
        "fork",
        home / "runs",
        fill=lambda folder: started.append(forking.inherit(source, made, folder)),
    )
    whole = lifecycle.start(reading.to_toml(made), "whole", home / "runs")
    assert started[0] > 0
    for folder in (ended(fork), ended(whole)):
        assert folder.state.state == "finished", folder.worker_log.path.read_text()
    assert final_tensors(fork) == final_tensors(whole)
    assert tables(fork) == tables(whole)
    assert final_tensors(fork) != final_tensors(source)


@pytest.mark.parametrize(
    ("at", "settings", "sentence"),
    [
        (6.0, ["learning_rate=0.1"], "must be from 0 to below 6"),
        (-1.0, ["learning_rate=0.1"], "must be from 0 to below 6"),
        (1.0, [], "needs something that changes"),
        (1.0, ["model.width=3"], "a fork may change learning_rate"),
        (1.0, ["learning_rate=0.1,0.2"], "one value of learning_rate"),
        (1.0, ["learning_rate"], "a fork may change"),
        (1.0, ["learning_rate=much"], "fork.learning_rate = 'much'"),
        (1.0, ["nonsense=1"], "no field 'nonsense'"),
        (1.0, ["schedule=step"], "step needs milestones"),
    ],
)
def test_what_a_fork_cannot_be_is_said_in_a_sentence(made_run, at, settings, sentence):
    with pytest.raises(InvalidExperiment) as caught:
        forking.forked(made_run(), at, settings)
    assert sentence in str(caught.value)


def test_a_fork_is_not_forked_again(made_run):
    with pytest.raises(InvalidExperiment, match="is a fork already"):
        forking.forked(made_run(fork={"at": 1}), 2.0, ["dropout=0.1"])
    with pytest.raises(InvalidExperiment, match="is a fork already"):
        forking.forked(made_run(axes={"fork": [{}, {"at": 1}]}), 2.0, ["dropout=0.1"])


def test_a_run_without_a_checkpoint_so_early_begins_at_the_beginning(made_run, tmp_path: Path):
    source, folder = made_run(), made_run()
    made = forking.forked(source, 1.0, ["batch_size=32"])
    assert forking.inherit(source, made, folder) == 0
    assert not list(folder.checkpoints.path.iterdir())


@pytest.fixture
def source(made_run) -> Callable[..., RunFolder]:
    """`source(**sections)`: a run of one stack of 1,000 examples with checkpoints at 5 updates."""

    def made(**changes: object) -> RunFolder:
        folder = made_run(**changes)
        with EventLog(folder.events) as log:
            log.append("stack-started", stack=0, members=[0, 1, 2, 3], train_examples=1000)
            for member, update in ((1, 16), (2, 63)):
                log.append("member-finished", member=member, update=update, reason="fitted")
        for update in (0, 16, 31, 47, 62):
            (folder.checkpoints.path / f"stack-000-update-{update:09d}.safetensors").write_bytes(
                b"x"
            )
        return folder

    return made


def test_networks_that_had_ended_before_the_checkpoint_are_told_of_and_later_ends_not(
    source, made_run
):
    origin, folder = source(), made_run()
    made = forking.forked(origin, 3.0, ["learning_rate=0.1"])
    assert forking.inherit(origin, made, folder) == 31
    assert [p.name for p in folder.checkpoints.path.iterdir()] == [
        "stack-000-update-000000031.safetensors"
    ]
    ends = [e.data for e in EventReader(folder.events).read() if e.type == "member-finished"]
    assert [(end["member"], end["update"]) for end in ends] == [(1, 16)]


@pytest.mark.parametrize(
    ("sections", "setting"),
    [
        ({"evaluation": {"every": 0.1}}, "batch_size=500"),  # fewer evaluations than before
        (
            {
                "schedule": {"kind": "step", "milestones": [4]},
                "axes": {"schedule.factor": [2, 4]},
                "seeds": 1,
            },
            "schedule=grow-batch",
        ),  # two stacks in the place of one
    ],
)
def test_a_checkpoint_that_would_not_fit_the_fork_is_not_taken(source, made_run, sections, setting):
    origin, folder = source(**sections), made_run()
    assert forking.inherit(origin, forking.forked(origin, 3.0, [setting]), folder) == 0
    assert not list(folder.checkpoints.path.iterdir())
    same = forking.forked(origin, 3.0, ["learning_rate=0.1"])
    assert forking.inherit(origin, same, folder) == 31


def test_a_fork_beyond_the_updates_that_end_the_run_is_refused(source):
    origin = source(stop={"epochs": 6, "updates": 32})
    assert forking.forked(origin, 1.0, ["dropout=0.1"]).fork.at == 1.0
    with pytest.raises(InvalidExperiment, match=r"stop.updates ends it at epoch 2.05"):
        forking.forked(origin, 4.0, ["dropout=0.1"])


def test_a_fork_drops_no_hidden_units_of_networks_without_any(made_run):
    linear = {"name": "linear", "width": None, "depth": None, "activation": "relu"}
    with pytest.raises(InvalidExperiment, match=r"the fork: fork.dropout = 0.1 is of hidden units"):
        forking.forked(made_run(model=linear, regularization={"dropout": 0}), 1.0, ["dropout=0.1"])


def test_a_fork_names_no_claims(made_run):
    assert forking.forked(made_run(claims=["Z4"]), 1.0, ["dropout=0.1"]).claims == ()


def test_a_run_that_cannot_be_filled_leaves_nothing_behind(tmp_path: Path):
    def fill(folder: RunFolder) -> None:
        (folder.checkpoints.path / "half").write_text("x")
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match="disk is full"):
        lifecycle.start("seeds = 1", "full", tmp_path, environment={}, fill=fill)
    assert [p for p in tmp_path.iterdir() if not p.name.startswith(".")] == []


def test_what_was_first_measured_after_the_checkpoint_is_dropped(tmp_path: Path):
    trainer = small_trainer()
    experiment = trainer.plan.members[0].experiment
    on = experiment.instruments.model_copy(update={"on": ("margins",)})
    stale = [tmp_path / f"instrument-margins-000.{suffix}" for suffix in ("rows", "json")]
    for path in stale:
        path.write_bytes(b"of another future")
    with EventLog(Place(tmp_path) / "events.jsonl") as log:
        told = experiment.model_copy(update={"instruments": on})
        panel = InstrumentPanel(Place(tmp_path), told, trainer.plan, trainer, log)
        panel.restore({}, {}, panel.cadence.state())
    assert not any(path.exists() for path in stale)


@pytest.mark.parametrize("where", ["series/stack-000.rows", "examples/stack-000", "checkpoints"])
def test_a_fork_copies_nothing_through_links(source, tmp_path: Path, where: str):
    origin_run = source()
    path = origin_run.path / where
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
    path.symlink_to("/dev")
    made = forking.forked(origin_run, 3.0, ["dropout=0.1"])
    with pytest.raises(RunFolderError, match="is a link"):
        lifecycle.start(
            "seeds = 1\n",
            "fork",
            tmp_path / "runs",
            environment={},
            fill=lambda folder: forking.inherit(origin_run, made, folder),
        )

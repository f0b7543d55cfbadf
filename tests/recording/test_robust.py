"""Whatever goes wrong in the recorder, training goes on, and a warning is given once."""

from __future__ import annotations

import errno
import os
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

import memlab
from memlab import disk
from memlab.runs.run_folder import RunFolder
from memlab.settings import HOME_VARIABLE
from tests.recording.loops import CLASSES, Data, mlp, told, train
from tests.recording.test_bits import differing, everything, seeded


def trained(data: Data, **recorded: Any) -> tuple[dict[str, Any], Any]:
    seeded()
    model = mlp(dropout=0.2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    run = train(data, model, optimizer, 3, **recorded)
    return everything(model, optimizer), run


def test_a_crash_of_the_recorder_is_a_warning(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, _ = trained(data)
    from memlab.recording import example_ledger

    def broken(*_: object) -> int:
        raise ZeroDivisionError("in the recorder")

    monkeypatch.setattr(example_ledger.AnswerLedger, "take", broken)
    with told() as warned:
        found, run = trained(data, name="crash")
    assert differing(plain, found) == []
    assert len(warned) == 1
    assert "training goes on: ZeroDivisionError: in the recorder" in warned[0]
    state = RunFolder(run.path).state
    assert state.state == "failed"
    assert "gave up" in state.message


def test_warnings_that_are_errors_do_not_stop_training(
    data: Data, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from memlab.recording.answers import Window

    def broken(*_: object) -> int:
        raise ZeroDivisionError("in the recorder")

    monkeypatch.setattr(Window, "look", broken)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        trained(data, name="crash")
    assert "training goes on" in capsys.readouterr().err


def test_a_full_disk_ends_the_recording_alone(data: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, _ = trained(data)
    written = disk.write_all
    left = [60_000]

    def full(descriptor: int, content: Any) -> None:
        left[0] -= len(content)
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written(descriptor, content)

    monkeypatch.setattr(disk, "write_all", full)
    with told() as warned:
        found, _ = trained(data, name="full")
    assert differing(plain, found) == []
    assert len(warned) == 1
    assert "No space left" in warned[0] or "full" in warned[0]


def test_a_home_that_cannot_be_written_is_a_warning(
    data: Data, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("")
    monkeypatch.setenv(HOME_VARIABLE, str(blocked / "home"))
    plain, _ = trained(data)
    with told() as warned:
        found, run = trained(data, name="nowhere")
    assert differing(plain, found) == []
    assert len(warned) == 1
    assert run.id == ""
    assert len(run.suspects()) == 0


def test_a_run_that_is_deleted_meanwhile_is_a_warning(data: Data) -> None:
    import shutil

    with told() as warned, memlab.record(mlp(), (data.x, data.y), instruments=None) as run:
        index = torch.arange(len(data.x))
        run.step(torch.randn(len(data.x), CLASSES), data.y, index)
        run.epoch()
        shutil.rmtree(run.path)  # type: ignore[arg-type]
        for _ in range(3):
            run.step(torch.randn(len(data.x), CLASSES), data.y, index)
            run.epoch()
    assert len(warned) == 1


@pytest.mark.parametrize("bad", [[0, 1, 999], [-1, -2, -3], [0, 1, 2**40]])
def test_a_bad_index_is_left_out_and_told_once(bad: list[int], data: Data) -> None:
    with told() as warned, memlab.record(mlp(), (data.x, data.y), instruments=None) as run:
        for _ in range(3):
            run.step(torch.randn(3, CLASSES), data.y[:3], torch.tensor(bad))
            run.step(torch.randn(3, CLASSES), data.y[:3], torch.tensor([0, 1, 2]))
            run.epoch()
    assert len(warned) == 1
    assert "left out of the ledger" in warned[0]
    assert RunFolder(run.path).state.state == "finished"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "logits",
    [
        torch.zeros(4, 5, 6),
        torch.full((4, CLASSES), torch.nan),
        "no tensor",
        None,
        torch.zeros(0, CLASSES),
        torch.zeros(4, CLASSES, dtype=torch.bfloat16),
        torch.zeros(4, CLASSES, dtype=torch.float64),
        torch.zeros(4, CLASSES, requires_grad=True),
    ],
)
def test_odd_logits_do_no_harm(logits: Any, data: Data) -> None:
    with told(), memlab.record(mlp(), (data.x, data.y), instruments=None) as run:
        for _ in range(2):
            run.step(logits, data.y[:4], torch.arange(4))
            run.epoch()


def test_labels_that_are_no_class_are_left_out(data: Data) -> None:
    with told() as warned, memlab.record(mlp(), 4, instruments=None) as run:
        logits = torch.eye(CLASSES)[[0, 1, 2, 0]]
        run.step(logits, torch.tensor([0, 1, -100, 99]), torch.arange(4))
        run.epoch()
    assert warned == []
    assert memlab.load(run.id).series("train_accuracy").values[0, -1] == 1.0


def test_a_loss_that_is_not_finite_ends_the_curve(data: Data) -> None:
    with memlab.record(mlp(), (data.x, data.y), instruments=None) as run:
        index = torch.arange(len(data.x))
        run.step(torch.zeros(len(data.x), CLASSES), data.y, index)
        run.epoch()
        run.step(torch.full((len(data.x), CLASSES), torch.inf), data.y, index)
        run.epoch()
    assert [e.type for e in memlab.load(run.id).events].count("member-diverged") == 1


def test_a_forked_child_records_nothing(data: Data) -> None:
    with memlab.record(mlp(), (data.x, data.y), instruments=None) as run:
        run.step(torch.zeros(4, CLASSES), data.y[:4], torch.arange(4))
        run.epoch()
        child = os.fork()
        if not child:
            run.step(torch.zeros(4, CLASSES), data.y[:4], torch.arange(4))
            run.epoch()
            run.close()
            os._exit(0)
        os.waitpid(child, 0)
        run.epoch()
    assert memlab.load(run.id).series("train_loss").values.shape == (1, 2)
    assert RunFolder(run.path).state.state == "finished"  # type: ignore[arg-type]


def test_other_ranks_record_nothing(
    data: Data, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    with memlab.record(mlp(), (data.x, data.y)) as run:
        run.step(torch.zeros(4, CLASSES), data.y[:4], torch.arange(4))
        run.epoch()
    assert run.id == ""
    assert not (home / "runs").exists()


def test_a_step_takes_little_time(data: Data) -> None:
    """The bound of 50 µs is measured by itself; here no step may cost what it should not."""
    labels, index = data.y[:32], torch.arange(32)
    logits = torch.randn(32, 10)
    with memlab.record(mlp(), (data.x, data.y % 10), instruments=None) as run:
        best = float("inf")
        for _ in range(5):
            began = time.process_time()
            for _ in range(256):
                run.step(logits, labels, index)
            best = min(best, (time.process_time() - began) / 256)
    assert best < 500e-6


def test_a_ledger_begins_with_the_first_index_that_is_one(data: Data) -> None:
    logits, labels = torch.eye(CLASSES), torch.arange(CLASSES)
    with told(), memlab.record(mlp(), 10, instruments=None) as run:
        run.step(logits, labels)
        run.epoch()
        run.step(logits, labels, torch.tensor([7, 8, 9]))
        run.epoch()
    assert len(run.suspects()) == 10

"""Measuring this machine: what is kept, when it stops, and what a run adds."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from memlab.experiment import grid, reading
from memlab.experiment.material_spec import MODELS
from memlab.experiment.speeds import Shape
from memlab.runs import calibration
from memlab.worker import calibrating
from memlab.worker.calibrating import DIGITS, POINTS, Point, note_run
from memlab.worker.material import Material
from memlab.worker.stack_time import StackClock, StackTime

CPU = torch.device("cpu")
FEW = (Point("linear", None, 1, 32, DIGITS), Point("mlp", 16, 4, 32, DIGITS))


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch, home: Path) -> Path:
    monkeypatch.setattr(calibrating, "POINTS", FEW)
    monkeypatch.setattr(calibrating, "usable_cores", lambda: 1)
    return home


def noted() -> list[str]:
    return [one.shape.model.name for one in calibration.load().measured]


def test_every_architecture_is_measured_at_two_sizes() -> None:
    sizes: dict[str, set[object]] = {}
    for point in POINTS:
        size = (point.width, point.members, point.batch_size, point.image)
        sizes.setdefault(point.name, set()).add(size)
    assert set(sizes) == set(MODELS)
    assert all(len(found) >= 2 for found in sizes.values())


def test_it_is_noted_for_this_machine_and_the_threads_stay(few: Path) -> None:
    threads = torch.get_num_threads()
    assert calibrating.calibrate(CPU) == 2
    assert torch.get_num_threads() == threads
    assert noted() == ["linear", "mlp"]


def test_it_stops_between_measurements_and_keeps_what_it_has(few: Path) -> None:
    answers = iter((False, True, True))
    assert calibrating.calibrate(CPU, lambda: next(answers)) == 1
    assert calibrating.calibrate(CPU, lambda: True) == 0


def test_several_threads_that_waited_for_cores_tell_nothing(
    few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = iter(range(0, 10**6, 1000))
    monkeypatch.setattr(calibrating, "waited_seconds", lambda: float(next(waits)))
    assert calibrating.measure(FEW[0], CPU, 2) is None
    assert calibrating.measure(FEW[0], CPU, 1) is not None


def test_a_standby_calibrates_until_it_is_given_a_run(
    few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrating, "machine_of", lambda _device: calibration.this_machine())
    quiet, speaking = os.pipe()
    monkeypatch.setenv(calibrating.ALLOWED, "0")
    calibrating.when_idle(quiet)
    assert noted() == []
    monkeypatch.setenv(calibrating.ALLOWED, "1")
    os.write(speaking, b"x")
    calibrating.when_idle(quiet)
    assert noted() == []
    os.read(quiet, 1)
    calibrating.when_idle(quiet)
    assert noted() == ["linear", "mlp"]
    os.close(quiet)
    os.close(speaking)


def test_a_broken_home_keeps_no_standby_from_its_run(
    few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (few / "file").touch()
    monkeypatch.setenv("MEMLAB_HOME", str(few / "file"))
    monkeypatch.setenv(calibrating.ALLOWED, "1")
    quiet, speaking = os.pipe()
    calibrating.when_idle(quiet)
    os.close(quiet)
    os.close(speaking)


def times() -> StackTime:
    tree = {"model": {"width": 8}, "optimizer": {"batch_size": 64}, "seeds": 3}
    experiment = reading.experiment(tree, "t")
    shapes = Material([], lambda done, total: None).shapes(grid.members(experiment)[0])
    shape = Shape.of(experiment, shapes.image_shape, shapes.features, shapes.classes)
    return StackTime(shape, 3, 100, 2.0, 1000, 0.5)


def test_a_run_notes_its_own_figures(home: Path) -> None:
    note_run([times()], CPU, processes=2, threads=1)
    (found,) = calibration.load().measured
    assert (found.members, found.threads, found.processes, found.source) == (3, 1, 2, "run")
    assert found.update_seconds == pytest.approx(0.02)
    assert found.example_seconds == pytest.approx(0.0005)
    made = reading.experiment({"model": {"width": 8}, "optimizer": {"batch_size": 64}}, "t")
    assert calibration.load().known(Shape.of(made, (1, 8, 8), 64, 10))


@pytest.mark.parametrize(
    "changes", [{"updates": 3}, {"update_seconds": 1e-3}, {"waited": 1.0}, {"updates": 0}]
)
def test_short_and_disturbed_stacks_tell_nothing(home: Path, changes: dict[str, float]) -> None:
    note_run([replace(times(), **changes)], CPU, threads=1)
    assert calibration.load().measured == ()


def test_a_store_that_cannot_be_written_fails_no_run(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").touch()
    monkeypatch.setenv("MEMLAB_HOME", str(home / "file"))
    note_run([times()], CPU)


def test_a_stacks_clock_counts_while_all_its_members_train() -> None:
    trainer = calibrating.trainer_of(FEW[1], CPU)
    clock = StackClock(trainer)
    for _ in range(30):
        trainer.step()
        clock.updated(0.5)
    clock.evaluated(2.0)
    found = clock.time()
    assert (found.members, found.updates, found.update_seconds) == (4, 29, 14.5)
    assert found.evaluation_seconds / found.evaluated == pytest.approx(2.0 / (4 * 1024))
    trainer.keep([0, 1])
    trainer.step()
    clock.updated(100.0)
    clock.evaluated(100.0)
    assert clock.time().update_seconds == 14.5

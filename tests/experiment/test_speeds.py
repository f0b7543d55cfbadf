"""A shape measured has its own time; others are interpolated by what their updates consist of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memlab.experiment.architecture import count, resolve
from memlab.experiment.material_spec import ModelSpec
from memlab.experiment.speeds import Measured, Shape, Speeds

OVERHEAD, SPEED = 2e-4, 5e10


def shape(width: int, batch_size: int = 64, name: str = "mlp") -> Shape:
    image = (1, 28, 28) if name not in ("mlp", "linear") else None
    return Shape(resolve(ModelSpec(name=name, width=width)), image, 784, 10, batch_size)


def true_seconds(one: Shape, members: int) -> float:
    work = count(one.model, one.image, one.features, one.classes).multiply_adds
    return OVERHEAD + 3 * work * one.batch_size * members / SPEED


def measured(one: Shape, members: int = 1, threads: int = 2, **changes: object) -> Measured:
    seconds = true_seconds(one, members)
    made: dict[str, object] = {"processes": 1, "update_seconds": seconds, "example_seconds": 1e-6}
    return Measured(one, members, threads, **(made | changes))  # type: ignore[arg-type]


MEASURED = tuple(
    measured(shape(width, size), members)
    for width, size, members in ((32, 32, 1), (64, 128, 8), (512, 64, 1), (256, 128, 4))
)


def test_a_measured_shape_has_its_own_time() -> None:
    own = measured(shape(100), update_seconds=7.0)
    speeds = Speeds(2, (*MEASURED, own))
    assert speeds.update_seconds(own.shape) == 7.0
    assert speeds.known(own.shape)
    assert not speeds.known(shape(101))


@pytest.mark.parametrize(("width", "members"), [(64, 1), (200, 3), (1024, 1), (64, 100), (16, 1)])
def test_an_unmeasured_shape_is_interpolated_and_extrapolated(width: int, members: int) -> None:
    found = Speeds(2, MEASURED).update_seconds(shape(width), members)
    assert found == pytest.approx(true_seconds(shape(width), members), rel=0.1)


def test_another_width_of_a_stack_is_scaled_from_the_one_measured() -> None:
    own = measured(shape(256), 4, update_seconds=2 * true_seconds(shape(256), 4))
    found = Speeds(2, (*MEASURED, own)).update_seconds(own.shape, 8)
    assert found == pytest.approx(2 * true_seconds(own.shape, 8), rel=0.2)


def test_threads_and_processes_have_their_own_figures() -> None:
    one = shape(64)
    speeds = Speeds(
        2,
        (
            measured(one, threads=1, update_seconds=3.0),
            measured(one, threads=2, update_seconds=2.0),
            measured(one, threads=1, processes=2, update_seconds=4.0),
        ),
    )
    assert speeds.update_seconds(one) == 2.0
    assert speeds.update_seconds(one, threads=1) == 3.0
    assert speeds.update_seconds(one, threads=1, processes=2) == 4.0
    assert speeds.update_seconds(one, threads=2, processes=4) == 2.0


def test_one_run_on_more_threads_does_not_speak_for_other_shapes() -> None:
    alone = tuple(replace(one, threads=1) for one in MEASURED)
    run = measured(shape(40), threads=2, update_seconds=9.0, source="run")
    speeds = Speeds(2, (*alone, run))
    assert speeds.update_seconds(run.shape) == 9.0
    assert speeds.update_seconds(shape(200)) == pytest.approx(true_seconds(shape(200), 1), rel=0.1)
    assert speeds.update_seconds(run.shape, 2) == pytest.approx(18.0)


def test_a_runs_own_figure_stands_over_the_calibrations() -> None:
    one = shape(64)
    run = measured(one, update_seconds=3.0, source="run")
    assert Speeds(2, (run, measured(one))).update_seconds(one) == 3.0


def test_an_architecture_never_measured_borrows_its_kinds_speed() -> None:
    filters = tuple(measured(shape(width, name="cnn")) for width in (8, 32))
    speeds = Speeds(2, (*MEASURED, *filters))
    borrowed = speeds.update_seconds(shape(16, name="resnet20"))
    assert borrowed == pytest.approx(true_seconds(shape(16, name="resnet20"), 1), rel=1.0)


def test_nothing_measured_tells_nothing() -> None:
    assert Speeds(2).update_seconds(shape(64)) is None
    assert Speeds(2).example_seconds(shape(64)) is None

"""The estimate: this machine's figures times what will be done, and the room that it takes."""

from __future__ import annotations

from typing import Any

import pytest

from memlab.experiment import presets, reading
from memlab.experiment.cost import START_SECONDS, Cost, estimate, expected
from memlab.experiment.datasets import taken
from memlab.experiment.speeds import Measured, Shape, Speeds


def priced(speeds: Speeds | None = None, **tree: Any) -> Cost:
    found = estimate(reading.experiment(tree, "test"), "cpu", speeds)
    assert found is not None
    return found


def known(update: float, example: float, members: int, **tree: Any) -> Speeds:
    made = reading.experiment(tree, "test")
    data = taken(made.dataset)
    assert data is not None
    shape = Shape.taken(made, data)
    return Speeds(2, (Measured(shape, members, 2, 1, update, example),))


def test_updates_and_evaluations_take_what_was_measured() -> None:
    tree: dict[str, Any] = {"stop": {"updates": 500}, "evaluation": {"every": 1e6}, "seeds": 4}
    free = priced(known(1e-9, 1e-12, 4, **tree), **tree)
    updates = priced(known(1.0, 1e-12, 4, **tree), **tree)
    assert updates.seconds - free.seconds == pytest.approx(500, rel=1e-3)
    evaluations = priced(known(1e-9, 1.0, 4, **tree), **tree)
    assert evaluations.seconds - free.seconds == pytest.approx(2 * 4 * 1797, rel=1e-3)
    assert free.measured


def test_networks_on_images_are_trained_one_by_one() -> None:
    tree: dict[str, Any] = {"model": {"name": "cnn"}, "stop": {"updates": 100}, "seeds": 3}
    found = priced(known(1.0, 1e-12, 1, **tree), **tree)
    assert found.seconds == pytest.approx(300, abs=2)


def test_instruments_take_their_share() -> None:
    tree: dict[str, Any] = {"stop": {"updates": 1000}, "evaluation": {"every": 1e6}}
    speeds = known(1.0, 1e-12, 1, **tree)
    plain = priced(speeds, **tree)
    watched = priced(speeds, **tree, instruments={"on": ["default"], "share": 0.5})
    ratio = (watched.seconds - START_SECONDS) / (plain.seconds - START_SECONDS)
    assert ratio == pytest.approx(1.5, rel=0.01)
    assert watched.more
    assert watched.disk > plain.disk
    own = priced(speeds, **tree, instruments={"on": ["stiffness"], "cadence": 1.0})
    assert own.seconds > plain.seconds


def test_a_run_takes_no_longer_than_it_may() -> None:
    tree: dict[str, Any] = {"stop": {"updates": 1000, "seconds": 7}}
    assert priced(known(1.0, 1e-6, 1, **tree), **tree).seconds == pytest.approx(7 + START_SECONDS)


def test_baselines_take_their_time() -> None:
    tree: dict[str, Any] = {"stop": {"updates": 10}}
    assert priced(**tree, baselines={"on": ["all"]}).seconds > priced(**tree).seconds + 1


def test_a_machine_never_measured_is_told_apart() -> None:
    assert not priced().measured
    assert not priced(Speeds(2)).measured


def test_what_its_parts_cost_grows_with_memory_and_disk() -> None:
    small, many = priced(seeds=1), priced(seeds=100)
    assert many.disk > 50 * (small.disk - 30_000)
    assert many.memory > small.memory + 99 * 4 * 3 * small.parameters
    adam = priced(seeds=100, optimizer={"name": "adam"})
    assert adam.disk > 2.5 * (many.disk - 500_000)
    assert adam.memory >= many.memory + 100 * 8 * small.parameters


def test_the_noise_ladders_folder_is_what_one_run_had() -> None:
    """66.1 MB after 180 s on a busy machine: four checkpoints of 13.7 MB, 10.4 MB of ledger."""
    preset = next(one for one in presets.find_all() if one.name == "noise-ladder")
    made = preset.experiment()
    data = taken(made.dataset)
    assert data is not None
    slow = Speeds(2, (Measured(Shape.taken(made, data), 18, 2, 1, 0.05, 3e-6),))
    found = estimate(made, "cpu", slow)
    assert found is not None
    assert found.disk == pytest.approx(66.1e6, rel=0.2)
    assert found.more


@pytest.mark.parametrize("preset", presets.find_all(), ids=lambda preset: preset.name)
def test_every_preset_has_a_cost(preset: presets.Preset) -> None:
    found = estimate(preset.experiment(), "cpu", Speeds(2))
    assert found is None or (found.seconds > 0 and found.disk > 0 and found.memory > 0)


def test_what_is_expected_is_the_faster_of_one_process_and_one_for_each_core() -> None:
    made = reading.experiment({"seeds": 8, "stop": {"epochs": 50}}, "test")
    data = taken(made.dataset)
    assert data is not None
    shape = Shape.taken(made, data)

    def speeds(together: float, alone: float) -> Speeds:
        return Speeds(
            2,
            (
                Measured(shape, 8, 2, 1, together, 1e-7, "run"),
                Measured(shape, 8, 1, 1, alone, 1e-7, "run"),
            ),
        )

    spread, whole = expected(made, "cpu", speeds(0.01, 0.012)), expected(made, "cpu", speeds(1, 3))
    assert spread is not None
    assert whole is not None
    updates = spread.updates / 8
    assert spread.seconds == pytest.approx(updates * 0.006, rel=0.5)
    assert whole.seconds == pytest.approx(updates * 1, rel=0.1)

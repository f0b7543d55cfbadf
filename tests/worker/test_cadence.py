"""When instruments measure: fixed turns, and a share of the training time that is kept."""

from __future__ import annotations

import pytest

from memlab.worker.cadence import Cadence

COSTS = {"cheap": 0.05, "middle": 0.4, "dear": 2.0}


def simulated(costs: dict[str, float], share: float, epochs: int = 100, speed: float = 0.3):
    """A run of `epochs` at `speed` seconds each; turns by name, as epochs, and the cadence."""
    cadence = Cadence(share, frozenset(costs), {}, planned=epochs * speed)
    turns: dict[str, list[int]] = {name: [] for name in costs}
    for name, cost in costs.items():
        cadence.estimate(name, cost)
    for epoch in range(epochs + 1):
        for name in cadence.due(epoch, epoch / epochs, epoch == epochs):
            cadence.measured(name, costs[name])
            turns[name].append(epoch)
        cadence.training += speed
    return turns, cadence


@pytest.mark.parametrize("share", [0.05, 0.15, 0.5])
def test_the_whole_set_stays_within_its_share(share):
    _, cadence = simulated(COSTS, share)
    assert cadence.spent_share <= share
    assert cadence.spent_share >= 0.5 * share


def test_the_cheaper_has_more_turns_and_all_have_the_last_one():
    turns, _ = simulated(COSTS, 0.3)
    assert len(turns["cheap"]) > len(turns["middle"]) > len(turns["dear"]) >= 1
    assert all(found[-1] == 100 for found in turns.values())


def test_turns_are_closer_at_the_start():
    turns, _ = simulated({"one": 0.4}, 0.15)
    gaps = [b - a for a, b in zip(turns["one"], turns["one"][1:], strict=False)]
    assert turns["one"][0] == 0
    assert gaps[0] < gaps[-2]


def test_one_that_costs_more_than_the_share_is_never_measured():
    turns, cadence = simulated({"one": 0.2, "huge": 1_000.0}, 0.15)
    assert turns["huge"] == []
    assert cadence.spent_share <= 0.15
    assert len(turns["one"]) > 3


def test_an_estimate_that_was_far_too_low_does_not_break_the_share_for_long():
    costs = {"one": 1.0}
    cadence = Cadence(0.15, frozenset(costs), {}, planned=30.0)
    cadence.estimate("one", 0.01)
    for epoch in range(101):
        for name in cadence.due(epoch, epoch / 100, epoch == 100):
            cadence.measured(name, costs[name])
        cadence.training += 0.3
    assert cadence.spent_share <= 0.15


def test_one_that_is_measured_once_has_one_turn_and_the_others_keep_the_rest():
    costs = {"one": 0.2, "once": 1.0}
    cadence = Cadence(0.15, frozenset(costs), {"fixed": 10.0}, frozenset({"once", "fixed"}), costs)
    cadence.planned = 30.0
    turns = []
    for epoch in range(101):
        for name in cadence.due(epoch, epoch / 100, epoch == 100):
            cadence.measured(name, costs.get(name, 0.0))
            turns.append((name, epoch))
        cadence.training += 0.3
    assert [epoch for name, epoch in turns if name != "one"] == [0, 0]
    assert turns[-1] == ("one", 100)
    assert 0.1 <= cadence.spent_share <= 0.15


def test_one_that_is_measured_once_waits_for_its_share():
    cadence = Cadence(0.15, frozenset({"once"}), {}, frozenset({"once"}), {"once": 9.0})
    cadence.planned, cadence.training = 30.0, 30.0
    assert cadence.due(100.0, 1.0, True) == []
    cadence.training = 90.0
    assert cadence.due(100.0, 1.0, True) == ["once"]


def test_fixed_turns_come_at_multiples_and_at_the_end():
    cadence = Cadence(0.15, frozenset(), {"one": 3.0})
    found = [e for e in range(11) if cadence.due(float(e), e / 10, e == 10)]
    assert found == [0, 3, 6, 9, 10]


def test_a_restored_cadence_goes_on_as_the_one_that_was_kept():
    cadence = Cadence(0.15, frozenset({"a"}), {"b": 2.0}, planned=10.0)
    cadence.estimate("a", 0.1)
    cadence.training = 3.0
    for name in cadence.due(0.0, 0.0, False):
        cadence.measured(name, 0.1)
    other = Cadence(0.15, frozenset({"a"}), {"b": 2.0}, planned=10.0)
    other.restore(cadence.state())
    for epoch in range(1, 8):
        assert other.due(epoch, epoch / 10, False) == cadence.due(epoch, epoch / 10, False)

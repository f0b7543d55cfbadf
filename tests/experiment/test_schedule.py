"""Schedules against their closed forms, and the timeline of updates."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memlab.experiment.schedule import Timeline, noise_scale, rate_factor
from memlab.experiment.spec import Experiment
from memlab.experiment.training_spec import OptimizerSpec, ScheduleSpec


def smith(kind: str, batch: int = 128, limit: int | None = None) -> Timeline:
    tree: dict[str, Any] = {
        "optimizer": {"batch_size": batch},
        "schedule": {"kind": kind, "milestones": [60, 120, 160], "max_batch": limit},
        "stop": {"epochs": 200},
    }
    return Timeline(Experiment.model_validate(tree), 50_000)


@pytest.mark.parametrize(
    ("kind", "batch", "limit", "updates"),
    [
        ("decay-rate", 128, None, 78_125),
        ("hybrid", 128, None, 34_375),
        ("grow-batch", 128, None, 28_875),
        ("grow-batch", 640, 5_120, 6_406),
        ("grow-batch", 3_200, 5_120, 2_304),
    ],
)
def test_smiths_schedules_take_exactly_as_many_updates_as_their_closed_forms(
    kind, batch, limit, updates
):
    assert smith(kind, batch, limit).updates == updates


def test_steps_divide_the_rate_at_each_milestone():
    spec = ScheduleSpec(kind="step", milestones=(2, 4), factor=10)
    assert [rate_factor(spec, e, 6) for e in (0, 1.9, 2, 3.9, 4, 6)] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01, 0.01]
    )


@given(st.floats(0, 10))
def test_cosine_is_its_closed_form(epoch):
    spec = ScheduleSpec(kind="cosine", floor=0.1)
    expected = 0.1 + 0.9 * (1 + math.cos(math.pi * epoch / 10)) / 2
    assert rate_factor(spec, epoch, 10) == pytest.approx(expected)


def test_exponential_and_cyclic_rates():
    zhang = ScheduleSpec(kind="exponential", factor=1 / 0.95, period=1)
    assert rate_factor(zhang, 3.5, 100) == pytest.approx(0.95**3)
    cyclic = ScheduleSpec(kind="cyclic", factor=5, period=10)
    assert [rate_factor(cyclic, e, 100) for e in (0, 4.9, 5, 9.9, 10)] == [0.2, 0.2, 1, 1, 0.2]


def test_a_pulse_is_the_full_rate_between_its_milestones_alone():
    pulse = ScheduleSpec(kind="pulse", factor=10, milestones=(3, 5))
    assert [rate_factor(pulse, e, 9) for e in (0, 2.9, 3, 4.9, 5, 8)] == [0.1, 0.1, 1, 1, 0.1, 0.1]
    with pytest.raises(ValueError, match="pulse needs two milestones"):
        ScheduleSpec(kind="pulse", milestones=(3,))


def test_warm_up_rises_linearly_to_the_first_rate():
    tree = {"schedule": {"warmup": 2}, "optimizer": {"batch_size": 10}, "stop": {"epochs": 4}}
    timeline = Timeline(Experiment.model_validate(tree), 100)
    factors = [timeline.rate_factor(u) for u in range(timeline.updates)]
    assert factors[:20] == pytest.approx([(u + 1) / 20 for u in range(20)])
    assert factors[20:] == [1.0] * 20


def test_hybrid_grows_the_batch_first_and_decays_the_rate_later():
    timeline = smith("hybrid")
    assert [phase.batch_size for phase in timeline.phases] == [128, 640]
    first, second = timeline.phases
    assert timeline.rate_factor(second.first_update) == 1.0
    assert timeline.rate_factor(timeline.updates - 1) == pytest.approx(1 / 25)
    assert first.updates == 23_437


@given(
    st.integers(10, 2000),
    st.integers(1, 300),
    st.floats(0.5, 30),
    st.floats(0.1, 5),
    st.sampled_from(["constant", "grow-batch", "hybrid", "cyclic-batch"]),
)
@example(10, 1, 1.75, 1.75, "cyclic-batch")
def test_timeline_borders_fall_on_the_nearest_update(examples, batch, epochs, every, kind):
    batch = min(batch, examples)
    tree = {
        "optimizer": {"batch_size": batch},
        "schedule": {"kind": kind, "milestones": [epochs / 3, epochs / 2]},
        "stop": {"epochs": epochs},
        "evaluation": {"every": every},
    }
    timeline = Timeline(Experiment.model_validate(tree), examples)
    assert timeline.updates >= 1
    seen = 0
    for phase in timeline.phases:
        assert phase.first_example == seen
        assert phase.batch_size <= examples
        seen += phase.updates * phase.batch_size
    largest = min(batch * 25, examples)
    assert abs(seen - epochs * examples) <= largest / 2 + 1 or timeline.updates == 1
    evaluations = timeline.evaluations()
    updates = [update for update, _ in evaluations]
    assert updates[0] == 0
    assert updates[-1] == timeline.updates
    assert updates == sorted(set(updates))
    for update, epoch in evaluations[1:-1]:
        assert abs(timeline.examples_before(update) - epoch * examples) <= largest
    traces = timeline.traces()
    assert set(evaluations) <= set(traces)
    assert traces == evaluations or len(evaluations) < 7
    assert [update for update, _ in traces] == sorted({update for update, _ in traces})
    rising = [other[1] - one[1] for one, other in itertools.pairwise(traces)]
    assert min(rising) >= 0  # evaluations themselves may share the last epoch


def test_traces_are_spread_over_the_training_where_it_is_hardly_evaluated():
    tree = {"optimizer": {"batch_size": 50}, "stop": {"epochs": 20}, "evaluation": {"every": 20}}
    timeline = Timeline(Experiment.model_validate(tree), 700)
    assert [epoch for _, epoch in timeline.traces()] == list(range(21))
    assert len(timeline.evaluations()) == 2


def test_noise_scale_counts_momentum():
    optimizer = OptimizerSpec(learning_rate=0.1, batch_size=100, momentum=0.9)
    assert noise_scale(optimizer, 50_000) == pytest.approx(0.1 * 50_000 / 100 / 0.1)

"""Plans: what was measured fastest, every network once, every process its share."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from memlab.engines import planner
from memlab.engines.planner import Candidate, chosen, spread
from memlab.experiment import grid, reading
from memlab.experiment.speeds import Measured, Shape, Speeds
from memlab.runs.plan import covers
from memlab.training.plan import Group, groups_of

CPU = torch.device("cpu")


def groups(seeds: int, epochs: float = 100, **axes: list[float]) -> list[Group]:
    tree = {"seeds": seeds, "stop": {"epochs": epochs}, "axes": axes}
    members = grid.members(reading.experiment(tree, "test"))
    return groups_of(members, [1000] * len(members), [80_000] * len(members))


def shapes(made: list[Group]) -> list[Shape]:
    return [Shape.of(g.members[0].experiment, (1, 8, 8), 64, 10) for g in made]


def speeds(shape: Shape, figures: dict[tuple[int, int, int], float]) -> Speeds:
    """`figures`: seconds an update by (width, processes, threads)."""
    return Speeds(
        2,
        tuple(
            Measured(shape, width, threads, processes, seconds, seconds / 1e4, "run")
            for (width, processes, threads), seconds in figures.items()
        ),
    )


@pytest.mark.parametrize(
    ("figures", "widths", "processes"),
    [
        ({(20, 1, 2): 0.010, (10, 2, 1): 0.006}, [10, 10], 2),  # side by side
        ({(20, 1, 2): 0.010, (10, 2, 1): 0.011}, [20], 1),  # no faster: a single process
        ({(20, 1, 2): 0.010, (10, 2, 1): 0.0103}, [20], 1),  # hardly faster, evaluations included
        ({(20, 1, 2): 0.010, (10, 2, 1): 0.009, (8, 2, 1): 0.002}, [5, 5, 5, 5], 2),  # the cache
        ({(10, 2, 1): 0.009}, [10, 10], 2),  # threads could not be timed
    ],
)
def test_the_plan_is_what_was_measured_fastest(figures, widths, processes) -> None:
    made = groups(20)
    shape = shapes(made)[0]
    plan = chosen(made, [shape], speeds(shape, figures), CPU, 2)
    assert [len(stack) for stack in plan.stacks] == widths
    assert (plan.processes, plan.threads) == (processes, 2 // processes)


@pytest.mark.parametrize(("epochs", "processes"), [(2, 1), (40, 2)])
def test_a_short_run_forks_only_where_that_saves_more_than_it_costs(epochs, processes) -> None:
    made = groups(20, epochs=epochs)
    shape = shapes(made)[0]
    updates = made[0].timeline.updates
    figures = speeds(shape, {(20, 1, 2): 0.002, (10, 2, 1): 0.001})
    assert (updates * 0.001 > 2 * planner.LEAST_SECONDS) == (processes == 2)
    assert chosen(made, [shape], figures, CPU, 2).processes == processes


def test_what_is_unknown_and_long_is_tried_and_what_is_short_is_not() -> None:
    asked: list[list[Candidate]] = []

    def trials(group: Group, candidates: list[Candidate]) -> Speeds:
        asked.append(candidates)
        return speeds(shapes([group])[0], {(20, 1, 2): 0.010, (10, 2, 1): 0.006})

    made = groups(20, epochs=1)
    assert chosen(made, shapes(made), Speeds(2), CPU, 2, trials).processes == 1
    assert not asked
    made = groups(20, epochs=1000)
    assert chosen(made, shapes(made), Speeds(2), CPU, 2, trials).processes == 2
    assert {c.processes for c in asked[0]} == {1, 2}


def test_the_user_and_the_cores_bound_the_processes(monkeypatch) -> None:
    made = groups(20)
    figures = speeds(shapes(made)[0], {(20, 1, 2): 0.010, (10, 2, 1): 0.006})
    assert chosen(made, shapes(made), figures, CPU, 1).processes == 1
    monkeypatch.setenv(planner.PROCESSES, "1")
    assert chosen(made, shapes(made), figures, CPU, 2).processes == 1


@given(
    seeds=st.integers(1, 60),
    width=st.integers(1, 70),
    processes=st.integers(1, 9),
)
def test_every_network_stands_in_one_stack_and_the_stacks_are_even(seeds, width, processes) -> None:
    made = groups(seeds)
    plan = spread(made, Candidate(width, processes, 1))
    assert covers(plan, range(seeds))
    sizes = [len(stack) for stack in plan.stacks]
    assert max(sizes) <= width
    assert max(sizes) - min(sizes) <= 1
    assert plan.processes == min(processes, len(sizes))


def test_networks_of_different_shapes_never_share_a_stack() -> None:
    made = groups(3, **{"model.width": [16, 32]})
    plan = spread(made, Candidate(100, 2, 1))
    home = {m.index: at for at, group in enumerate(made) for m in group.members}
    assert all(len({home[m] for m in stack}) == 1 for stack in plan.stacks)
    assert covers(plan, range(6))


@pytest.mark.parametrize(
    ("model", "batch", "image", "widths", "layout"),
    [
        ({"name": "cnn", "width": 8}, 32, (1, 8, 8), [20], "contiguous"),
        ({"name": "cnn", "width": 32}, 128, (3, 32, 32), [1] * 20, "channels_last"),
        ({"name": "resnet20", "width": 16}, 128, (3, 32, 32), [1] * 20, "channels_last"),
        ({"name": "mlp", "width": 64, "depth": 2}, 128, (1, 8, 8), [20], "contiguous"),
    ],
)
def test_on_a_gpu_small_convolutional_networks_stand_side_by_side(
    model, batch, image, widths, layout
) -> None:
    features = image[0] * image[1] * image[2]
    tree = {"model": model, "optimizer": {"batch_size": batch}, "seeds": 20}
    members = grid.members(reading.experiment(tree, "test"))
    made = groups_of(members, [1000] * 20, [80_000] * 20)
    shape = Shape.of(members[0].experiment, image, features, 10)
    plan = chosen(made, [shape], Speeds(2), torch.device("cuda:0"), 16)
    assert [len(stack) for stack in plan.stacks] == widths
    assert (plan.processes, plan.layout) == (1, layout)
    alone = [1] * 20 if model["name"] != "mlp" else [20]
    on_mps = chosen(made, [shape], Speeds(2), torch.device("mps"), 16)  # where nobody has measured
    assert [len(stack) for stack in on_mps.stacks] == alone
    on_cpu = chosen(made, [shape], Speeds(2), CPU, 1)
    assert [len(stack) for stack in on_cpu.stacks] == alone


def test_on_a_gpu_no_more_stand_side_by_side_than_memory_has_room_for(monkeypatch) -> None:
    tree = {"model": {"name": "cnn", "width": 8}, "optimizer": {"batch_size": 32}, "seeds": 20}
    members = grid.members(reading.experiment(tree, "test"))
    made = groups_of(members, [1000] * 20, [80_000] * 20)
    shape = Shape.of(members[0].experiment, (1, 8, 8), 64, 10)
    monkeypatch.setattr(planner, "GPU_BYTES", 4 * 1024 * 1024)
    plan = chosen(made, [shape], Speeds(2), torch.device("cuda:0"), 16)
    assert 1 < len(plan.stacks) < 20

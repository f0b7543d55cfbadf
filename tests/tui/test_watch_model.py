from __future__ import annotations

import math

import numpy as np
import pytest
from synthetic_run import LADDER, SyntheticRun, start

from memlab import reports
from memlab.experiment import plugins
from memlab.experiment.datasets import Facts, Sizes
from memlab.experiment.reading import experiment, from_toml
from memlab.runs.curve import Curve
from memlab.runs.guessing import Guessing
from memlab.runs.state import RunState
from memlab.runs.view import RunView
from memlab.tui.axis_values import axis_title, axis_values, is_numeric
from memlab.tui.watch import model
from memlab.tui.watch.reader import KEPT_POINTS, Request, WatchReader


def curve(*mean: float) -> Curve:
    values = np.array(mean, float)
    epoch = np.arange(len(values), dtype=float)
    whole = epoch.astype(int)
    return Curve(
        epoch, values, values, values, values, values, whole, values, values, epoch, values
    )


def made(text: str = LADDER):
    return experiment(from_toml(text, "test"), "test")


@pytest.fixture
def run(tmp_path) -> SyntheticRun:
    return start(tmp_path)


def test_memorization_begins_where_more_lies_are_repeated_than_seen_through_for_good() -> None:
    fitted = curve(0.1, 0.2, 0.1, 0.4, 0.6, 0.8)
    recovered = curve(0.1, 0.1, 0.6, 0.6, 0.5, 0.2)
    assert model.memorization_moment(fitted, recovered) == 4.0


def test_no_moment_while_the_network_sees_through_the_lies() -> None:
    assert model.memorization_moment(curve(0.1, 0.2), curve(0.1, 0.6)) is None


def test_no_moment_without_lies() -> None:
    nothing = curve(math.nan, math.nan)
    assert model.memorization_moment(nothing, nothing) is None
    assert model.memorization_moment(curve(), curve()) is None


def test_best_is_the_first_of_equal_epochs_and_ignores_gaps() -> None:
    assert model.best_of(curve(0.1, 0.9, math.nan, 0.9, 0.5)) == (0.9, 1.0)
    assert model.best_of(curve(math.nan)) is None


def test_sparkline_so_far_is_as_long_as_the_share_of_epochs_behind() -> None:
    values = curve(*np.linspace(0, 1, 51))
    assert len(model.so_far(values, 20, 100, 0, 1)) == 10
    assert len(model.so_far(values, 20, 50, 0, 1)) == 20
    assert len(model.so_far(values, 20, None, 0, 1)) == 20
    assert len(model.so_far(curve(0.1, 0.5), 20, 2, 0, 1)) == 10


def test_axis_values_line_up_and_keep_their_colour_by_position() -> None:
    values = axis_values(made())
    assert [value.short for value in values] == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
    assert values[2].label == "noise 0.4"
    assert values[2].members == (6, 7, 8)
    assert len({value.colour for value in values}) == 6
    assert axis_title(made(), long=True) == "label noise"
    assert is_numeric(made())


def test_axis_over_sections_is_named_by_its_values() -> None:
    text = "seeds = 1\n[axes]\nregularization = [{}, { dropout = 0.5 }]\n"
    assert [v.short for v in axis_values(made(text))] == ["plain", "dropout=0.5"]
    assert not is_numeric(made(text))


def test_experiment_without_axes_has_one_value() -> None:
    values = axis_values(made("seeds = 2"))
    assert [value.short for value in values] == ["all"]


def test_facts_leave_out_what_is_an_axis() -> None:
    assert model.facts(made(), "noise-ladder") == (
        "noise-ladder · digits 1,000 · mlp 2×256 · η 0.1 · S 128"
    )
    text = '[axes]\n"model.width" = [16, 64]\n"optimizer.learning_rate" = [0.1, 0.2]\n'
    assert model.facts(made(text), "x") == "x · digits · mlp 2 · S 128"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("starting", "torch"),
        ("paused", "space"),
        ("stopping", "checkpoint"),
        ("finished", "3"),
        ("interrupted", "u"),
    ],
)
def test_every_state_says_what_it_means_or_which_key_helps(state, words) -> None:
    assert words in model.sentence(RunState(state), 7.0)


def test_failure_says_its_reason_and_where_to_look() -> None:
    said = model.sentence(RunState("failed", message="No space on /data."), None)
    assert "No space on /data" in said
    assert "worker.log" in said


def test_caption_names_the_lie() -> None:
    assert model.caption(3, 8) == "3 as 8"
    assert model.caption(3, 3) == "3"


def test_reader_before_the_first_row_says_what_it_waits_for(run) -> None:
    frame = WatchReader(run.folder).read(Request())
    assert frame.epoch is None
    assert all(content.empty == model.WAITING for content in frame.charts.values())
    assert all(standing.unseen is None for standing in frame.standings)


def test_reader_gives_six_curves_five_with_lies_and_their_moments(run) -> None:
    run.grow(101)
    frame = WatchReader(run.folder).read(Request(points=64))
    charts = frame.charts
    assert [len(charts[page].series) for page in ("truth", "lies", "unseen")] == [6, 5, 6]
    assert len(charts["lies"].marks) == 5
    assert [mark.label for mark in charts["lies"].marks].count("memorizes") == 1
    assert all(len(series.x) <= 64 for series in charts["truth"].series)
    assert charts["truth"].series[0].minimum is not None
    assert frame.pictures
    assert " as " in frame.pictures[0].caption


def test_reader_reads_nothing_new_twice(run) -> None:
    run.grow(3)
    reader = WatchReader(run.folder)
    assert reader.read(Request()) is not None
    assert reader.read(Request()) is None
    assert reader.read(Request(loss=True)) is not None
    run.grow(1)
    assert reader.read(Request(loss=True)) is not None


def test_highlighted_value_alone_is_marked_and_pictured(run) -> None:
    run.grow(101, pictures=6)
    frame = WatchReader(run.folder).read(Request(cursor="2", highlighted=True))
    assert len(frame.charts["unseen"].marks) == 1
    assert len(frame.charts["unseen"].series) == 6


def test_run_without_corruption_explains_its_empty_chart(tmp_path) -> None:
    run = start(tmp_path, 'title = "Clean"\nseeds = 2')
    run.grow(4)
    frame = WatchReader(run.folder).read(Request())
    assert frame.charts["lies"].empty == model.NO_LIES


def test_many_axis_values_are_all_in_the_table_and_twelve_in_the_charts(tmp_path) -> None:
    fractions = ", ".join(f"{i / 50}" for i in range(1, 41))
    run = start(
        tmp_path, f'[corruption]\nkind = "labels"\n[axes]\n"corruption.fraction" = [{fractions}]'
    )
    run.grow(4)
    frame = WatchReader(run.folder).read(Request(cursor="5", highlighted=True))
    assert len(frame.standings) == 40
    names = [series.name for series in frame.charts["lies"].series]
    assert "5" in names
    assert len(names) == 13


def test_what_is_kept_of_curves_is_bounded_and_the_best_epoch_stays_exact(run) -> None:
    reader = WatchReader(run.folder)
    for rows in (10, KEPT_POINTS, 1, KEPT_POINTS, 66):
        run.grow(rows, pictures=0)
        frame = reader.read(Request())
    assert frame is not None
    kept = [len(curve.moments.epoch) for curve in reader.view._curves.values()]
    assert len(kept) >= 6 * 4  # axis values, and truth, lies, seen through, unseen
    assert max(kept) <= KEPT_POINTS
    exact = RunView(run.folder)
    for value, standing in zip(frame.values, frame.standings, strict=True):
        best = model.best_of(exact.curve("validation_accuracy", value.members))
        assert (standing.best, standing.best_epoch) == best
        assert standing.unseen is not None
        newest = exact.latest("validation_accuracy")[list(value.members)]
        assert standing.unseen.mean == pytest.approx(newest.mean())


class Point:
    """An entry point of another package, which leads to `found`."""

    value = "rings:RINGS"

    def __init__(self, found: object) -> None:
        self.found = found

    def load(self) -> object:
        return self.found


def of_three_classes(tmp_path, monkeypatch: pytest.MonkeyPatch) -> SyntheticRun:
    """A run on a third party's dataset of three classes, which has said nothing of them yet."""
    rings = Facts("rings", "three rings", 3, (2,), 300, None, Sizes(180, 60, 60))
    here = {plugins.DATASETS: {"rings": Point(rings)}}
    monkeypatch.setattr(plugins, "points", lambda group: here.get(group, {}))
    return start(tmp_path, LADDER.replace('"digits"', '"rings"'))


def test_chance_of_a_third_partys_dataset_is_one_in_its_declared_classes(
    tmp_path, monkeypatch
) -> None:
    run = of_three_classes(tmp_path, monkeypatch)
    frame = WatchReader(run.folder).read(Request())
    assert frame is not None
    assert frame.chance == pytest.approx(1 / 3)


def test_chance_is_what_the_run_says_and_its_report_too(tmp_path, monkeypatch) -> None:
    run = of_three_classes(tmp_path, monkeypatch)
    reader = WatchReader(run.folder)
    run.log.append("stack-started", stack=0, members=[0], classes=4)
    run.grow(2)
    frame = reader.read(Request())
    assert frame is not None
    assert frame.chance == reports.build(run.folder).chance == 0.25
    run.log.append("stack-started", stack=1, members=[1], classes=4, majority_share=0.5)
    frame = reader.read(Request())
    assert frame is not None
    assert frame.chance == reports.build(run.folder).chance == 0.5


def test_no_chance_is_drawn_where_nothing_tells_the_classes() -> None:
    own = made(LADDER.replace('"digits"', '"npz:/data/mine.npz"'))
    assert model.chance(own, Guessing()) is None
    several = made(LADDER.replace("[axes]", '[axes]\n"dataset.name" = ["digits", "cifar100"]'))
    assert model.chance(several, Guessing({10})) is None
    assert model.chance(made(LADDER.replace("digits", "cifar100")), Guessing()) == 0.01


def test_what_is_no_picture_has_no_size() -> None:
    assert model.picture(made()) == (8, 8)
    assert model.picture(made(LADDER.replace("digits", "mnist1d"))) == ()
    assert model.picture(made(LADDER.replace("digits", "npz:/data/mine.npz"))) is None

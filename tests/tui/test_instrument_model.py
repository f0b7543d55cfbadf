from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from instrumented_run import instrumented, ledger, measure, members_of

from memlab.experiment.instruments import BUILT_IN, Quantity, headline_name, percentiles
from memlab.reports import build
from memlab.runs.event_log import Event
from memlab.runs.ledger import read_ledger
from memlab.runs.run import Run
from memlab.text import plain
from memlab.tui.watch import instrument_model as model
from memlab.tui.watch.example_stream import example_stream, moments
from memlab.tui.watch.instrument_lines import InstrumentEvents, instrument_lines
from memlab.tui.watch.instruments_reader import common_grid

NAN = math.nan


@pytest.mark.parametrize(
    ("mean", "half", "text"),
    [
        (0.4123, 0.052, ".41 ± .05"),
        (12.34, NAN, "12.3"),
        (115.2, 12.0, "115 ± 12"),
        (0.00412, 0.0002, ".0041 ± .0002"),
        (2.31e-5, 4e-6, "(2.3 ± .4)e−5"),
        (-3.2e8, NAN, "−3.20e8"),
        (0.0, 0.0, ".000 ± .000"),
        (NAN, NAN, "–"),
        (math.inf, NAN, "∞"),
        (None, NAN, "·"),
        (5e-324, NAN, ".00e−324"),
    ],
)
def test_figures_have_the_digits_that_their_interval_supports(mean, half, text) -> None:
    assert model.figure(mean, half) == text


def test_short_names_say_a_shared_word_once() -> None:
    names = ("stiffness", "gradient-noise", "curvature-trace")
    short = [headline_name(name, model.card(name).headline) for name in names]
    assert short == ["stiffness, within", "gradient noise scale", "curvature trace"]


def test_every_quantity_of_every_instrument_has_a_drawing_and_an_abscissa_that_exists() -> None:
    for name in BUILT_IN:
        shown = model.card(name)
        assert all(model.drawing(quantity) for quantity in shown.quantities)
        assert model.listed(shown, ())[0].name == shown.headline
        for quantity in shown.quantities:
            if quantity.against is not None and not quantity.against.places:
                other = shown.quantity(quantity.against.name)
                assert other is not None
                assert quantity.shape == other.shape
                assert other not in model.listed(shown, ())


def test_quantiles_stand_at_the_percentages_of_their_declaration() -> None:
    quantity = model.card("margins").quantity("quantiles")
    assert quantity is not None
    assert model.places(quantity, 7) == ([1, 5, 25, 50, 75, 95, 99], "percentile")
    assert model.places(quantity, 3) == ([0, 1, 2], "quantile")
    assert model.places(Quantity("x", "at 5 %", shape=("layer",)), 1) == ([0], "layer")
    theirs = Quantity("x", "by share", shape=("tenth",), against=percentiles((0.1, 0.9)))
    assert model.places(theirs, 2) == ([10, 90], "percentile")


def test_quantiles_are_measured_at_the_percentages_that_the_words_name() -> None:
    for name, quantity in (("margins", "quantiles"), ("gradient-noise", "norms")):
        shown = model.card(name).quantity(quantity)
        assert shown is not None
        assert shown.against is not None
        assert ", ".join(f"{place:g}" for place in shown.against.places) in shown.about


def test_instrument_of_another_machine_is_described_by_its_table() -> None:
    shown = model.card("somebody-elses", {"score": (), "map": (3, 3)})
    assert shown.headline == "score"
    assert [model.drawing(q) for q in shown.quantities] == ["over time", "heat map"]


def test_costs_add_stacks_and_take_the_last_word_of_each() -> None:
    def event(seq: int, type: str, **data: object) -> Event:
        return Event(seq, 0.0, type, data)

    told = model.costs(
        [
            event(1, "instruments-cost", stack=0, seconds={"ledger": 9.0}, training=1.0),
            event(2, "instruments-cost", stack=0, seconds={"ledger": 1.0}, training=60.0),
            event(3, "instruments-cost", stack=1, seconds={"ledger": 2.0}, training=40.0),
            event(4, "instrument-failed", instrument="curvature", reason="it broke"),
        ]
    )
    assert told.said("ledger") == "3.0 % of training time"
    assert told.said("margins") == ""
    assert told.failed == {"curvature": "it broke"}


def test_failure_is_remembered_however_many_events_follow(tmp_path: Path) -> None:
    run = instrumented(tmp_path)
    told = InstrumentEvents(run.folder)
    run.log.append("instrument-failed", instrument="curvature", stack=0, reason="broken")
    assert told.read().failed == {"curvature": "broken"}
    for _ in range(50):
        run.log.append("checkpoint")
    assert told.read().failed == {"curvature": "broken"}


def test_what_an_instrument_says_of_how_it_measures_stands_beside_its_figure(
    tmp_path: Path,
) -> None:
    run = instrumented(tmp_path)
    measure(run, "margins", clean=np.ones((1, members_of(run))))
    for note in ("one.", "one.", "\x1b[2Jtwo."):
        run.log.append("instrument-note", instrument="margins", stack=0, note=note)
    run.log.append("instrument-note", instrument=None, stack=0, note=3)
    told = InstrumentEvents(run.folder).read()
    assert told.notes == {"margins": ("one.", plain("\x1b[2Jtwo."))}
    opened = Run(run.folder)
    opened.view.refresh()
    (line,) = instrument_lines(opened.view, ("margins",), told, range(members_of(run)))
    assert line.note == " ".join(told.notes["margins"])
    assert build(opened).instruments["margins"].notes == told.notes["margins"]


def test_members_with_grids_of_their_own_are_averaged_where_each_has_its_mass() -> None:
    xs = np.array([[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]])
    grid, ys = common_grid(xs, np.ones((2, 3)), 0.0)
    assert (grid[0], grid[-1]) == (0.0, 4.0)
    assert (ys[0, grid > 2.0] == 0).all()
    assert (ys[1, grid < 2.0] == 0).all()
    same, kept = common_grid(np.tile(xs[:1], (2, 1)), np.ones((2, 3)), 0.0)
    assert same.tolist() == [0, 1, 2]
    assert kept.shape == (2, 3)
    assert common_grid(np.full((2, 3), np.nan), np.ones((2, 3)), 0.0)[0].size == 0


def test_stream_tells_what_was_learned_last_and_what_is_forgotten_now(tmp_path: Path) -> None:
    run = instrumented(tmp_path)
    # given 8 7 6 5; the first is corrupted (a 3); epoch 0 is the untrained network
    ledger(run, [[8, 7, 0, 5], [3, 7, 0, 0], [3, 7, 6, 0], [8, 2, 6, 0]])
    (view,) = read_ledger(run.folder)
    learned, forgotten = moments(view, 0)
    assert [(m.example, m.epoch) for m in learned] == [(0, 3.0), (2, 2.0)]
    assert [(m.example, m.epoch, m.predicted) for m in forgotten] == [(1, 3.0, 2)]
    stream = example_stream([view], (0, 1, 2))
    assert [t.caption for t in stream.learned] == ["3 as 8", "6"]
    assert [t.caption for t in stream.forgotten] == ["7→2"]
    assert stream.learned[0].colour != stream.learned[1].colour
    assert stream.learned_note == "epochs 2–3"
    assert stream.forgotten_note == "1 a network"
    assert example_stream([view], ()).learned == ()


def test_newest_figures_come_from_the_newest_row(tmp_path: Path) -> None:
    from memlab.runs.view import RunView
    from memlab.tui.watch.instrument_lines import instrument_lines

    run = instrumented(tmp_path)
    rows = np.stack([np.full(18, 0.9), np.repeat(np.arange(6) / 10, 3)])
    measure(run, "stiffness", (0.0, 20.0), within=rows)
    view = RunView(run.folder)
    lines = instrument_lines(view, ("stiffness", "curvature"), model.costs(()), (3, 4, 5), 40.0)
    assert [line.value for line in lines] == [".100 ± .000", ""]
    assert lines[1].waits
    assert not lines[0].waits
    assert lines[0].spark[0] == "█"
    assert lines[0].spark[-1] == "▁"
    assert len(lines[0].spark) == 12  # half of the epochs are behind

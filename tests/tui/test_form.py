from __future__ import annotations

from pathlib import Path

import pytest

from memlab.experiment import presets, reading
from memlab.experiment.datasets import taken
from memlab.experiment.measuring_spec import InstrumentsSpec
from memlab.experiment.speeds import Measured, Shape, Speeds
from memlab.runs import calibration
from memlab.tui.compose import cost, form
from memlab.tui.compose.form import Draft
from memlab.tui.compose.model import cell, evaluate
from memlab.tui.widgets.field import Field


def draft(name: str = "noise-ladder") -> Draft:
    return Draft(name, presets.find(name).tree)


def row(made: Draft, key: str) -> Field:
    return next(field for field in form.rows(made, form.read(made)) if field.key == key)


@pytest.mark.parametrize("preset", presets.find_all(), ids=lambda preset: preset.name)
def test_every_preset_makes_a_form_without_changes_or_errors(preset: presets.Preset) -> None:
    made = Draft(preset.name, preset.tree)
    read_as = form.read(made)
    rows = form.rows(made, read_as)
    assert read_as.experiment == preset.experiment()
    assert not any(field.changed or field.error for field in rows)
    assert len({field.key for field in rows}) == len(rows)


@pytest.mark.parametrize("preset", presets.find_all(), ids=lambda preset: preset.name)
def test_typing_what_is_shown_changes_nothing(preset: presets.Preset) -> None:
    made = Draft(preset.name, preset.tree)
    for field in form.rows(made, form.read(made)):
        again = made.with_text(field.key, field.value)
        assert not again.changed, field.key


def test_every_field_of_the_experiment_has_a_row() -> None:
    keys = {field.key for field in form.rows(draft(), form.read(draft()))}
    assert {*reading.field_names(), "seeds"} <= keys


@pytest.mark.parametrize(
    ("text", "shown", "values"),
    [("0.3", "0.3", 0), ("0, 0.5", "0, 0.5", 2), ("0:1:0.25", "0, 0.25, 0.5, 0.75, 1", 5)],
)
def test_one_value_a_list_and_a_range(text: str, shown: str, values: int) -> None:
    field = row(draft().with_text("corruption.fraction", text), "corruption.fraction")
    assert (field.value, field.axis, field.changed, field.error) == (shown, values, True, "")


def test_a_value_typed_back_is_no_change() -> None:
    made = draft().with_text("optimizer.learning_rate", "0.5")
    assert made.changed
    assert not made.with_text("optimizer.learning_rate", "0.10").changed
    assert not made.without("optimizer.learning_rate").changed


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("corruption.fraction", "1.5", "less than or equal to 1"),
        ("corruption.fraction", "0, 1.5", "less than or equal to 1"),
        ("optimizer.learning_rate", "fast", "number"),
        ("optimizer.batch_size", "2000", "1,000 training examples"),
        ("optimizer.batch_size", "0", "greater than or equal to 1"),
        ("optimizer.nesterov", "yes", "momentum"),
        ("model.name", "mpl", "did you mean 'mlp'"),
        ("dataset.name", "digitz", "did you mean 'digits'"),
        ("schedule.milestones", "5, 3", "ascending"),
        ("schedule.factor", "1:0:1", "low ≤ high"),
        ("corruption.fraction", "0.2, 0.2", "twice"),
        ("model.ghost_batch", "32", "batch normalization"),
        ("seeds", "0", "greater than or equal to 1"),
        ("seeds", "true", "count such as 3"),
    ],
)
def test_an_error_is_a_sentence_in_the_row_that_caused_it(key: str, text: str, says: str) -> None:
    made = draft().with_text(key, text)
    read_as = form.read(made)
    assert read_as.experiment is None
    assert says in row(made, key).error
    assert [field.key for field in form.rows(made, read_as) if field.error] == [key]
    assert row(made, key).value == text


def test_two_wrong_rows_have_an_error_each() -> None:
    made = draft().with_text("corruption.fraction", "2").with_text("seeds", "x")
    assert set(form.read(made).errors) == {"corruption.fraction", "seeds"}


def test_variants_of_a_section_are_typed_as_pairs() -> None:
    made = draft("regularizers")
    field = row(made, "regularization")
    assert field.value.startswith("plain, dropout=0.3, dropout=0.5")
    assert field.axis == 9
    fewer = made.with_text("regularization", "plain, dropout=0.5 weight_decay=0.01")
    experiment = form.read(fewer).experiment
    assert experiment is not None
    assert experiment.axes["regularization"] == [{}, {"dropout": 0.5, "weight_decay": 0.01}]


def test_a_field_inside_an_axis_of_variants_says_so() -> None:
    made = draft("regularizers").with_text("regularization.dropout", "0.9")
    assert "axis" in row(made, "regularization.dropout").error


def test_an_empty_field_is_its_default() -> None:
    made = draft().with_text("model.width", "")
    field = row(made, "model.width")
    assert (field.value, field.unit, field.changed) == ("", "(256)", True)


def test_cost_is_worded_and_large_grids_ask() -> None:
    shown = evaluate(draft(), "cpu")
    assert shown.note.lines[0] == "18 networks · 1 shape in 1 stack"
    assert "56,250 updates" in shown.note.lines[1]
    assert not shown.note.question
    large = draft().with_text("seeds", "5000")
    assert form.read(large).experiment is not None
    assert "30,000 networks" in evaluate(large, "cpu").note.question
    assert "GPU" in evaluate(draft("smith-wrn"), "cuda").note.question


def test_the_drawn_combination_is_the_one_before_the_middle() -> None:
    experiment = form.read(draft()).experiment
    assert experiment is not None
    drawn = cell(experiment, None)
    assert (drawn.index, drawn.count, drawn.label) == (2, 6, "noise 0.4")
    assert drawn.experiment["corruption"]["fraction"] == 0.4
    assert cell(experiment, 7).index == 1


def test_the_device_is_guessed_without_torch() -> None:
    assert cost.device_kind("cpu") == "cpu"
    assert cost.device_kind("cuda:1") == "cuda"


def test_the_note_tells_time_memory_and_disk() -> None:
    experiment = form.read(draft()).experiment
    assert experiment is not None
    data = taken(experiment.dataset)
    assert data is not None
    shape = Shape.taken(experiment, data)
    speeds = Speeds(2, (Measured(shape, 18, 2, 1, 0.01, 1e-6),))
    lines = cost.note(experiment, "cpu", speeds).lines
    assert "about 41 s" in lines[1]
    assert "uncalibrated" not in lines[1]
    assert "uncalibrated" in cost.note(experiment, "cpu").lines[1]
    assert lines[2].startswith("at least ")
    assert "of memory" in lines[2]
    plain = experiment.model_copy(update={"instruments": InstrumentsSpec()})
    assert not cost.note(plain, "cpu", speeds).lines[2].startswith("at least")


def test_speeds_are_read_again_when_they_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path))
    reader = cost.SpeedsReader()
    assert reader.read("cpu") is None
    experiment = form.read(draft()).experiment
    assert experiment is not None
    data = taken(experiment.dataset)
    assert data is not None
    entry = Measured(Shape.taken(experiment, data), 1, 1, 1, 0.5, None)
    calibration.note([entry], calibration.this_machine())
    found = reader.read("cpu")
    assert found is not None
    assert found.measured == (entry,)
    assert reader.read("cpu") is found
    (tmp_path / "calibration.json").write_text("damaged")
    assert reader.read("cpu") == Speeds(found.cores)

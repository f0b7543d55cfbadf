"""A network of one's own in Compose, by keys alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from settle import settle, until
from test_compose import Quiet, app, composed, row, text_on, type_into  # noqa: F401

from memlab.errors import InvalidExperiment
from memlab.tui.compose import launching
from memlab.tui.compose.form import Draft, read, rows, text_of
from memlab.tui.widgets.fields import FieldChoices, FieldEditor

OWN = "python:mypackage.nets:make"


async def test_its_address_and_what_it_is_given_are_typed(app) -> None:  # noqa: F811
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await composed(pilot)
        screen._open(1)
        screen.fields.move_to("model.name")
        await pilot.press("enter")
        choices = screen.query_one(FieldChoices)
        await until(pilot, lambda: choices.display)
        while choices.highlighted != row(screen, "model.name").options.index("python:"):
            await pilot.press("down")
        await pilot.press("enter")
        editor = screen.query_one(FieldEditor)
        assert editor.value == "python:"
        await pilot.press(*"mypackage.nets", "enter")
        await settle(pilot)
        assert "is no address of a network" in row(screen, "model.name").error
        await pilot.press("enter")
        await until(pilot, lambda: choices.display)
        await pilot.press("enter", *":make", "enter")
        await settle(pilot)
        await type_into(pilot, "model.settings", "hidden=32,64 rate=0.5")
        made = screen._shown.experiment
        assert made.model.name == OWN
        assert made.model.settings == {"rate": 0.5}
        assert made.axes["model.settings.hidden"] == [32, 64]
        assert row(screen, "model.settings").value == "rate=0.5 hidden=32,64"
        assert "your own: time and memory" in screen._shown.note.lines[1]
        assert not {"model.width", "model.depth"} & {each.key for each in screen._shown.rows}
        await type_into(pilot, "model.settings", "hidden")
        assert "should be name=value" in row(screen, "model.settings").error
        assert OWN in text_on(pilot)


def test_a_preset_with_settings_reads_back_and_its_row_is_there_only_then() -> None:
    base = {"model": {"name": OWN, "settings": {"hidden": [3, 4], "bias": True}}}
    draft = Draft("own", base)
    assert text_of(draft.tree()[0], "model.settings") == "bias=yes hidden=3,4"
    again = draft.with_text("model.settings", "hidden=5")
    assert read(again).experiment.model.settings == {"hidden": 5}
    assert not read(again).experiment.axes


def test_a_field_that_the_network_does_not_have_is_refused_where_it_was_typed() -> None:
    draft = Draft("ladder", {"model": {"width": 64, "depth": 3}}).with_text("model.name", OWN)
    found = read(draft)
    assert (found.experiment.model.width, found.errors) == (None, {})
    assert "model.width" not in {each.key for each in rows(draft, found)}
    typed = draft.with_text("model.width", "7")
    wrong = read(typed)
    assert wrong.experiment is None
    shown = {each.key: each for each in rows(typed, wrong)}["model.width"]
    assert shown.value == "7"
    assert "takes its settings under model.settings" in shown.error
    assert read(typed.with_text("model.name", "mlp")).experiment.model.width == 7


def test_launching_finds_the_module_where_the_app_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = read(Draft("own", {"model": {"name": "python:nowhere_to_be_found:make"}})).experiment
    with pytest.raises(InvalidExperiment, match="There is no module nowhere_to_be_found"):
        launching.launch(made, "own", tmp_path / "runs", "cpu", None)
    assert not (tmp_path / "runs").exists()

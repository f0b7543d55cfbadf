from __future__ import annotations

from dataclasses import replace

from textual import on
from textual.app import App, ComposeResult

from memlab.tui.widgets.fields import Field, FieldList

FIELDS = [
    Field("name", "dataset", "data", "digits", "digits", "choice", ("digits", "mnist", "svhn")),
    Field("train", "train", "data", "1000", "1000", unit="examples", help="how many"),
    Field("seed", "split seed", "data", "0", "0", advanced=True),
    Field("fraction", "fraction", "noise", "0, 0.5, 1", "0.4", axis=3),
    Field("test", "also test", "noise", "no", "no", "bool"),
    Field("decay", "weight decay", "more", "0", "0", advanced=True),
]


class Form(App[None]):
    """Takes every change, as a screen would; numbers must be numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.fields = {field.key: field for field in FIELDS}
        self.heard: list[tuple[str, ...]] = []

    def compose(self) -> ComposeResult:
        yield FieldList()

    def on_mount(self) -> None:
        self.form.set_fields(FIELDS)
        self.form.focus_lines()

    @property
    def form(self) -> FieldList:
        return self.query_one(FieldList)

    def text(self) -> list[str]:
        lines = self.form._lines
        return [lines.render_line(y).text.rstrip() for y in range(lines.size.height)]

    @on(FieldList.Changed)
    def _changed(self, event: FieldList.Changed) -> None:
        self.heard.append(("changed", event.key, event.text))
        bad = event.key == "train" and not event.text.isdigit()
        error = "a whole number" if bad else ""
        self.fields[event.key] = replace(self.fields[event.key], value=event.text, error=error)
        self.form.set_fields(list(self.fields.values()))

    @on(FieldList.Reset)
    def _reset(self, event: FieldList.Reset) -> None:
        if isinstance(event, FieldList.Highlighted):
            return
        self.heard.append(("reset", event.key))
        field = self.fields[event.key]
        self.fields[event.key] = replace(field, value=field.default, error="")
        self.form.set_fields(list(self.fields.values()))


async def test_fields_lie_under_their_headings_and_changes_are_marked() -> None:
    app = Form()
    async with app.run_test(size=(70, 20)):
        lines = app.text()
        assert lines[0].startswith("▾ data")
        assert lines[1].startswith("▸ dataset")
        assert "digits ▾" in lines[1]
        assert "1 more" in lines[3]
        row = next(line for line in lines if "fraction" in line)
        assert "* 0, 0.5, 1  ■■■" in row
        assert lines[-1] == "" or "more" not in lines[-1]
        assert any(line.startswith("▸ more") for line in lines)
        assert not any("weight decay" in line for line in lines)


async def test_typing_a_digit_edits_in_place() -> None:
    app = Form()
    async with app.run_test(size=(70, 20)) as pilot:
        await pilot.press("down", "5", "0", "0")
        assert app.form.editing == "train"
        await pilot.press("enter")
        await pilot.pause()
        assert app.heard == [("changed", "train", "500")]
        assert app.form.editing is None
        assert any("* 500  examples" in line for line in app.text())
        await pilot.press("r")
        await pilot.pause()
        assert app.heard[-1] == ("reset", "train")
        assert app.form.cursor_key == "train"


async def test_escape_leaves_the_value_alone() -> None:
    app = Form()
    async with app.run_test(size=(70, 20)) as pilot:
        await pilot.press("down", "enter", "9", "escape")
        await pilot.pause()
        assert app.heard == []
        assert app.form.editing is None
        assert app.focused is app.form._lines


async def test_error_stays_under_its_row_until_mended() -> None:
    app = Form()
    async with app.run_test(size=(70, 20)) as pilot:
        await pilot.press("down", "enter", "x", "enter")
        await pilot.pause()
        lines = app.text()
        at = next(i for i, line in enumerate(lines) if "train" in line)
        assert "! a whole number" in lines[at + 1]
        await pilot.press("down", "up")
        assert app.form.cursor_key == "train"
        assert "! a whole number" in "\n".join(app.text())
        await pilot.press("7", "down")
        await pilot.pause()
        assert "a whole number" not in "\n".join(app.text())


async def test_choices_cycle_and_open_as_a_list() -> None:
    app = Form()
    async with app.run_test(size=(70, 20)) as pilot:
        await pilot.press("right")
        await pilot.pause()
        assert app.heard[-1] == ("changed", "name", "mnist")
        await pilot.press("left")
        await pilot.pause()
        await pilot.press("space", "down", "down", "enter")
        await pilot.pause()
        assert app.heard[-1] == ("changed", "name", "svhn")
        await pilot.press("enter", "escape")
        await pilot.pause()
        assert app.focused is app.form._lines
        app.form.move_to("test")
        await pilot.press("space")
        await pilot.pause()
        assert app.heard[-1] == ("changed", "test", "yes")


async def test_sections_open_and_close_and_the_cursor_stays() -> None:
    app = Form()
    async with app.run_test(size=(70, 20)) as pilot:
        await pilot.press("end", "enter")
        assert any("weight decay" in line for line in app.text())
        await pilot.press("enter")
        assert not any("weight decay" in line for line in app.text())
        await pilot.press("home", "enter")
        assert not any("train" in line for line in app.text())
        app.form.move_to("seed")
        assert app.form.cursor_key == "seed"
        app.form.set_fields(FIELDS)
        assert app.form.cursor_key == "seed"


async def test_no_size_crashes_while_editing() -> None:
    app = Form()
    async with app.run_test(size=(70, 20)) as pilot:
        await pilot.press("down", "5")
        for width, height in [(1, 1), (3, 2), (20, 3), (200, 60), (8, 40), (80, 24)]:
            await pilot.resize_terminal(width, height)
            assert all(len(line) <= width for line in app.text())
        assert app.form.editing == "train"
        await pilot.press("escape")
        for width, height in [(1, 1), (3, 2), (20, 3), (200, 60), (8, 40), (80, 24)]:
            await pilot.resize_terminal(width, height)
            await pilot.press("end", "home", "pagedown", "pageup", "enter", "escape")

"""The way to one's own data in Compose, by keys alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from settle import settle, until, until_process
from test_compose import Quiet, app, composed, row, text_on  # noqa: F401
from textual.pilot import Pilot

from memlab.tui.compose.screen import ComposeScreen
from memlab.tui.widgets.fields import FieldChoices, FieldEditor, FieldNames
from memlab.tui.widgets.path_completion import Completion, complete

SIZES = [(80, 24), (160, 45)]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with two files of data, a folder of pictures, and what is no data."""
    home = tmp_path / "user"
    for name in ("data/faces", "data/factory", ".hidden"):
        (home / name).mkdir(parents=True)
    (home / "notes.txt").write_text("no data")
    draw = np.random.default_rng(0)
    for name in ("flowers.npz", "flints.npz"):
        x, y = draw.random((200, 8, 8)), np.arange(200) % 4
        np.savez(home / "data" / name, x=x.astype(np.float32), y=y)
    monkeypatch.setenv("HOME", str(home))
    return home


async def choose(pilot: Pilot[None], option: str) -> ComposeScreen:
    """Opens the menu of datasets and takes one."""
    screen = await composed(pilot)
    screen._open(1)
    screen.fields.move_to("dataset.name")
    await pilot.press("enter")
    choices = screen.query_one(FieldChoices)
    await until(pilot, lambda: choices.display)
    wanted = row(screen, "dataset.name").options.index(option)
    while choices.highlighted != wanted:
        await pilot.press("down")
    await pilot.press("enter")
    await settle(pilot)
    return screen


@pytest.mark.parametrize("size", SIZES)
async def test_a_file_is_chosen_typed_and_completed_by_tab(app, data, size) -> None:  # noqa: F811
    async with app.run_test(size=size) as pilot:
        screen = await choose(pilot, "npz:")
        editor = screen.query_one(FieldEditor)
        assert editor.display
        assert editor.value == "npz:"
        await pilot.press("~", "tab")
        await until(pilot, lambda: editor.value == "npz:~/")
        await pilot.press("d", "tab")
        await until(pilot, lambda: editor.value == "npz:~/data/")
        await pilot.press("f", "l", "tab")
        await until(pilot, lambda: "flints.npz   flowers.npz" in text_on(pilot))
        await pilot.press("o", "tab")
        await until(pilot, lambda: editor.value == "npz:~/data/flowers.npz")
        assert not screen.query_one(FieldNames).display
        await pilot.press("enter")
        await settle(pilot)
        assert row(screen, "dataset.name").value == "npz:~/data/flowers.npz"
        assert screen._shown.experiment.dataset.name == "npz:~/data/flowers.npz"


async def test_a_folder_of_pictures_is_offered_folders_only(app, data) -> None:  # noqa: F811
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await choose(pilot, "folder:")
        editor = screen.query_one(FieldEditor)
        await pilot.press(*"~/data/", "tab")
        await until(pilot, lambda: editor.value == "folder:~/data/fac")
        await until(pilot, lambda: "faces/   factory/" in text_on(pilot))
        assert "npz" not in text_on(pilot).split("faces/")[1].splitlines()[0]


async def test_escape_leaves_the_data_as_they_were(app, data) -> None:  # noqa: F811
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await choose(pilot, "npz:")
        await pilot.press("escape")
        await settle(pilot)
        assert row(screen, "dataset.name").value == "digits"


async def test_a_path_that_is_missing_is_asked_for_in_a_sentence(app, data) -> None:  # noqa: F811
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await choose(pilot, "npz:")
        await pilot.press("enter")
        await settle(pilot)
        assert "needs the path of a file" in row(screen, "dataset.name").error


@pytest.mark.parametrize("size", SIZES)
async def test_data_that_cannot_be_read_are_explained_at_their_row(home, data, size) -> None:
    real = Quiet()  # with the process that reads the data
    async with real.run_test(size=size) as pilot:
        screen = await choose(pilot, "npz:")
        await pilot.press(*"~/nothing.npz", "enter")
        await until_process(pilot, lambda: "nothing.npz" in error_shown(screen))
        assert error_shown(screen).count(".") >= 1
        screen.fields.move_to("dataset.name")
        await pilot.press("enter", "enter")
        await settle(pilot)
        editor = screen.query_one(FieldEditor)
        assert editor.value == "npz:~/nothing.npz"
        editor.value = "npz:~/data/flowers.npz"
        await pilot.press("enter")
        await until_process(pilot, lambda: not error_shown(screen))


def error_shown(screen: ComposeScreen) -> str:
    return screen.fields._lines.fields["dataset.name"].error


async def test_what_is_not_on_disk_says_what_it_would_download(app) -> None:  # noqa: F811
    async with app.run_test(size=(160, 45)) as pilot:
        screen = await composed(pilot)
        await until_process(pilot, lambda: screen._facts is not None)
        screen._open(1)
        screen.fields.move_to("dataset.name")
        await pilot.press("enter")
        await settle(pilot)
        assert "cifar10  ↓ 170 MB" in text_on(pilot)
        screen.query_one(FieldChoices).highlighted = 4
        await pilot.press("enter")
        await settle(pilot)
        assert "(↓ 170 MB at the first launch)" in text_on(pilot)


@pytest.mark.parametrize(
    ("text", "suffix", "found"),
    [
        ("~", "", Completion("~/")),
        ("~/data/flo", ".npz", Completion("~/data/flowers.npz")),
        ("~/n", ".npz", Completion("~/n")),
        ("~/data/fa", "", Completion("~/data/fac", ("faces/", "factory/"))),
        ("~/", "", Completion("~/data/")),
        ("~/.", "", Completion("~/.hidden/")),
        ("/nowhere/at/all", "", Completion("/nowhere/at/all")),
        ("a\0b/", "", Completion("a\0b/")),
    ],
)
def test_a_path_is_completed_as_far_as_it_is_certain(data, text, suffix, found) -> None:
    done = complete(text, suffix)
    assert done.text == found.text
    assert sorted(done.names) == sorted(found.names)

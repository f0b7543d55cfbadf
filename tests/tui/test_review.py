"""The Review screen: one question, one key, and on the disk before the next picture."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest
from settle import settle, until
from textual.pilot import Pilot
from textual.widgets import Input, Static

from memlab import disk
from memlab.errors import StorageError
from memlab.runs.review import ReviewLog, read_review
from memlab.settings import HOME_VARIABLE
from memlab.tui.app import MemlabApp
from memlab.tui.ask_text import AskText
from memlab.tui.header import ShellHeader
from memlab.tui.library.screen import LibraryScreen
from memlab.tui.review import model
from memlab.tui.review.reader import Reviewer
from memlab.tui.review.screen import ReviewScreen
from memlab.tui.widgets.key_line import KeyLine
from memlab.tui.widgets.neighbours import ExampleGrid, columns_for
from memlab.tui.widgets.picture import fitted
from tests.judged_run import GIVEN, TRUE, WRONG, Judged, features, judged, signals

SIZES = [(80, 24), (160, 45)]
SNAPSHOTS = Path(__file__).parent / "snapshots"
TREES = ("ash", "birch", "cedar", "oak")


class Quiet(MemlabApp):
    """Starts no worker ahead of need."""

    prewarm = False


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photos(home: Path) -> Judged:
    return judged(home)


def app_on(found: Judged) -> Quiet:
    return Quiet(open_run=found.folder.id, screen="library", review=True)


async def asked(pilot: Pilot[None]) -> ReviewScreen:
    """The screen, once it asks something or says why not."""
    app = pilot.app
    await until(pilot, lambda: isinstance(app.screen, ReviewScreen))
    screen = app.screen
    assert isinstance(screen, ReviewScreen)
    await until(pilot, lambda: screen._frame is not None or screen._problem)
    await settle(pilot)
    return screen


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Each key once the question before it is there."""
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


def text(pilot: Pilot[None], selector: str) -> str:
    return str(pilot.app.screen.query_one(selector, Static).content)


def kinds(found: Judged) -> dict[int, tuple[str, int | None]]:
    review = read_review(found.folder)
    return {index: (verdict.kind, verdict.label) for index, verdict in review.verdicts.items()}


async def test_each_key_is_a_verdict_and_asks_about_the_next(photos: Judged) -> None:
    async with app_on(photos).run_test(size=(80, 24)) as pilot:
        await asked(pilot)
        assert text(pilot, "#asked").startswith(f"given {GIVEN[13]}   row 13")
        assert text(pilot, "#suggestion") == f"the networks say {TRUE[13]} (.97)"
        assert text(pilot, "#standing").startswith("4 labels of 48 held for wrong, none judged yet")
        await press(pilot, "n")
        assert kinds(photos) == {13: ("label", int(TRUE[13]))}
        assert text(pilot, "#asked").startswith(f"given {GIVEN[6]}   row 6")
        await press(pilot, "y", "d", "s")
        assert kinds(photos) == {
            13: ("label", int(TRUE[13])),
            6: ("right", None),
            31: ("drop", None),
            40: ("skip", None),
        }
        assert text(pilot, "#standing").startswith("3 of 4 judged, 2 were wrong")


async def test_digits_are_classes_here_and_modes_again_afterwards(photos: Judged) -> None:
    async with app_on(photos).run_test(size=(80, 24)) as pilot:
        app = pilot.app
        await asked(pilot)
        other = next(c for c in range(4) if c not in (GIVEN[13], TRUE[13]))
        await press(pilot, str(other))
        assert kinds(photos)[13] == ("label", other)
        await press(pilot, str(GIVEN[6]))  # the label that it has is right
        assert kinds(photos)[6] == ("right", None)
        await press(pilot, "7")
        assert "no class 7" in text(pilot, "#message")
        assert len(kinds(photos)) == 2
        await press(pilot, "q")
        assert isinstance(app.screen, LibraryScreen)
        assert app.is_running
        await press(pilot, "3")
        assert app.current_mode == "report"


async def test_undo_goes_back_to_what_was_asked(photos: Judged) -> None:
    async with app_on(photos).run_test(size=(80, 24)) as pilot:
        await asked(pilot)
        assert "undo" not in pilot.app.screen.query_one(KeyLine).shown
        await press(pilot, "n", "y", "u")
        assert "row 6" in text(pilot, "#asked")
        assert list(kinds(photos)) == [13]
        await press(pilot, "u")
        assert "row 13" in text(pilot, "#asked")
        assert kinds(photos) == {}
        await press(pilot, "u", "d")
        assert kinds(photos) == {13: ("drop", None)}


async def test_a_name_or_its_beginning_is_typed(home: Path) -> None:
    found = judged(home, names=TREES)
    async with app_on(found).run_test(size=(80, 24)) as pilot:
        await asked(pilot)
        assert text(pilot, "#legend") == "0 ash   1 birch   2 cedar   3 oak"
        await press(pilot, "equals_sign")
        assert isinstance(pilot.app.screen, AskText)
        await press(pilot, *"elm", "enter")
        assert "no class 'elm'" in text(pilot, "#wrong")
        pilot.app.screen.query_one(Input).value = "oa"
        await press(pilot, "enter")
        assert kinds(found)[13] == ("label", 3)
        await press(pilot, "equals_sign", "escape")
        assert len(kinds(found)) == 1


async def test_names_from_a_file_steer_no_terminal(home: Path) -> None:
    names = tuple(f"{name}\x1b[31m\u202e" for name in TREES)
    found = judged(home, names=names)
    async with app_on(found).run_test(size=(80, 24)) as pilot:
        await asked(pilot)
        await press(pilot, "n", "n", "n", "n")
        assert "ash" in text(pilot, "#end")
        for selector in ("#legend", "#end", "#asked", "#suggestion", "#standing"):
            assert "\x1b" not in text(pilot, selector)
            assert "\u202e" not in text(pilot, selector)


async def test_a_key_before_the_next_picture_answers_nothing(
    photos: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever presses twice has answered once: the second example was not seen yet."""
    seen, release = threading.Event(), threading.Event()
    answered = Reviewer.answered

    def slow(self: Reviewer, *what: object) -> object:
        seen.set()
        assert release.wait(60)
        return answered(self, *what)  # type: ignore[arg-type]

    async with app_on(photos).run_test(size=(80, 24)) as pilot:
        screen = await asked(pilot)
        monkeypatch.setattr(Reviewer, "answered", slow)
        screen.action_suggestion()
        assert await asyncio.to_thread(seen.wait, 60)
        screen.action_say("drop")
        screen.action_say("drop")
        release.set()
        await settle(pilot)
        assert kinds(photos) == {13: ("label", int(TRUE[13]))}
        assert "row 6" in text(pilot, "#asked")


async def test_a_verdict_that_cannot_be_written_is_asked_again(
    photos: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, data: object) -> int:
        raise OSError(28, "No space left on device")

    async with app_on(photos).run_test(size=(80, 24)) as pilot:
        await asked(pilot)
        with monkeypatch.context() as patch:
            patch.setattr(disk, "write", full)
            await press(pilot, "n")
        assert "disk is full" in text(pilot, "#message")
        assert "row 13" in text(pilot, "#asked")
        assert kinds(photos) == {}
        await press(pilot, "n")
        assert text(pilot, "#message") == ""
        assert list(kinds(photos)) == [13]


def test_nothing_is_written_once_the_screen_has_gone(photos: Judged) -> None:
    reviewer = Reviewer(photos.folder)
    reviewer.answered(0, "drop")
    reviewer.close()
    reviewer.close()
    with pytest.raises(StorageError):
        reviewer.answered(1, "drop")
    assert list(kinds(photos)) == [13]
    ReviewLog(photos.folder).close()


async def test_what_was_said_is_not_asked_in_the_next_session(photos: Judged) -> None:
    async with app_on(photos).run_test(size=(80, 24)) as pilot:
        await asked(pilot)
        await press(pilot, "n", "s")
    async with app_on(photos).run_test(size=(80, 24)) as pilot:
        await asked(pilot)
        assert "row 31" in text(pilot, "#asked")


async def test_at_the_end_it_says_what_changes_and_one_key_writes_it(photos: Judged) -> None:
    async with app_on(photos).run_test(size=(80, 24)) as pilot:
        await asked(pilot)
        await press(pilot, "n", "n", "d")
        assert not pilot.app.screen.query_one("#end").display
        await press(pilot, "y")
        assert pilot.app.screen.query_one("#end").display
        end = text(pilot, "#end")
        assert "2 labels change:" in end
        assert f"{GIVEN[13]} → {TRUE[13]}  1" in end
        assert "1 example goes." in end
        await press(pilot, "y")  # nothing is asked here
        assert len(kinds(photos)) == 4
        await press(pilot, "w")
        await until(pilot, lambda: "photos-corrected.npz" in text(pilot, "#message"))
        assert (photos.data.parent / "photos-corrected.npz").is_file()
        await press(pilot, "w")
        await until(pilot, lambda: "is there already" in text(pilot, "#message"))
        await press(pilot, "g")
        assert pilot.app.screen.query_one("#question").display
        await press(pilot, "y")
        assert len(kinds(photos)) == 5


async def test_after_an_undo_at_the_end_the_question_is_there_again(photos: Judged) -> None:
    async with app_on(photos).run_test(size=(80, 24)) as pilot:
        await asked(pilot)
        await press(pilot, "y", "y", "y", "y")
        assert pilot.app.screen.query_one("#end").display
        assert "Nothing will be changed." in text(pilot, "#end")
        assert "write copy" not in pilot.app.screen.query_one(KeyLine).shown
        await press(pilot, "u")
        assert pilot.app.screen.query_one("#question").display
        assert "row 40" in text(pilot, "#asked")


async def test_a_second_window_is_told_and_can_review_later(photos: Judged) -> None:
    log = ReviewLog(photos.folder)
    async with app_on(photos).run_test(size=(80, 24)) as pilot:
        await asked(pilot)
        assert "reviewed in another window" in text(pilot, "#message")
        log.close()
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, LibraryScreen)
        await until(pilot, lambda: pilot.app.screen.table.cursor_key)  # type: ignore[attr-defined]
        await press(pilot, "r")
        await asked(pilot)
        assert "row 13" in text(pilot, "#asked")
        await press(pilot, "q")
        ReviewLog(photos.folder).close()  # leaving lets go of it


async def test_data_that_are_gone_are_missed_in_words(photos: Judged) -> None:
    photos.data.unlink()
    async with app_on(photos).run_test(size=(80, 24)) as pilot:
        await asked(pilot)
        assert "There is no file" in text(pilot, "#message")
        await press(pilot, "y", "n", "5", "w", "u")
        assert kinds(photos) == {}


async def test_the_report_of_a_committee_leads_here(photos: Judged) -> None:
    app = Quiet(open_run=photos.folder.id, screen="report")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: getattr(app.screen, "_loaded", None) is not None)
        await settle(pilot)
        await press(pilot, "r")
        await asked(pilot)
        assert "row 13" in text(pilot, "#asked")


def test_the_next_ten_are_said_as_people_say_it() -> None:
    assert model.ahead(10, 9.9) == "the next ten: nearly all"
    assert model.ahead(10, 5.2) == "the next ten: about half"
    assert model.ahead(10, 0.6) == "the next ten: about 1"
    assert model.ahead(1, 0.25) == "the next one: wrong with a chance of .25"


def test_pictures_are_as_large_as_whole_factors_allow() -> None:
    picture = [[0, 1], [2, 3]]
    assert fitted(picture, 7, 5) == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]
    assert fitted(picture, 1, 1) == [[1]]
    assert fitted(picture, 0, 3) == []
    large = [[0] * 28] * 28
    assert columns_for([large] * 5, 24, 15) == 2
    assert columns_for([large], 24, 15) == 1


async def test_neighbours_have_the_label_that_they_stand_for(photos: Judged) -> None:
    async with app_on(photos).run_test(size=(160, 45)) as pilot:
        screen = await asked(pilot)
        assert screen._frame is not None
        question = screen._frame.question
        assert question is not None
        for near, label in ((question.of_given, GIVEN[13]), (question.of_suggested, TRUE[13])):
            assert len(near) == 5
            assert {GIVEN[seen.index] for seen in near} == {label}
            assert not {seen.index for seen in near} & set(WRONG)  # those in doubt are no evidence
        grid = pilot.app.screen.query_one("#of-given", ExampleGrid)
        drawn = [y for y in range(1, grid.size.height) if grid.render_line(y).text.strip()]
        assert len(drawn) > 10


CASES: dict[str, tuple[str, ...]] = {
    "review": ("n",),
    "review-end": ("n", "n", "d", "s"),
    "review-table": ("n",),
    "review-curve": ("n",),
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("case", CASES)
async def test_screen_looks_as_it_did(
    home: Path, case: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("TERM", "xterm-256color"), ("COLORTERM", "truecolor")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    x = {"review-table": features(5), "review-curve": signals()}.get(case)
    found = judged(home, x, names=TREES if case == "review-table" else ())
    async with app_on(found).run_test(size=size) as pilot:
        await asked(pilot)
        await press(pilot, *CASES[case])
        await settle(pilot, 8)
        for screen in pilot.app.screen_stack:
            for header in screen.query(ShellHeader):
                header.context = ""  # the run's name has the day in it
        await settle(pilot, 8)
        strips = pilot.app.screen._compositor.render_strips()
        told = "\n".join(line.text.rstrip() for line in strips) + "\n"
    path = SNAPSHOTS / f"{case}-{size[0]}x{size[1]}.txt"
    if os.environ.get("MEMLAB_RENEW"):
        path.write_text(told, encoding="utf-8")
    assert told.splitlines() == path.read_text(encoding="utf-8").splitlines()

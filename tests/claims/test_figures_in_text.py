"""A claim's figure on the console, and the page that answers: lookup table or learner?"""

from __future__ import annotations

import numpy as np
import pytest
from rich.console import Console

from memlab.claims import criteria, drawing
from memlab.claims.claim import Claim, Contrast, Control, Line, Measured, Panel
from memlab.claims.finished_run import Evidence
from memlab.reports import lookup_question
from memlab.reports.renderers import html, markdown
from memlab.reports.renderers.console import ConsolePage
from memlab.reports.scoreboard import Scoreboard, measured
from memlab.reports.scoreboard_drawing import ConsoleFigure
from memlab.reports.scoreboard_page import blocks
from memlab.reports.scoreboard_panels import drawn

REPLICATES = tuple(range(200, 208))
NOISE = np.array([-0.02, -0.02, -0.01, 0.0, 0.0, 0.01, 0.02, 0.02])


def printed(renderable: object, width: int, **options) -> str:
    console = Console(width=width, color_system=None, **options)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


def curve(label: str, slope: float, dashed: bool = False) -> Line:
    x = np.linspace(0, 10, 50)
    return Line(label, x, slope * x / 10 + NOISE[:, None], dashed)


CURVES = Panel("accuracy", "epoch", "train", (curve("real", 1.0), curve("random", 0.4, True)))
MARKS = drawing.against(
    "capacity", "units", "accuracy",
    [(n, [4, 32, 256], [v + NOISE for v in vs]) for n, vs in (("one", (.2, .5, .8)),
                                                             ("two", (.8, .5, .2)))],
    log_x=True,
)  # fmt: skip
NAMED = drawing.named("lies", "test accuracy", [("network", 0.8 + NOISE), ("1-nn", 0.5 + NOISE)])


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_figures_fit_their_width_and_are_told_apart_without_colour(width):
    text = printed(ConsoleFigure((CURVES, MARKS)), width)
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    assert "\x1b" not in text
    assert "a real" in text
    assert "b random (dashed)" in text
    drawing_rows = [line for line in lines if line.startswith("│")]
    assert any("a" in row[5:] for row in drawing_rows)
    assert any("b" in row[5:] for row in drawing_rows)
    assert ("╮  ╭" in text) == (width >= 120)


def test_marks_have_their_letters_ticks_and_intervals():
    text = printed(ConsoleFigure((MARKS,)), 80)
    assert [text.count(letter) for letter in ("4 ", "32", "256")] == [1, 1, 1]
    made = drawn(MARKS, lettered=True)
    assert made.picture.ticks == ((4.0, "4"), (32.0, "32"), (256.0, "256"))
    wide = drawing.against("t", "x", "y", [("a", [1, 2], [[0.1, 0.9, 0.5], [0.2, 0.8, 0.5]])])
    assert "│" in printed(ConsoleFigure((wide,)), 60).replace("│\n", "").replace("\n│", "")


def test_lines_are_drawn_from_left_to_right_however_they_are_given():
    line = Line("a", np.array([3.0, 1.0, 2.0]), np.array([[30.0, 10.0, 20.0]]))
    series = drawn(Panel("t", "x", "y", (line,)), lettered=True).picture.series[0]
    assert list(series.x) == [1.0, 2.0, 3.0]
    assert list(series.y) == [10.0, 20.0, 30.0]


@pytest.mark.parametrize("log", [False, True])
def test_a_panel_of_nothing_finite_is_an_empty_frame(log):
    line = Line("a", np.array([1.0]), np.array([[np.nan]]))
    panel = Panel("t", "x", "y", (line,), log_x=log, log_y=log, marks=log)
    assert "no figures" in printed(ConsoleFigure((panel,)), 60)


def claim(name: str, effect: float | None, panels: tuple[Panel, ...] = ()) -> Claim:
    def measure(_: Evidence) -> Measured:
        values = (effect or 0.0) + NOISE
        return Measured((criteria.above("effect", values, 0.2),), panels, contrast=values)

    known = effect is not None
    nothing = Measured((criteria.above("effect", NOISE[::-1], 0.2),), contrast=NOISE[::-1])
    control = Control("nowhere", lambda _: nothing)
    return Claim(
        id=name, paper="lookup", title=f"title of {name}", sentence="A sentence.", source="here",
        criterion="effect > 0.2", paper_had="nothing", contrast=Contrast("effect", "above"),
        refuted_by="less", measure=measure if known else None,
        control=control if known else None, needs="" if known else "more",
    )  # fmt: skip


def board(**effects: float | None) -> Scoreboard:
    nowhere = Evidence({}, REPLICATES)
    entries = tuple(
        measured(claim(k, v, (NAMED,) if k == "L1" else ()), nowhere, "laptop", {})
        for k, v in effects.items()
    )
    return Scoreboard("laptop", REPLICATES, entries, (), 1.0)


@pytest.mark.parametrize(
    ("effects", "starts", "has"),
    [
        ({"L1": 0.5, "L2": None, "L3": 0.5, "L4": 0.0}, "A learner, not a lookup table: among",
         ("(L3).", "What it does not store: lies are forgotten no more", "Not run: L2.")),
        ({"L1": 0.0, "L5": 0.5, "M4": 0.5}, "Both: more than a smoothed lookup table, for it finds",
         ("as good elsewhere: among lies the best of the others", "What it stores: a lie")),
        ({"L1": 0.5, "L3": 0.2, "M2": 0.2}, "A learner", ("Open: L3 and M2.",)),
        ({"L1": 0.0, "L3": 0.0}, "Not shown to be more", ("(L1) and neighbours", "(L3)")),
        ({"L1": 0.2}, "Undecided", ("Open: L1.",)),
        ({"L1": None, "L3": 0.5}, "A learner", ("Not run: L1.",)),
        ({"L1": None}, "Not answered yet", ("M4",)),
        ({}, "Not answered yet", ()),
    ],
)  # fmt: skip
def test_the_question_is_answered_by_the_verdicts(effects, starts, has):
    said = lookup_question.answer(board(**effects).entries)
    assert said.startswith(starts)
    assert all(words in said for words in has)
    assert said.endswith(".")


def test_the_short_answer_names_each_claim_once_by_the_side_it_speaks_for():
    made = board(L1=0.0, L5=0.5, L7=0.5, M1=0.0, M2=0.2, M4=None).entries
    assert lookup_question.brief(made) == (
        "More than a table: L5; a smoothed table is as good: L1; stored, as a table does: L7; not "
        "stored: M1; open: M2; not run: M4."
    )


def test_the_lookup_section_has_answer_comparison_and_claims_in_every_rendering():
    made = board(L1=0.5, L3=0.5)
    told = lookup_question.answer(made.entries)
    for text in (markdown.page(blocks(made)), html.page(blocks(made))):
        assert (
            text.index(told) < text.index("1-nn, the lookup table") < text.index("L3: title of L3")
        )
        assert "0.5000" in text
        assert "0.4866, 0.5134" in text
    console = printed(ConsolePage(blocks(made)), 100)
    assert told in " ".join(console.split())
    assert "network" in console
    assert "●" in console


def test_without_its_run_the_section_says_so_and_compares_nothing():
    made = board(L1=None)
    assert lookup_question.learners(made.entries) == []
    text = markdown.page(blocks(made))
    assert "Not answered yet" in text
    assert "on the same lies" not in text

from __future__ import annotations

import re
import tomllib
from html.parser import HTMLParser

import pytest
from rich.console import Console

from memlab import numbers, reports
from memlab.experiment.reading import experiment, from_toml
from memlab.reports import palette
from memlab.reports.findings import Findings
from memlab.tui import palette as app_palette

from .conftest import findings, q, row

WIDTHS = [80, 100, 120, 160]


def printed(found: Findings, width: int) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(reports.text(found))
    return capture.get().splitlines()


@pytest.mark.parametrize("width", WIDTHS)
def test_text_fits_its_width_and_cuts_nothing(make_run, width) -> None:
    lines = printed(reports.build(make_run()), width)
    assert max(len(line.rstrip()) for line in lines) <= width
    text = "\n".join(lines)
    assert "…" not in text
    for title in ("truth fitted", "lies fitted", "seen through", "test", "best", "gap", "cost"):
        assert title in text
    assert "With 40 %" in text


@pytest.mark.parametrize("width", WIDTHS)
def test_decimal_points_stand_below_each_other(make_run, width) -> None:
    lines = printed(reports.build(make_run()), width)
    heads = [i for i, line in enumerate(lines) if line.startswith("   noise")]
    assert heads
    for head in heads:
        rows = lines[head + 1 : head + 4]
        column = rows[0].index("±") if "±" in rows[0] else rows[1].index("±")
        assert all(line[column] == "±" for line in rows if "±" in line[column - 1 : column + 2])


def test_text_without_colour_has_no_escape_codes(make_run) -> None:
    assert not any("\x1b" in line for line in printed(reports.build(make_run()), 120))


def test_unfinished_run_is_said_to_be_so_in_every_rendering(make_run) -> None:
    run = make_run(state="interrupted", message="Stopped on request.")
    found = reports.build(run)
    for text in (" ".join(printed(found, 200)), reports.markdown(found), reports.html(found, run)):
        assert "This run has not finished" in text
        assert "Stopped on request." in text


def test_markdown_has_sentences_tables_and_the_whole_experiment(make_run) -> None:
    found = reports.build(make_run())
    text = reports.markdown(found)
    assert text.startswith("# Ladder \\<of\\> \\*noise\\*")
    for sentence in found.sentences:
        assert sentence in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in tables[:5]}) == 1
    toml = text.rpartition("```toml\n")[2].rpartition("\n```")[0]
    again = experiment(from_toml(toml, "markdown"), "markdown")
    assert again.model_dump(mode="json") == found.experiment


class Checker(HTMLParser):
    """Notes open elements and everything that would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "path", "use", "link", "br", "rect"):
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href") and value and not value.startswith("#"):
                self.fetched.append(value)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_is_whole_escaped_and_fetches_nothing(make_run) -> None:
    run = make_run()
    page = reports.html(reports.build(run), run)
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    assert checker.fetched == []
    assert "Ladder &lt;of&gt; *noise*" in page
    assert "<of>" not in page
    assert page.count("<svg") == 2
    assert not re.search(r"url\((?!#)|@import|<script|<link", page)


def test_ids_of_the_drawn_clip_paths_differ_between_figures(make_run) -> None:
    run = make_run()
    page = reports.html(reports.build(run), run)
    ids = re.findall(r'<clipPath id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_same_findings_give_the_same_page_byte_for_byte(make_run) -> None:
    run = make_run()
    found = reports.build(run)
    assert reports.html(found, run) == reports.html(found, run)


def test_html_works_without_curves_and_with_one_row(make_run) -> None:
    found = findings([row({}, kind="none", train_accuracy=q(1.0), test_accuracy=q(0.9))], [])
    assert "<svg" not in reports.html(found)
    assert reports.markdown(found)
    assert printed(found, 80)


@pytest.mark.parametrize(
    "axis", ["$x_1$", "a<b>&\"c'", "regularization=weight_decay=0.001,dropout=0.5 and much more"]
)
def test_odd_labels_break_nothing(axis: str) -> None:
    rows = [
        row({"regularization": name}, train_accuracy=q(1.0), generalization_gap=q(0.1),
            memorization_cost=q(0.1))
        for name in ("plain", axis)
    ]  # fmt: skip
    found = findings(rows, ["regularization"])
    checker = Checker()
    checker.feed(reports.html(found))
    assert max(len(line.rstrip()) for line in printed(found, 80)) <= 80


def test_colours_are_those_of_the_app() -> None:
    light = app_palette.palette(dark=False)
    assert (light.truth, light.lies, light.unseen) == (palette.TRUTH, palette.LIES, palette.UNSEEN)
    assert light.neutral == palette.NEUTRAL
    for count in range(13):
        assert palette.ramp(count) == app_palette.ramp(count)
    assert palette.SHAPES == app_palette.MARKERS


@pytest.mark.parametrize(
    ("mean", "half", "text"),
    [
        (0.71432, 0.0523, "0.71 ± 0.05"),
        (0.9987, 0.0021, "0.999 ± 0.002"),
        (0.7, 0.13, "0.7 ± 0.1"),
        (1.0, 0.0, "1.000 ± 0.000"),
        (-0.04, 0.096, "−0.0 ± 0.1"),
        (71.3, 8.2, "71 ± 8"),
        (0.5, None, "0.500"),
    ],
)
def test_digits_are_those_that_the_interval_supports(mean, half, text) -> None:
    assert numbers.plus_minus(q(mean, half), zero=True) == text.replace("−0.0 ", "0.0 ")


def test_percentages_near_their_ends_keep_a_decimal() -> None:
    shares = (1.0, 0.997, 0.81, 0.004, 0.0)
    assert [numbers.share(s) for s in shares] == ["100 %", "99.7 %", "81 %", "0.4 %", "0 %"]


def test_experiment_toml_reads_back(make_run) -> None:
    from memlab.reports.facts import experiment_toml

    assert tomllib.loads(experiment_toml(reports.build(make_run())))["corruption"]["kind"]

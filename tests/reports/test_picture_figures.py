"""Pictures in reports: what is drawn is what was kept, and none of it steers page or terminal."""

from __future__ import annotations

import base64
import io
import struct
import zlib

import numpy as np
import pytest
from rich.console import Console

from memlab.reports.memorization_document import GreyPicture
from memlab.reports.memorization_findings import most_memorized, strongest_pairs
from memlab.reports.picture_figures import Captioned, Drawn, png, svg
from memlab.runs.retraining import scores_of
from tests.runs.test_retraining import outcomes_of

ROWS = [[0, 255, 128], [7, 8, 9]]


def test_a_png_holds_the_same_pixels():
    data = png(ROWS)
    assert data.startswith(b"\x89PNG")
    assert struct.unpack(">II", data[16:24]) == (3, 2)
    start = data.index(b"IDAT") + 4
    (length,) = struct.unpack(">I", data[start - 8 : start - 4])
    raw = zlib.decompress(data[start : start + length])
    assert raw == b"\0" + bytes(ROWS[0]) + b"\0" + bytes(ROWS[1])


def test_captions_are_escaped_and_pairs_have_an_arrow():
    made = svg([Captioned((ROWS, ROWS), ("<b>\x1b[2J", "two"))])
    assert made.count("<image ") == 2
    assert "→" in made
    assert "<b>" not in made
    assert "\x1b" not in made
    assert svg([]) == svg([Captioned(([],), ("damaged",))]) == ""


@pytest.mark.parametrize("colours", ["truecolor", "standard", None])
def test_a_console_without_colours_shows_none_and_one_with_few_shows_shades(colours):
    out = io.StringIO()
    console = Console(file=out, color_system=colours, force_terminal=colours is not None, width=60)
    console.print(Drawn((Captioned((ROWS,), ("5: \x07five", "0.9")),)))
    said = out.getvalue()
    assert ("▀" in said) == (colours == "truecolor")
    assert ("five" in said) == (colours is not None)
    assert "\x07" not in said


@pytest.mark.parametrize("grey", ["", "AAAA", "not base64!", base64.b64encode(b"x" * 5).decode()])
def test_a_damaged_picture_is_none(grey):
    assert GreyPicture(height=2, width=2, grey=grey).pixels() == []


def test_the_first_of_both_lists_have_the_pictures_of_their_examples():
    scores = scores_of(outcomes_of(400, 0.7))
    pictures = np.arange(40 * 6, dtype=np.uint8).reshape(40, 2, 3)
    top = most_memorized(scores, pictures)
    for row in top[:10]:
        assert row.picture is not None
        assert row.picture.pixels() == pictures[row.index - 100].tolist()
    assert all(row.picture is None for row in [*top[10:], *most_memorized(scores)])
    for pair in strongest_pairs(scores, pictures)[:10]:
        assert pair.of_picture is not None
        assert pair.of_picture.pixels() == pictures[pair.of - 100].tolist()

"""Nothing from a file steers a terminal: the one door for text."""

from __future__ import annotations

import doctest
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from memlab import strict_json, text
from memlab.text import lines, painted, plain

#: Escape, clipboard, C1, override, isolate, marks, separators, halves of pairs, tags.
HOSTILE = (
    "\x1b\x07\x9b\x85\x7f\u202e\u2066\u2069\u200e\u200f\u061c\u2028\u2029\ud800\udfff\U000e0041"
)
BAD = {"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"}
anything = st.text(
    st.one_of(st.characters(), st.sampled_from(HOSTILE + "\u200b\u200d\u2060\ufeff\u00ad\t\r\n"))
)


def harmless(shown: str, keep: str = "") -> bool:
    """Whether a terminal would only paint it."""
    return all(unicodedata.category(each) not in BAD or each in keep for each in shown)


@given(anything)
def test_a_plain_text_is_one_line_without_anything_that_steers(said: str) -> None:
    shown = plain(said)
    assert harmless(shown)
    assert len(shown.splitlines()) <= 1
    shown.encode()


@given(anything)
def test_lines_keep_their_breaks_and_nothing_else_that_steers(said: str) -> None:
    shown = lines(said)
    assert harmless(shown, keep="\n")
    assert shown.count("\n") == said.count("\n")


@given(anything)
def test_what_is_painted_takes_the_cells_it_took_before(said: str) -> None:
    shown = painted(said)
    assert harmless(shown)
    assert cell_len(shown) == sum(map(cell_len, said))


@given(st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs"))))
def test_ordinary_text_is_left_as_it_is(said: str) -> None:
    assert plain(said) == lines(said) == painted(said) == said


@pytest.mark.parametrize("said", ["photo[copy].png", "η 0.1 · S 32 ⣿ ▸ ±", "naïve", "标签", "[/x]"])
def test_the_fields_own_letters_and_brackets_are_left_as_they_are(said: str) -> None:
    assert plain(said) == said == painted(said)


@given(anything, st.integers(1, 40))
def test_no_line_is_longer_than_it_may_be(said: str, limit: int) -> None:
    assert len(plain(said, limit)) <= limit
    assert len(lines(said, limit)) <= limit


def test_what_is_taken_out_is_seen() -> None:
    assert plain("a\x1b]52;c;aGk=\x07b") == "a�]52;c;aGk=�b"
    assert plain("one\ntwo\u2028three\tfour") == "one two three four"
    assert plain("a\U000e0041\u3164b") == "a��b"


@pytest.mark.parametrize("value", [10**5000, None, 1.5, ["\x1b"], {"\u202e": "\x9b"}], ids=type)
def test_any_value_has_words(value: object) -> None:
    assert harmless(plain(value))


@pytest.mark.parametrize("module", [text, strict_json])
def test_the_examples_in_the_docstrings_are_true(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]

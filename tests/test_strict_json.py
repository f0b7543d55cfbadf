"""Numbers from files are finite and of at most 64 bits, on the way in and on the way out."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memlab.strict_json import MOST, dumps, loads, number, whole

numbers = st.one_of(st.integers(), st.floats(), st.sampled_from([10**400, -(10**400), 1e300]))
documents = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, st.text()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(documents)
def test_what_is_written_is_strict_json_in_ascii(document: object) -> None:
    text = dumps(document)
    assert all(" " <= sign <= "~" for sign in text)
    json.loads(text, parse_constant=pytest.fail)


@pytest.mark.parametrize(
    "text", ["NaN", "-Infinity", "1e400", "1" * 400, "1" * 5000, "-" + "9" * 30, str(MOST + 1)]
)
def test_a_number_that_is_none_is_read_as_null(text: str) -> None:
    assert loads(f'{{"a": [{text}]}}') == {"a": [None]}


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "1e300", str(MOST)])
def test_other_numbers_are_read_as_json_reads_them(text: str) -> None:
    assert loads(text) == json.loads(text)


@pytest.mark.parametrize(
    "text", ["", "{", b"\xff\xfe\x00", "[" * 100_000, "[" * 90 + "]" * 90, '{"a": 1} x']
)
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 # the sentence is the caller's
        loads(text)


@given(st.one_of(documents, st.text(), st.booleans()), st.floats(0, 1), st.floats(2, 3))
def test_a_number_is_finite_and_where_it_belongs(value: object, low: float, high: float) -> None:
    found = number(value, low, high)
    assert found is None or (math.isfinite(found) and low <= found <= high)
    counted = whole(value, 0, 10)
    assert counted is None or counted in range(11)

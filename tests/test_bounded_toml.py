"""TOML from strangers: presets and settings that would take the memory or the time of a machine."""

from __future__ import annotations

import os
import re
import time
import tomllib
from pathlib import Path

import pytest

from memlab import bounded_toml, settings
from memlab.errors import MemlabError
from memlab.experiment import presets, reading

HOSTILE = {
    "nested arrays": ("x = " + "[" * 100_000, "nested more than 32"),
    "closed arrays": ("x = " + "[" * 200 + "]" * 200, "nested more than 32"),
    "nested tables": ("x = " + "{a = " * 50_000, "nested more than 32"),
    "a dotted key": (".".join("a" * 30_000) + " = 1", "more than 16 parts"),
    "a spaced dotted key": (" . ".join("a" * 30_000) + " = 1", "more than 16 parts"),
    "a quoted dotted key": (".".join(["'=.='"] * 30_000) + " = 1", "more than 16 parts"),
    "a dotted table": ("[" + ".".join("a" * 30_000) + "]\nb = 1", "more than 16 parts"),
    "dotted in a table": ("x = {" + ".".join("a" * 30_000) + " = 1}", "more than 16 parts"),
    "dotted after a text": (
        'x = {a = """\nit\'s # no comment""""", ' + ".".join(["'=.'"] * 30_000) + " = 1}",
        "line 2.*more than 16 parts|more than 16 parts.*line 2",
    ),
    "escaped quotes": ("x = " + '"""\\' * 200_000 + "." * 20, "line 1|not valid TOML"),
    "400 digits": ("seeds = " + "9" * 400, "more than 64 bits"),
    "5,000 digits": ("seeds = " + "9" * 5_000, "too many digits"),
    "a negative one": ("seeds = -" + "9" * 20, "more than 64 bits"),
    "a megabyte": ("#" + "x" * (1 << 20), "more than 1,048,576 bytes"),
    "a million quotes": ("x = " + '"\\' * 100_000 + "." * 20, "not valid TOML|line 1"),
}


def refused(read, path: Path) -> str:
    started = time.process_time()
    with pytest.raises(MemlabError) as caught:
        read(path)
    assert time.process_time() - started < 2
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 1000
    return text


@pytest.mark.parametrize("read", [reading.read_file, settings.load], ids=["preset", "settings"])
@pytest.mark.parametrize("name", HOSTILE)
def test_what_would_take_memory_or_time_is_refused_in_a_sentence(tmp_path, name, read):
    content, words = HOSTILE[name]
    path = tmp_path / "own.toml"
    path.write_text(content)
    assert re.search(words, refused(read, path))


@pytest.mark.parametrize("read", [reading.read_file, settings.load], ids=["preset", "settings"])
@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir], ids=["pipe", "folder"])
def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path, read, make):
    make(tmp_path / "own.toml")
    assert "regular file" in refused(read, tmp_path / "own.toml")


def test_plain_documents_are_read_as_before():
    text = (
        "[a.b.c]\nnumbers = [\n" + "  1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 0.5, 1.5, 2.5,"
        "3.5, 4.5, 5.5, 6.5, 7.5, 8.5\n]\n"
        'prose = """\nOne. Two. ' + "And so on. " * 30 + '\n"""\n'
        '"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r" = 9223372036854775807\nmany = [[[[1]]]]\n'
    )
    assert bounded_toml.parse(text) == tomllib.loads(text)
    for preset in presets.find_all():
        assert preset.tree == tomllib.loads(preset.path.read_text())


HOSTILE_VALUES = (
    ("seeds = 100000000", "less than or equal to 1000000"),
    ("seeds = 1000\n[axes]\n'model.width' = " + str(list(range(1, 1002))), "1,001,000 netw"),
    ("[axes]\n'dataset.train' = " + str(list(range(1, 10_002))), "10,001 values; 10,000 are"),
    ("dataset.train = 1000000000000", "less than or equal to"),
    ("stop.epochs = 1e308", "less than or equal to"),
    ("seeds = [9223372036854775807, -1]", "greater than or equal to 0"),
    ('"\\u001b]0;x\\u0007" = 1', "is not a known key"),
    ('dataset."\\u202e" = 1', "is not a known key"),
    ('[axes]\n"\\u001b[2J" = 3', "valid list"),
    ("dataset.name = '" + "x" * 100_000 + "'", "unknown"),
)


@pytest.mark.parametrize("number", range(len(HOSTILE_VALUES)))
def test_hostile_values_are_refused_before_they_are_expanded(number):
    text, words = HOSTILE_VALUES[number]
    with pytest.raises(MemlabError, match=words) as caught:
        reading.experiment(reading.from_toml(text, "file"), "file")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("span", ["0:1:1e-12", "0:1e300:1e-300", "0:10000:1"])
def test_a_range_is_counted_before_it_is_expanded(span):
    with pytest.raises(MemlabError, match="more than 10,000 values"):
        reading.parse_values(span)
    assert len(reading.parse_values("0:9999:1")) == 10_000

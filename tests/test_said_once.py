"""Small ideas that stood in several copies: each has one home, and keeps its word there."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import memlab
from memlab import disk
from memlab.atomic import taken_back
from memlab.spelling import closest, closest_field, did_you_mean
from memlab.strict_json import numbers
from memlab.text import slug

ROOT = Path(memlab.__file__).parent


@pytest.mark.parametrize(
    ("idea", "homes"),
    [
        (r"get_close_matches", {"spelling.py"}),
        (r"did you mean \{", {"spelling.py", "runs/run_folder.py"}),  # that one names several
        (r"def _?slug\b", {"text.py"}),
        (r"if (np|math)\.isfinite\((\w+)\) else None for \w+ in", set()),
        (r"wants_margins.*==|n == \"margins\"", set()),
    ],
)
def test_an_idea_has_one_home(idea: str, homes: set[str]) -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if re.search(idea, path.read_text())
    }
    assert found == homes


def test_the_nearest_name_is_asked_for_or_else_what_there_is() -> None:
    assert did_you_mean(closest("mpl", ["cnn", "mlp"]), ".") == "; did you mean 'mlp'?"
    assert did_you_mean(closest("transformer", ["cnn", "mlp"]), ". Known: cnn.") == ". Known: cnn."
    assert closest_field("widht", ["model.width", "model.depth"]) == ["model.width"]
    assert closest_field("zzzz", ["model.width"]) == []


def test_a_title_becomes_a_name_that_no_file_system_minds() -> None:
    assert slug("Noise ladder: η/S, again!", "run") == "noise-ladder-s-again"
    assert slug("…", "experiment") == "experiment"
    assert slug("a" * 39 + " b", "run") == "a" * 39


def test_what_is_no_number_is_none_in_json() -> None:
    assert numbers([1, float("nan"), float("-inf"), 0.5]) == [1.0, None, None, 0.5]


def test_a_write_that_fails_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"whole\n")
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND)

    def torn() -> None:
        with taken_back(descriptor, 6):
            disk.write_all(descriptor, b"tor")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        torn()
    os.close(descriptor)
    assert path.read_bytes() == b"whole\n"

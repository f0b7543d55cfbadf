"""The pages for who comes next name files and functions that are there, and leave none out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from memlab.claims.claim import SIZES
from memlab.cli.main import COMMANDS
from memlab.experiment.instruments import BUILT_IN
from memlab.experiment.presets import find_all

TOP = Path(__file__).parents[1]
DECISIONS = TOP / "docs" / "decisions"
PAGES = sorted(
    page
    for page in (TOP / "README.md", *(TOP / "docs").glob("*.md"), *DECISIONS.glob("*.md"))
    if page.name != "replication.md"
)
#: A file of ours, and the function, class or constant in it where one follows.
NAMED = re.compile(r"`((?:memlab|tests|presets|docs)/[\w/.*-]+)`(?:\s+`([\w.]+)`)?")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def _text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _defined(name: str, text: str) -> bool:
    """Whether a module defines the function, class, constant or attribute."""
    defined = rf"^\s*(?:async )?(?:def|class) {name}\b"
    assigned = rf"^\s*(?:self\.)?{name}\b.*[:=]"
    return re.search(f"{defined}|{assigned}", text, re.MULTILINE) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(TOP).as_posix())
def test_every_file_and_function_that_a_page_names_is_there(page: Path) -> None:
    missing = []
    for file, name in NAMED.findall(_text_of(page)):
        found = sorted(TOP.glob(file.rstrip("/")))
        if not found:
            missing.append(file)
        elif name and found[0].suffix == ".py":
            text = found[0].read_text(encoding="utf-8")
            missing += [f"{file} {part}" for part in name.split(".") if not _defined(part, text)]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(TOP).as_posix())
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    assert not [to for to in LINK.findall(_text_of(page)) if not (page.parent / to).exists()]


def test_every_test_that_a_docstring_names_is_there() -> None:
    named = {
        path
        for file in (TOP / "memlab").rglob("*.py")
        for path in re.findall(r"tests/[\w/]+\.py", file.read_text(encoding="utf-8"))
    }
    assert not sorted(path for path in named if not (TOP / path).exists())


def test_every_decision_has_the_heading_of_its_number_and_a_line_in_the_index() -> None:
    index = _text_of(DECISIONS / "README.md")
    for file in sorted(DECISIONS.glob("[0-9]*.md")):
        assert _text_of(file).startswith(f"# {file.name[:3]}: ")
        assert f"({file.name})" in index


def test_the_readme_lists_every_preset_instrument_and_command() -> None:
    text = _text_of(TOP / "README.md")
    commands = set(re.findall(r"memlab ([a-z]+)", text))
    own = [preset.name for preset in find_all() if preset.group not in SIZES]
    assert not [name for name in (*own, *BUILT_IN) if f"`{name}`" not in text]
    assert not sorted(set(COMMANDS) - commands)

"""The examples in all docstrings run as they stand; `run` is a finished run."""

from __future__ import annotations

import doctest
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

import memlab
from memlab.errors import PackageMissing

PACKAGE = Path(memlab.__file__).parent
FLAGS = doctest.ELLIPSIS


def modules() -> Iterator[ModuleType]:
    """The modules of memlab that have examples."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if ">>> " in path.read_text(encoding="utf-8"):
            parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
            yield import_module(".".join(parts))


def examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    return [test for module in modules() for test in finder.find(module) if test.examples]


@pytest.mark.parametrize("example", examples(), ids=lambda test: test.name)
def test_example_runs_as_it_stands(example: doctest.DocTest, run: memlab.Run) -> None:
    example.globs = {**example.globs, "memlab": memlab, "run": run}
    said: list[str] = []
    failed, _ = doctest.DocTestRunner(optionflags=FLAGS).run(example, out=said.append)
    assert not failed, "".join(said)


def public() -> Iterator[tuple[str, object]]:
    for name in memlab.__all__:
        try:
            found = getattr(memlab, name)
        except PackageMissing:  # an extra's
            continue
        yield name, found
        if inspect.isclass(found) and found is memlab.Run:
            for member, value in vars(found).items():
                if not member.startswith("_"):
                    yield f"{name}.{member}", value


@pytest.mark.parametrize(
    ("name", "found"), public(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_public_function_has_an_example(name: str, found: object) -> None:
    if isinstance(found, FunctionType | property) or name == "Run":
        assert ">>> " in (found.__doc__ or ""), name

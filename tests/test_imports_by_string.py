"""The import contracts hold for imports that are strings, which import-linter cannot see."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

TOP = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())
CONTRACTS = PYPROJECT["tool"]["importlinter"]["contracts"]
WITH_TORCH = CONTRACTS[0]["forbidden_modules"]
LAYERED = [[level.split(" | ") for level in c["layers"]] for c in CONTRACTS if "layers" in c]

#: Declarations without torch, which `check_no_torch` holds for each file of the panel; and what is
#: imported in a process of its own, or where torch is there already.
ALLOWED = {
    ("memlab.experiment.instruments", "memlab.instruments.panel"),
    ("memlab.data.published", "torchvision.datasets"),
    ("memlab.library.measuring", "memlab.instruments.measuring"),
}
#: Names that are known when the program runs only: third parties' and optional packages.
ASKED_FOR = {
    "memlab.bench.libraries": "find_spec(package)",
    "memlab.experiment.plugins": ".load()",
    "memlab.library.results": "import_module(name)",
    "memlab.models.own_import": "import_module(code.module)",
    "memlab.models.registry": "import_module(foreign(spec.name).module)",
}
#: Processes of their own, which may import what they like: docs/architecture.md lists them. Two
#: benches start the command line itself, one of them its own tests.
PROCESSES = r"memlab\.(worker|engines|bench|data)\b[\w.]*"
STARTED = {"memlab.bench.gpu": {"memlab", "pytest", "cuda"}, "memlab.bench.viewers": {"memlab"}}


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((TOP / "memlab").rglob("*.py")):
        name = ".".join(path.relative_to(TOP).with_suffix("").parts).removesuffix(".__init__")
        yield name, ast.parse(path.read_text(encoding="utf-8"))


def _target(node: ast.expr) -> str | None:
    """The module that the argument names; of an f-string the package before what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
        return str(node.values[0].value).rstrip(".")
    return None


def _imports(tree: ast.Module) -> Iterator[tuple[str | None, str]]:
    """Each import by string: the module, None where only the program knows, and its source."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func).rpartition(".")[2]
            if called in ("import_module", "__import__", "find_spec", "run_module", "resolve_name"):
                yield _target(node.args[0]), ast.unparse(node)
            elif called == "load" and ast.unparse(node.func) == "point.load":
                yield None, ".load()"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = re.fullmatch(r"(memlab(?:\.\w+)+):\w+", node.value)
            if found:
                yield found[1], node.value


def _within(module: str, packages: list[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _level(module: str, layers: list[list[str]]) -> int | None:
    part = f"{module}.".split(".")[1]
    return next((place for place, names in enumerate(layers) if part in names), None)


NAMED = [
    (source, target)
    for source, tree in _modules()
    for target, _ in _imports(tree)
    if target is not None and (source, target) not in ALLOWED
]


def test_there_are_imports_by_string_to_look_at():
    assert ("memlab.cli.main", "memlab.cli") in NAMED
    assert ("memlab.data.registry", "memlab.data") in NAMED


def test_the_upper_half_names_nothing_that_imports_torch():
    wrong = [
        (source, target)
        for source, target in NAMED
        if not _within(source, WITH_TORCH) and _within(target, WITH_TORCH)
    ]
    assert not wrong


def test_names_point_down_the_layers():
    wrong = []
    for layers in LAYERED:
        for source, target in NAMED:
            below, above = _level(source, layers), _level(target, layers)
            if target.startswith("memlab.") and None not in (below, above) and above < below:
                wrong.append((source, target))
    assert not wrong


def test_what_only_the_running_program_knows_is_asked_for_in_few_places():
    found = {source: text for source, tree in _modules() for to, text in _imports(tree) if not to}
    assert found == ASKED_FOR


def _words(node: ast.AST) -> list[ast.expr]:
    """Of a list, a tuple or the arguments of a call."""
    if isinstance(node, ast.Call):
        return node.args
    return node.elts if isinstance(node, ast.List | ast.Tuple) else []


def test_other_processes_are_started_by_names_that_are_there():
    for source, tree in _modules():
        for option, word in (p for node in ast.walk(tree) for p in pairwise(_words(node))):
            if isinstance(option, ast.Constant) and option.value == "-m":
                name = _target(word)
                assert name is not None, source
                if name in STARTED.get(source, ()):
                    continue
                assert re.fullmatch(PROCESSES, name), (source, name)
                file = TOP / name.replace(".", "/")
                assert file.with_suffix(".py").exists() or (file / "__main__.py").exists()

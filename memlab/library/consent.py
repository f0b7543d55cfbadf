"""Who agreed to the code that an experiment names, and where that code lies.

What a person typed (`--set model.name=python:…`, the form, an argument in Python) she agreed to by
typing it. What stands in a file, or in a run from elsewhere, needs `--allow-code MODULE`: a file
and the module beside it may have come in one archive.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from memlab.errors import InvalidExperiment
from memlab.experiment import own_network
from memlab.runs import own_code

if TYPE_CHECKING:
    from memlab.experiment.spec import Experiment
    from memlab.runs.own_code import Code
    from memlab.runs.run_folder import RunFolder


@dataclass(frozen=True)
class Consent:
    """`typed` are modules that a person named herself, `allowed` those behind `--allow-code`.

    `file` is where the experiment stands, if in a file; `own` says that it is her own preset, or
    what she composed. Nothing of it is agreed to by default.
    """

    typed: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    file: Path | None = None
    own: bool = False


def allow_argument(parser: argparse.ArgumentParser) -> None:
    """Declares `--allow-code MODULE`."""
    parser.add_argument(
        own_code.ALLOW,
        dest="allow_code",
        action="append",
        default=[],
        metavar="MODULE",
        help="agree that this module of Python, which the experiment names, is imported as it is"
        " now; repeatable",
    )


def consent_to(
    settings: Sequence[str], allowed: Iterable[str], source: str | Path | None = None
) -> Consent:
    """That of a command with these `key=value` settings.

    Args:
        allowed: modules, or addresses in them.
        source: the preset's name, or the path of the file, that the experiment is from.
    """
    typed = set()
    for setting in settings:
        _, _, text = setting.partition("=")
        typed |= {_module(word.strip(" []'\"{}")) for word in text.split(",")}
    file = None
    if isinstance(source, Path) or (source is not None and _is_path(source)):
        file = Path(source).expanduser().absolute()
    agreed_to = frozenset(map(_module_or_name, allowed))
    preset = source is not None and file is None
    return Consent(frozenset(typed - {""}), agreed_to, file, own=preset)


def _is_path(text: str) -> bool:
    return text.endswith(".toml") or "/" in text


def _module(text: str) -> str:
    try:
        return own_network.address(text).module
    except ValueError:
        return ""


def _module_or_name(text: str) -> str:
    return _module(text) or text


def agreed(experiment: Experiment, consent: Consent) -> tuple[Code, ...]:
    """The code that the experiment names, found; none where it names none.

    Raises:
        InvalidExperiment: if there is no such module, or nobody agreed to import it.
    """
    modules = own_code.modules_of(experiment)
    if not modules:
        return ()
    known = _of_run(consent.file)
    beside = [consent.file.parent] if consent.file is not None else []
    found = []
    for module in modules:
        roots = [Path(known[module].root)] if module in known else []
        code = own_code.find(module, own_code.search_path(*roots, Path.cwd(), *beside))
        if module not in known and not _is_agreed(code, consent):
            raise InvalidExperiment(
                f"{consent.file or 'The experiment'} names code that is not known to be yours:"
                f" {module} would be imported from {code.file}. If you trust both, add"
                f" {own_code.ALLOW} {module}.",
                "model.name",
            )
        found.append(code)
    return tuple(found)


def _of_run(file: Path | None) -> dict[str, Code]:
    """What a run of ours, whose experiment the file is, was allowed to import.

    Only a run in our own runs folder: beside another one may lie a registry of anybody's making.
    """
    from memlab import settings
    from memlab.runs import origin
    from memlab.runs.run_folder import RunFolder

    if file is None or not _is_runs(file):
        return {}
    if file.parent.parent.resolve() != settings.runs_folder().resolve():
        return {}
    known = own_code.from_document(origin.code_of(RunFolder(file.parent)))
    return {code.module: code for code in known}


def _is_agreed(code: Code, consent: Consent) -> bool:
    return consent.own or code.module in consent.typed | consent.allowed


def _is_runs(file: Path) -> bool:
    """Whether it is the experiment of a run."""
    from memlab.runs.run_folder import EXPERIMENT_FILE

    return file.name == EXPERIMENT_FILE


def allow(folder: RunFolder, modules: Sequence[str]) -> None:
    """Lets a run of ours import `modules`, as their files are now.

    Raises:
        RunFolderError: if the run is a guest, or cannot be read.
        InvalidExperiment: if there is no such module, or its experiment names another.
        StorageError: if that cannot be written.
    """
    from memlab.runs import origin
    from memlab.runs.run import Run

    if not modules:
        return
    origin.require_ours(folder, "given code")
    named = own_code.modules_of(Run(folder).experiment)
    known = {code.module: code for code in own_code.from_document(origin.code_of(folder))}
    for module in map(_module_or_name, modules):
        if module not in named:
            says = ", ".join(named) or "none"
            raise InvalidExperiment(
                f"The experiment of {folder.id} names no module {module}; it names {says}."
            )
        roots = [Path(known[module].root)] if module in known else []
        known[module] = own_code.find(module, own_code.search_path(*roots, Path.cwd()))
    origin.allow_code(folder, own_code.as_document(known.values()))

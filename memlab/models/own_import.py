"""The one gate through which code of the user's own is imported, in a worker and nowhere else.

What may be imported is told first (`permit`), from where a run of ours has it outside its folder
(`memlab.runs.lifecycle.require_code`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from memlab.errors import InvalidExperiment
from memlab.experiment import own_network
from memlab.runs import own_code
from memlab.runs.own_code import Code
from memlab.spelling import closest, did_you_mean
from memlab.text import plain

#: What this process may import, by module.
_PERMITTED: dict[str, Code] = {}


def permit(codes: Iterable[Code]) -> None:
    """From here on this process may import these modules."""
    _PERMITTED.update({code.module: code for code in codes})


def load(name: str) -> Any:
    """The callable at a network's address `name`, its module imported.

    Raises:
        InvalidExperiment: if that is not permitted, its file has changed, or there is no such
            callable.
    """
    where = own_network.address(name)
    code = _PERMITTED.get(where.module)
    if code is None:
        raise InvalidExperiment(
            f"{name} is code that nobody here has agreed to import; if you trust it, say"
            f" {own_code.ALLOW} {where.module}.",
            "model.name",
        )
    found: Any = _imported(name, code)
    for part in where.path.split("."):
        if not hasattr(found, part):
            near = did_you_mean(closest(part, [n for n in dir(found) if not n.startswith("_")]))
            raise InvalidExperiment(
                f"{code.file} has no {part!r}{near or '.'}".rstrip(), "model.name"
            )
        found = getattr(found, part)
    if not callable(found):
        kind = type(found).__name__
        raise InvalidExperiment(f"{name} is no callable: it is of type {kind}.", "model.name")
    return found


def _imported(name: str, code: Code) -> Any:
    why = "" if code.module in sys.modules else own_code.changed(code)
    if why:
        raise InvalidExperiment(f"{name} cannot be imported: {why}.", "model.name")
    if code.root not in sys.path:
        sys.path.append(code.root)
    try:
        made = import_module(code.module)
    except (Exception, SystemExit) as error:  # whatever the user's module does
        raise InvalidExperiment(
            f"{code.file} cannot be imported: {told(error)}.", "model.name"
        ) from error
    file = getattr(made, "__file__", None)
    if file is None or not os.path.samefile(file, code.file):
        raise InvalidExperiment(
            f"{code.module} is not {code.file} but {plain(file)}, which comes first on the path;"
            " give the module another name.",
            "model.name",
        )
    return made


def told(error: BaseException) -> str:
    """An error of the user's own code in one line."""
    said = plain(str(error).strip().split("\n")[0][:300]).rstrip(".")
    return f"{type(error).__name__}: {said}" if said else type(error).__name__

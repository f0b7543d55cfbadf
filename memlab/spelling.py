"""The nearest valid name to one that is not: the end of many an error's sentence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def closest(name: str, known: Iterable[str], count: int = 1, cutoff: float = 0.6) -> list[str]:
    """At most `count` of the known names that look like `name`, the nearest first."""
    return difflib.get_close_matches(name, list(known), n=count, cutoff=cutoff)


def closest_field(name: str, known: Iterable[str]) -> list[str]:
    """The nearest of dotted names, as a whole or by the last part.

    >>> closest_field("widht", ["model.width", "model.depth"])
    ['model.width']
    """
    options = list(known)
    tails = {option.rsplit(".", 1)[-1]: option for option in options}
    leaves = closest(name.rsplit(".", 1)[-1], tails)
    return closest(name, options, cutoff=0.5) or [tails[leaf] for leaf in leaves]


def did_you_mean(close: Iterable[str], otherwise: str = "") -> str:
    """`; did you mean 'mlp'?` for the first of `close`; without one, `otherwise`.

    >>> did_you_mean(closest("mpl", ["mlp", "cnn"]), ".")
    "; did you mean 'mlp'?"
    """
    return next((f"; did you mean {name!r}?" for name in close), otherwise)

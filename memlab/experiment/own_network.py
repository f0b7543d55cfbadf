"""A network of the user's own, `python:package.module:callable`: its address, and what is known.

Nothing here imports it. How many parameters it has, and how its members are computed, is found by
whoever may (`memlab.models.own`) and noted for this process.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from memlab.errors import InvalidExperiment

PREFIX: Final = "python:"
EXAMPLE: Final = "python:mypackage.nets:make"
#: What a callable is given by memlab itself, so that no setting may be called so.
GIVEN: Final = ("image_shape", "features", "classes")
MOST_SETTINGS: Final = 64
_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")

ImageShape = tuple[int, int, int]


class NotLookedAt(InvalidExperiment):
    """What only the network's own code tells is asked before anybody has looked at it."""


@dataclass(frozen=True)
class Address:
    """`module` is dotted; `path` leads from the module to the callable, dotted too."""

    module: str
    path: str


@dataclass(frozen=True)
class NetworkFacts:
    """What was found of a network on examples of one shape, numbers of one member.

    `activations` are the numbers that its layers put out, `widest` those of the largest, both for
    one example. `stacking` says how members are computed, in words; `alone` that a stack of several
    gains nothing, so that each is trained in one of its own.
    """

    parameters: int
    multiply_adds: int
    activations: int
    widest: int
    stacking: str
    alone: bool


def is_own(name: str) -> bool:
    """Whether a model's name is the address of a user's own network."""
    return name.startswith(PREFIX)


def address(name: str) -> Address:
    """The parts of an address.

    Raises:
        ValueError: if it is none, in words.

    >>> address("python:mypackage.nets:make")
    Address(module='mypackage.nets', path='make')
    """
    module, colon, path = name.removeprefix(PREFIX).partition(":")
    parts = [module, path]
    if not is_own(name) or not colon or not all(_NAME.fullmatch(part) for part in parts):
        raise ValueError(
            f"{name!r} is no address of a network: it is python:MODULE:CALLABLE, such as {EXAMPLE}"
        )
    word = next((w for part in parts for w in part.split(".") if keyword.iskeyword(w)), None)
    if word is not None:
        raise ValueError(f"{name!r} is no address of a network: {word!r} is a word of Python's own")
    return Address(module, path)


def check_settings(settings: Mapping[str, object]) -> None:
    """Refuses settings that no callable can be given; raises ValueError."""
    if len(settings) > MOST_SETTINGS:
        raise ValueError(f"there are {len(settings)} settings; {MOST_SETTINGS} are the most")
    for name in settings:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ValueError(f"{name!r} can be no argument of a callable")
        if name in GIVEN:
            raise ValueError(f"{name!r} is given by the data and can be no setting")


#: What was looked at in this process, by network and shape.
_FACTS: dict[tuple[str, ImageShape | None, int, int], NetworkFacts] = {}
_ALONE: dict[str, bool] = {}


def note(
    network: str, image: ImageShape | None, features: int, classes: int, facts: NetworkFacts
) -> None:
    """Keeps what was found of `network` (`ModelSpec.own`) for those who ask in this process."""
    _FACTS[network, image, features, classes] = facts
    _ALONE[network] = facts.alone


def facts(network: str, image: ImageShape | None, features: int, classes: int) -> NetworkFacts:
    """What was found of `network` on examples of this shape.

    Raises:
        NotLookedAt: if nobody has looked yet.
    """
    found = _FACTS.get((network, image, features, classes))
    if found is None:
        raise NotLookedAt(
            "What a network of your own costs is known once its code was looked at.", "model.name"
        )
    return found


def alone(network: str) -> bool:
    """Whether it is trained in a stack of its own, as far as anybody has looked."""
    return _ALONE.get(network, False)

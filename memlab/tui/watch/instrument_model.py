"""What screens say about instruments: names, figures, words, and what a quantity is drawn as. Pure.

Declarations come from `memlab.experiment.instruments`; an instrument that this memlab does not
know is described by its table's columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from memlab.errors import MemlabError
from memlab.estimate import Estimate
from memlab.experiment.instruments import Quantity, instrument
from memlab.numbers import number, percent, plus_minus
from memlab.runs.event_log import Event
from memlab.runs.instrument_notes import notes_of
from memlab.strict_json import number as known
from memlab.strict_json import whole
from memlab.text import plain

Drawing = Literal["over time", "heat map", "profile"]
UNKNOWN = "This memlab does not know the instrument; its figures are as they were recorded."
LOGGED = "A value that was logged beside the training; it is as it was recorded."
LONGEST = 1e12  # seconds; a damaged log may say more


@dataclass(frozen=True)
class Card:
    """What of an instrument is shown: its declaration without what computes."""

    name: str
    title: str
    about: str
    source: str
    headline: str
    quantities: tuple[Quantity, ...]

    def quantity(self, name: str) -> Quantity | None:
        """The quantity of that name."""
        return next((each for each in self.quantities if each.name == name), None)


def card(name: str, shapes: Mapping[str, tuple[int, ...]] | None = None) -> Card:
    """The card of an instrument; `shapes` are its table's columns after `[members]`."""
    try:
        made = instrument(name)
    except (KeyError, MemlabError, ImportError):
        dimensions = ("row", "column", "layer")
        quantities = tuple(
            Quantity(key, key.replace("_", " "), shape=dimensions[: len(shape)])
            for key, shape in (shapes or {}).items()
        )
        headline = next((q.name for q in quantities if not q.shape), "")
        about = LOGGED if name.startswith("logged-") else UNKNOWN
        return Card(name, name.replace("-", " "), about, "", headline, quantities)
    return Card(name, made.title, made.about, made.source, made.headline, made.quantities)


def listed(shown: Card, measured: Sequence[str]) -> tuple[Quantity, ...]:
    """The quantities in a list: the headline first, abscissae of others left out."""
    hidden = {q.against.name for q in shown.quantities if q.against and not q.against.places}
    kept = [q for q in shown.quantities if q.name not in hidden]
    if measured:
        kept = [q for q in kept if q.name in measured]
    return tuple(sorted(kept, key=lambda q: q.name != shown.headline))


def drawing(quantity: Quantity) -> Drawing | None:
    """How a quantity is drawn; None for more dimensions than a screen has."""
    ways: tuple[Drawing, ...] = ("over time", "profile", "heat map")
    return ways[len(quantity.shape)] if len(quantity.shape) < 3 else None


def places(quantity: Quantity, count: int) -> tuple[list[float], str]:
    """Where the values of a one-dimensional quantity stand on an axis, and the axis' name.

    At the places that it declares, if they are as many as the values, else at 0, 1, 2 …
    """
    against = quantity.against
    if against is not None and len(against.places) == count:
        return list(against.places), against.name
    return [float(index) for index in range(count)], quantity.shape[0] if quantity.shape else ""


def figure(mean: float | None, half: float = math.nan) -> str:
    """A mean with its 95 % half-width, and no more digits than that supports.

    Without an interval three significant digits; very large and very small ones with a power of
    ten: `(2.3 ± .2)e−5`.
    """
    if mean is None or not math.isfinite(mean):
        return number(mean)
    certain = math.isfinite(half)
    size = max(abs(mean), abs(half) if certain else 0.0)
    if size and not 1e-3 <= size < 1e6:
        exponent = math.floor(math.log10(size))
        scale = 10.0**exponent if exponent > -300 else 1e-300
        text = plus_minus(Estimate.around(mean / scale, half / scale), 2)
        power = f"e{exponent}".replace("-", "−")
        return f"({text}){power}" if certain else f"{text}{power}"
    fitting = min(5, max(0, 2 - math.floor(math.log10(size)))) if size else 3
    if not certain:
        return number(mean, fitting)
    return plus_minus(Estimate.around(mean, half), max(3, fitting))


def words(shown: Card, quantity: Quantity) -> tuple[str, str, str]:
    """What a quantity is, what its instrument does, and whose idea it was: a line each."""
    unit = f" [{quantity.unit}]" if quantity.unit else ""
    stack = ", of all networks of a stack together" if quantity.of_stack else ""
    bounds = ""
    if quantity.low is not None and quantity.high is not None:
        bounds = f", from {number(quantity.low, 0)} to {number(quantity.high, 0)}"
    about = quantity.about.removesuffix(", of the whole stack") if stack else quantity.about
    return f"{about}{unit}{bounds}{stack}", shown.about, shown.source


@dataclass(frozen=True)
class Costs:
    """What events say: seconds by instrument, of training, reasons of failures, and notes."""

    seconds: Mapping[str, float]
    training: float
    failed: Mapping[str, str]
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def said(self, name: str) -> str:
        """`1.4 % of training time`; empty where no event tells."""
        if name not in self.seconds or not self.training > 0:
            return ""
        share = self.seconds[name] / self.training
        return f"{percent(share, 1 if share < 0.095 else 0)} of training time"


def costs(events: Sequence[Event]) -> Costs:
    """The last word of each stack on costs, and the latest failure of each instrument."""
    latest = {whole(e.data.get("stack")): e.data for e in events if e.type == "instruments-cost"}
    seconds: dict[str, float] = {}
    training = 0.0
    for data in latest.values():
        spent = data.get("seconds")
        training += known(data.get("training"), 0, LONGEST) or 0.0
        for name, value in (spent if isinstance(spent, dict) else {}).items():
            if (taken := known(value, 0, LONGEST)) is not None:
                seconds[name] = seconds.get(name, 0.0) + taken
    failed = {
        plain(e.data.get("instrument")): plain(e.data.get("reason", "no reason was given"))
        for e in events
        if e.type == "instrument-failed"
    }
    return Costs(seconds, training, failed, notes_of(events))

"""What an instrument declares, and which instruments there are; no torch.

An instrument is one file with one `Instrument` in it: memlab's own in `memlab/instruments/panel`, a
third party's behind the entry point group `memlab.instruments`. Importing such a file imports no
torch; its `measure` does when it is called, in the worker.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from memlab.experiment import plugins

#: The order of every list; a file of the panel that is not named here comes after these.
ORDER: Final = (
    "ledger",
    "stiffness",
    "tangent-kernel",
    "gradient-noise",
    "gradient-covariance",
    "fisher",
    "curvature",
    "curvature-trace",
    "spectrum",
    "critical-samples",
    "sensitivity",
    "unrolled-sensitivity",
    "margins",
    "probes",
    "alignment",
)
#: Left on by `default`: what a person watches; the others are for a question of their own.
DEFAULT: Final = (
    "ledger",
    "stiffness",
    "gradient-noise",
    "curvature",
    "critical-samples",
    "sensitivity",
    "margins",
)
_PANEL: Final = (Path(__file__).parent.parent / "instruments" / "panel").glob("[!_]*.py")
#: memlab's own, each the file of its name; nothing is imported.
BUILT_IN: Final = tuple(dict.fromkeys((*ORDER, *sorted(f.stem.replace("_", "-") for f in _PANEL))))

Cadence = Annotated[float, Field(gt=0.0, le=1e6)] | Literal["auto"]
Examples = Annotated[int, Field(ge=2, le=65_536)]
#: Whose curvature is measured: the generalized Gauss-Newton matrix leaves out the network's own.
Matrix = Literal["hessian", "ggn"]


class Settings(BaseModel):
    """What a person may set about one instrument; instruments add fields of their own."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    cadence: Cadence = Field(
        default="auto",
        description="Epochs between measurements, or auto: as often as the share of time allows",
    )
    examples: Examples = Field(default=128, description="Examples that it looks at")


#: What the worker computes only for instruments that ask for it: `margins`, with each evaluation,
#: of every training example, and the classes that rival the given ones.
Need = Literal["margins"]
NEEDS: Final[tuple[Need, ...]] = get_args(Need)


@dataclass(frozen=True)
class Abscissa:
    """What a one-dimensional quantity is drawn against.

    `name` is another quantity of the instrument, of the same shape; or with `places`, which are
    the same for all members, the axis' name. `log` draws it on a logarithmic axis; `outside` is
    the value beyond a member's own abscissae.
    """

    name: str
    places: tuple[float, ...] = ()
    log: bool = False
    outside: float = math.nan


def percentiles(shares: Sequence[float]) -> Abscissa:
    """The axis of quantiles at these shares: 0.05 stands at 5."""
    return Abscissa("percentile", tuple(round(100 * share, 9) for share in shares))


@dataclass(frozen=True)
class Quantity:
    """One of an instrument's results per member.

    `shape` names the dimensions after `[members]`, such as `("class", "class")`; none for a scalar.
    `low` and `high` bound it where it is bounded. `of_stack` marks what belongs to all members of
    a stack together, such as a count of products. `against` is what a one-dimensional one is drawn
    against; without it, its index.
    """

    name: str
    about: str
    unit: str = ""
    shape: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    of_stack: bool = False
    against: Abscissa | None = None


@dataclass(frozen=True)
class Workload:
    """What costs are estimated from: one member's network and data."""

    train_examples: int
    validation_examples: int
    parameters: int
    classes: int


@dataclass(frozen=True)
class Instrument:
    """The declaration of an instrument.

    `cost(settings, workload)` estimates one measurement of one member in forward-backward passes
    over a single example, the unit of training. `measure(subject, settings)` gives an array
    `[active members, *shape]` for every quantity; `subject` is a `memlab.instruments.subject.
    Subject`. `every_evaluation` marks an instrument that has to see all evaluations, whatever its
    cadence; `once` one that depends on initialization and data alone, so that a run measures it a
    single time. `headline` is the quantity that a small screen shows; what is in `needs` is there
    whenever it measures.
    """

    name: str
    title: str
    about: str
    source: str
    quantities: tuple[Quantity, ...]
    headline: str
    measure: Callable[[Any, Any], Mapping[str, Any]]
    cost: Callable[[Any, Workload], float]
    settings: type[Settings] = Settings
    every_evaluation: bool = False
    once: bool = False
    needs: tuple[Need, ...] = ()

    def quantity(self, name: str) -> Quantity:
        """The declared quantity of that name; KeyError where there is none."""
        return next(q for q in self.quantities if q.name == name)


def headline_name(name: str, headline: str) -> str:
    """A short name of an instrument with its headline's: `stiffness, within`, `curvature trace`."""
    words, more = name.replace("-", " ").split(), headline.replace("_", " ").split()
    for shared in range(min(len(words), len(more)), 0, -1):
        if words[-shared:] == more[:shared]:
            return " ".join(words + more[shared:])
    return " ".join(words) + (f", {' '.join(more)}" if more else "")


def known() -> tuple[str, ...]:
    """Names of all instruments, memlab's own first; no instrument is imported."""
    return (*BUILT_IN, *(n for n in plugins.names(plugins.INSTRUMENTS) if n not in BUILT_IN))


@cache
def instrument(name: str) -> Instrument:
    """The declaration of the instrument `name`.

    Raises:
        KeyError: if there is none.
        InvalidExperiment: if an entry point does not lead to an `Instrument` of that name.
    """
    if name in BUILT_IN:
        module = import_module(f"memlab.instruments.panel.{name.replace('-', '_')}")
        found: Instrument = module.INSTRUMENT
    else:
        found = plugins.load(plugins.INSTRUMENTS, name, Instrument)
    return found


def chosen(on: tuple[str, ...]) -> tuple[str, ...]:
    """The instruments that `on` names, `default` and `all` spelt out, each once, in their order."""
    wanted: list[str] = []
    for name in on:
        group = {"default": DEFAULT, "all": known()}.get(name, (name,))
        wanted.extend(found for found in group if found not in wanted)
    return tuple(name for name in known() if name in wanted)

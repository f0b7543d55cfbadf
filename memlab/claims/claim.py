"""What a claim is: one declaration with its quantity, its criterion and its negative control.

Everything that decides a verdict is fixed here before a run; nothing here reads a file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from memlab.claims.verdict import Effect, Name, Rule, Verdict, all_of, decide, seeds_to_decide

if TYPE_CHECKING:
    from memlab.claims.finished_run import Evidence

Values = NDArray[np.float64]
Size = Literal["laptop", "full", "paper"]
SIZES: Final[tuple[Size, ...]] = get_args(Size)


@dataclass(frozen=True)
class Condition:
    """One of the statements that a claim is made of: an effect and where it has to lie."""

    label: str
    effect: Effect
    rule: Rule

    @property
    def verdict(self) -> Verdict:
        """What may be said of it."""
        return decide(self.effect, self.rule)


@dataclass(frozen=True, eq=False)
class Line:
    """One line of a figure: `x` [points], `y` [seeds, points]."""

    label: str
    x: Values
    y: Values
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class Panel:
    """One pair of axes, in the form of the paper's figure; `level` is a horizontal guide.

    `marks` draws points with intervals in place of a band around a line, `ticks` names places.
    """

    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    log_x: bool = False
    log_y: bool = False
    level: float | None = None
    marks: bool = False
    ticks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Measured:
    """What a claim's quantity gives: conditions, the first the headline; figure; remarks."""

    conditions: tuple[Condition, ...]
    panels: tuple[Panel, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def verdict(self) -> Name:
        """Supported iff every condition is, not supported if any is not."""
        return all_of([condition.verdict for condition in self.conditions])

    @property
    def seeds_to_decide(self) -> int | None:
        """How many seeds would decide; None where that is not known or not asked."""
        return seeds_to_decide([condition.verdict for condition in self.conditions])

    @property
    def deciding(self) -> Condition:
        """The headline, or the first condition that keeps the claim from being supported."""
        for condition in self.conditions:
            if condition.verdict.verdict == self.verdict:
                return condition
        return self.conditions[0]


Measure = Callable[["Evidence"], Measured]


@dataclass(frozen=True)
class Control:
    """Where the claim must not be supported: the same criterion on other runs or cells."""

    about: str
    measure: Measure
    presets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claim:
    """One statement of a paper.

    `sentence` is the paper's in our words, `criterion` when it counts as supported. `reading` is
    why it may fail on small data, told where it does. `presets` are without the size, `labels` for
    `labels-laptop`; a third party's are in `folder`. Without `measure` it stands for what is still
    to come; `needs` says why.
    """

    id: str
    paper: str
    title: str
    sentence: str
    source: str
    criterion: str
    paper_had: str
    refuted_by: str
    reading: str = ""
    done: str = ""
    presets: tuple[str, ...] = ()
    measure: Measure | None = None
    control: Control | None = None
    needs: str = ""
    folder: Path | None = None

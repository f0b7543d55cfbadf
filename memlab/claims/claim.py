"""What a claim is: one declaration with its quantity, its criterion, its rival and its control.

Everything that decides a verdict is fixed here before a run; nothing here reads a file. The rules
are section 0 of docs/science.md; `judgement` applies them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from memlab.claims import power, significance
from memlab.claims.intervals import Effect
from memlab.claims.trend import Trend
from memlab.claims.verdict import LEAST_REPLICATES, Name, Rule, decide

if TYPE_CHECKING:
    from memlab.claims.finished_run import Evidence, FinishedRun
    from memlab.experiment.reading import Tree

Values = NDArray[np.float64]
Size = Literal["laptop", "full", "paper"]
SIZES: Final[tuple[Size, ...]] = get_args(Size)


@dataclass(frozen=True, eq=False)
class Condition:
    """One of the statements that a claim is made of: an effect and where it has to lie.

    `values` [replicates] is what the effect is the mean of, for figures. `trend` is kept where the
    effect is a slope: its p is then the one of stratified permutation, if the rule asks for 0.
    """

    label: str
    effect: Effect
    rule: Rule
    values: Values | None = None
    trend: Trend | None = None

    @property
    def verdict(self) -> Name:
        """What may be said of it."""
        return decide(self.effect, self.rule)

    @cached_property
    def p(self) -> float:
        """Two-sided p; NaN where there is no interval."""
        asks_for_zero = self.rule.direction != "within" and self.rule.threshold == 0.0
        if self.trend is not None and asks_for_zero:
            return self.trend.p
        return significance.p_value(self.effect, self.rule)

    @property
    def smallest_effect(self) -> float:
        """What as many replicates of this spread would show at 80 % power (`power`)."""
        return power.smallest_effect(self.effect, self.rule)

    @property
    def to_decide(self) -> int | None:
        """The replicates that would decide at 80 % power; None where that is not known."""
        return power.to_decide(self.effect, self.rule)


@dataclass(frozen=True, eq=False)
class Line:
    """One line of a figure: `x` [points], `y` [replicates, points]."""

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
    """What a claim's quantity gives: conditions, the first the primary one; figure; remarks.

    `contrast` [replicates] is the claim's contrast as measured here, on claim and control alike:
    the two are compared replicate by replicate. NaN for a replicate that has none.
    """

    conditions: tuple[Condition, ...]
    panels: tuple[Panel, ...] = ()
    remarks: tuple[str, ...] = ()
    contrast: Values | None = None

    @property
    def primary(self) -> Condition:
        """The condition that can refute the claim, and whose p is adjusted."""
        return self.conditions[0]

    @property
    def verdict(self) -> Name:
        """Of the conditions alone: supported iff each is, not supported iff the primary is not."""
        names = [condition.verdict for condition in self.conditions]
        if names and set(names) == {"supported"}:
            return "supported"
        return "not supported" if names[:1] == ["not supported"] else "inconclusive"

    @property
    def deciding(self) -> Condition:
        """The primary condition, or where that holds the first that does not."""
        if self.primary.verdict != "supported":
            return self.primary
        failing = (one for one in self.conditions if one.verdict != "supported")
        return next(failing, self.primary)


Measure = Callable[["Evidence"], Measured]
#: Values per replicate by name, each [replicates] or [replicates, conditions].
Found = Mapping[str, Values]


@dataclass(frozen=True)
class Contrast:
    """The signed quantity on which claim and control are compared, `Measured.contrast` of both.

    `direction` is the side of 0 on which claim − control has to lie; `either` where the claim is
    two-sided: it is then the side on which its primary effect lies.
    """

    label: str
    direction: Literal["above", "below", "either"]


@dataclass(frozen=True)
class Control:
    """An experiment that can fail: the same criterion where the rival is present and the claimed
    mechanism is not, on as much data and at the same stage of training.

    `cannot_fail` says, of an older claim, why this is no control; its claim is then never
    supported.
    """

    about: str
    measure: Measure
    presets: tuple[str, ...] = ()
    cannot_fail: str = ""


@dataclass(frozen=True)
class Sensitivity:
    """The control of an equality: two arms known to differ, judged by the claim's own margins.

    Each condition that `measure` gives has to come out wholly outside of its margin.
    """

    about: str
    measure: Measure
    presets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Calibration:
    """Shown beside the control and never counted: two draws of one thing, permuted masks."""

    about: str
    measure: Measure
    presets: tuple[str, ...] = ()


@dataclass(frozen=True)
class FollowUp:
    """A run that another run's outcome decides: `preset`, filled in once `after` is finished.

    `fill` is given the preset with the claim's replicates as its axis over splits, and the finished
    run of those replicates; it gives the preset that is trained, and draws by keys alone, so that
    it gives the same again. One that leaves no replicate over is not run.
    """

    preset: str
    after: str
    fill: Callable[[Tree, FinishedRun], Tree]


@dataclass(frozen=True)
class Change:
    """A criterion that changed after board data had been seen; `date` as 2026-11-27."""

    date: str
    old: str
    new: str
    why: str


@dataclass(frozen=True)
class Claim:
    """One statement of a paper.

    `sentence` is the paper's in our words, `criterion` when it counts as supported, `rival` what
    else would make this number. `reading` is why it may fail on small data, told where it does.
    `presets` are without the size, `labels` for `labels-laptop`; a third party's are in `folder`.
    Those that another one's run decides are in `follow_ups` too.
    Without `measure` it stands for what is still to come; `needs` says why.

    `rule` is the part of `measure` that decides, from values per replicate to conditions and
    contrast: tests try it on worlds where the truth is known. `least` is the number of replicates
    below which there is no verdict, `least_effect` the primary effect, in its own units, that they
    show at 80 % power, `budget` the processor seconds of all its runs at laptop size; each is fixed
    before the run.
    """

    id: str
    paper: str
    title: str
    sentence: str
    source: str
    criterion: str
    paper_had: str
    refuted_by: str
    rival: str = ""
    contrast: Contrast | None = None
    reading: str = ""
    done: str = ""
    presets: tuple[str, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    measure: Measure | None = None
    rule: Callable[[Found], Measured] | None = field(default=None, repr=False)
    control: Control | None = None
    sensitivity: Sensitivity | None = None
    calibrations: tuple[Calibration, ...] = ()
    history: tuple[Change, ...] = ()
    least: int = LEAST_REPLICATES
    least_effect: float | None = None
    budget: float | None = None
    needs: str = ""
    folder: Path | None = None

    @property
    def against(self) -> Control | Sensitivity | None:
        """What can keep it from being supported besides its own conditions."""
        return self.control or self.sensitivity


@dataclass(frozen=True, eq=False)
class Checked:
    """What a check gave: whether it holds, and in a sentence how it came out."""

    holds: bool
    told: str
    panels: tuple[Panel, ...] = ()


@dataclass(frozen=True)
class Check:
    """A theorem, or arithmetic: listed apart from the claims and never counted among them.

    `beside` is the id of the claim on whose page it stands; it is run whenever that claim is.
    """

    id: str
    beside: str
    title: str
    sentence: str
    source: str
    measure: Callable[[Evidence], Checked]
    presets: tuple[str, ...] = ()

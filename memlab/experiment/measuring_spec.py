"""What is measured and kept: evaluations, checkpoints, instruments and baselines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from memlab.experiment import instruments
from memlab.experiment.section import FieldError, Section, UnknownNameError, words

BASELINES = (
    "1-nn",
    "k-nn",
    "rbf",
    "rbf-interpolating",
    "laplace",
    "laplace-interpolating",
    "random-forest",
    "ridge",
    "logistic",
    "minimum-norm",
    "random-features",
)
#: Each for a question of its own: `all` leaves them out.
SPECIAL_BASELINES = ("polynomial", "tangent-kernel", "rbf-features")

#: The parts of the data, in the order in which they are measured.
PARTS = ("train", "validation", "test")


class EvaluationSpec(Section):
    """When the data is measured, and which parts of it."""

    every: float = Field(
        default=1.0,
        gt=0.0,
        le=1e6,
        title="evaluate every",
        description="Epochs between evaluations",
        json_schema_extra=words(unit="epochs"),
    )
    early: Annotated[float, Field(gt=0.0, le=1e6)] | None = Field(
        default=None, description="Epochs between evaluations at first; empty: as later"
    )
    early_until: float = Field(
        default=1.0, gt=0.0, le=1e6, description="Epoch up to which the early ones go"
    )
    parts: tuple[str, ...] = Field(
        default=PARTS,
        title="evaluate on",
        description="Parts of the data that are measured: some of " + ", ".join(PARTS),
    )

    outcomes: bool = Field(
        default=False,
        title="keep outcomes",
        description="Keep each network's final correctness and margin on every training and test"
        " example, from which memorization and influence are estimated",
    )

    line_points: Annotated[int, Field(ge=0, le=101)] = Field(
        default=0,
        description="After training, accuracy and loss at so many points of the straight line"
        " between networks that differ in fork.noise_seed alone, both ends among them; 0: none",
    )

    @field_validator("line_points")
    @classmethod
    def _with_ends(cls, points: int) -> int:
        if points in (1, 2):
            raise ValueError("a line takes 3 points or more, its ends and what is between; 0: none")
        return points

    @field_validator("parts")
    @classmethod
    def _some_parts(cls, parts: tuple[str, ...]) -> tuple[str, ...]:
        for name in parts:
            if name not in PARTS:
                raise UnknownNameError(name, PARTS)
        if "train" not in parts and "test" not in parts:
            raise ValueError("it needs train or test, which the report is made from")
        return tuple(name for name in PARTS if name in parts)


class CheckpointSpec(Section):
    """When everything needed to go on is saved, and how much of it is kept."""

    every_seconds: float = Field(
        default=30.0,
        ge=0.0,
        le=1e9,
        title="save every",
        description="Seconds between checkpoints",
        json_schema_extra=words(unit="s"),
    )
    keep: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=4,
        title="keep saved",
        description="Checkpoints kept per stack: the newest, thinning with age",
    )


class InstrumentsSpec(Section):
    """What is measured beside the losses (science.md), how often, and on how many examples."""

    on: tuple[str, ...] = Field(
        default=(),
        title="instruments",
        description="Instruments: default, all, or some of " + ", ".join(instruments.BUILT_IN),
    )
    share: Annotated[float, Field(gt=0.0, le=10.0)] = Field(
        default=0.15, description="Time for all with cadence auto, as a share of training time"
    )
    cadence: instruments.Cadence = Field(
        default="auto", description="Epochs between measurements, or auto"
    )
    examples: instruments.Examples = Field(
        default=128, description="Examples that each instrument looks at"
    )
    settings: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="An instrument's own settings, by its name",
        json_schema_extra={"by_name": True},
    )

    @model_validator(mode="before")
    @classmethod
    def _tables(cls, data: Any) -> Any:
        """A table `[instruments.NAME]` switches that instrument on, with these settings."""
        if not isinstance(data, Mapping):
            return data
        tables = {k: v for k, v in data.items() if isinstance(v, Mapping) and k != "settings"}
        if not tables:
            return data
        rest = {k: v for k, v in data.items() if k not in tables}
        on, own = rest.get("on", ()), rest.get("settings", {})
        if isinstance(on, list | tuple) and isinstance(own, Mapping):
            rest["on"] = (*on, *(name for name in tables if name not in on))
            rest["settings"] = {**own, **tables}
        return rest

    @field_validator("on")
    @classmethod
    def _known(cls, on: tuple[str, ...]) -> tuple[str, ...]:
        for name in on:
            if name not in ("default", "all", *instruments.known()):
                raise UnknownNameError(name, ("default", "all", *instruments.known()))
        return on

    @model_validator(mode="after")
    def _own_settings(self) -> Self:
        for name in self.settings:
            if name not in instruments.known():
                raise UnknownNameError(name, instruments.known())
            try:
                self.settings_of(name)
            except ValidationError as error:
                first = error.errors()[0]
                place = ".".join((name, *map(str, first["loc"])))
                leaf = next(iter(first["loc"]), "settings")
                own = str(leaf) if leaf in type(self).model_fields else "settings"
                raise FieldError(own, f"{place}: {first['msg'].lower()}") from error
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The instruments that are on, `default` and `all` spelt out."""
        return instruments.chosen(self.on)

    def settings_of(self, name: str) -> instruments.Settings:
        """The settings of the instrument `name`, its own over the common ones."""
        common = {"cadence": self.cadence, "examples": self.examples}
        made = instruments.instrument(name).settings
        return made.model_validate(common | self.settings.get(name, {}))


class BaselinesSpec(Section):
    """What is no deep network, fitted to the same corrupted data after the training."""

    on: tuple[str, ...] = Field(
        default=(),
        title="baselines",
        description="Baselines: all, or some of "
        + ", ".join((*BASELINES, *SPECIAL_BASELINES))
        + "; all leaves out "
        "polynomial, tangent-kernel (of the networks before training) and rbf-features (a kernel on"
        " the last hidden layer after it)",
    )
    degree: Annotated[int, Field(ge=1, le=16)] | None = Field(
        default=None,
        description="Degree of the polynomial kernel; empty: that of parity, else 2, 3 or 4 by"
        " validation",
    )

    @field_validator("on")
    @classmethod
    def _known(cls, on: tuple[str, ...]) -> tuple[str, ...]:
        for name in on:
            if name not in ("all", *BASELINES, *SPECIAL_BASELINES):
                raise UnknownNameError(name, ("all", *BASELINES, *SPECIAL_BASELINES))
        return on

    @property
    def names(self) -> tuple[str, ...]:
        """The baselines that are on, `all` spelt out."""
        on = (*BASELINES, *self.on) if "all" in self.on else self.on
        return tuple(name for name in (*BASELINES, *SPECIAL_BASELINES) if name in on)

"""The experiment: one validated, immutable description of what is trained on what.

The preset's TOML, `--set`, the app's form and the JSON schema all come from these classes. What
lives here is the shape and the bounds of a description; reading files and wording errors is
`reading.py`, expanding axes is `grid.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from memlab.experiment import instruments, plugins

SCHEMA_VERSION = 1

DATASETS = (
    "digits",
    "mnist",
    "fashion-mnist",
    "kmnist",
    "cifar10",
    "cifar100",
    "svhn",
    "mnist1d",
    "gaussian",
)
LABEL_CORRUPTIONS = ("labels", "labels-other", "labels-pair")
INPUT_CORRUPTIONS = ("inputs", "pixel-shuffle", "pixel-random")
CORRUPTIONS = (
    "none",
    *LABEL_CORRUPTIONS,
    *INPUT_CORRUPTIONS,
    *(f"{label}+{inputs}" for label in LABEL_CORRUPTIONS for inputs in INPUT_CORRUPTIONS),
)
#: The papers' claims by their ids; what they are is `memlab.reports.claims`.
CLAIMS: tuple[str, ...] = (
    *(f"Z{number}" for number in range(1, 8)),
    *(f"A{number}" for number in range(1, 9)),
    *(f"T{number}" for number in range(1, 6)),
    *(f"S{number}" for number in range(1, 4)),
    *(f"F{number}" for number in range(1, 6)),
    *(f"B{number}" for number in range(1, 6)),
    *(f"L{number}" for number in range(1, 5)),
)
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

MODELS = ("linear", "mlp", "cnn", "alexnet-small", "inception-small", "resnet20", "wrn16-4")

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Rate = Annotated[float, Field(ge=0.0, lt=1.0)]
Count = Annotated[int, Field(ge=1)]


class UnknownNameError(ValueError):
    """A name that is not among the known ones; `reading.py` adds the nearest valid one."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"{name!r} is not a known name")
        self.name = name
        self.known = known


class Section(BaseModel):
    """A part of the experiment: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DatasetSpec(Section):
    """Which examples, how many of them, and how their values are scaled."""

    name: str = Field(
        default="digits",
        description="Dataset: " + ", ".join(DATASETS) + ", npz:PATH or folder:PATH",
        json_schema_extra={"choices": list(DATASETS)},
    )
    train: Count | None = Field(
        default=None, description="Training examples; empty: the dataset's own default"
    )
    validation: Count | None = Field(
        default=None, description="Validation examples; empty: the dataset's own default"
    )
    test: Count | None = Field(
        default=None, description="Test examples; empty: the dataset's own default"
    )
    split_seed: int = Field(default=0, ge=0, description="Seed of the split, shared by all members")
    scaling: Literal["standardize", "features", "images", "unit"] = Field(
        default="standardize",
        description="One mean and deviation for all, per feature, per image (whitening), or [0, 1]",
    )
    crop: Count | None = Field(default=None, description="Side of a centre crop, in pixels")
    fake_class: Annotated[int, Field(ge=0, le=2)] = Field(
        default=0,
        description="Threshold samples for memlab suspects: 1 or 2 gives the first or the second"
        " N/(C + 1) training examples drawn by lot a class of their own",
    )

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        prefix, colon, path = name.partition(":")
        if colon and prefix in ("npz", "folder") and path:
            return name
        if name not in DATASETS and name not in plugins.names(plugins.DATASETS):
            foreign = plugins.names(plugins.DATASETS)
            raise UnknownNameError(name, (*DATASETS, *foreign, "npz:PATH", "folder:PATH"))
        return name


class CorruptionSpec(Section):
    """What noise does to the training data (Zhang 2017, section 2; Arpit 2017, section 3)."""

    kind: str = Field(
        default="none",
        description="Noise: " + ", ".join(CORRUPTIONS[:7]) + ", or a label and an input kind joined"
        " by '+'",
        json_schema_extra={"choices": list(CORRUPTIONS)},
    )
    fraction: Fraction = Field(default=0.0, description="Share of the training examples corrupted")
    input_fraction: Fraction | None = Field(
        default=None, description="Share for the input part of a combination; empty: the same"
    )
    test: bool = Field(
        default=False, description="Corrupt validation and test data in the same way too"
    )
    shared: bool = Field(
        default=False,
        description="One draw for all seeds, keyed by the split's seed: networks then differ in"
        " initialization and order alone",
    )

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind not in CORRUPTIONS and kind not in plugins.names(plugins.CORRUPTIONS):
            raise UnknownNameError(kind, (*CORRUPTIONS, *plugins.names(plugins.CORRUPTIONS)))
        return kind


class ModelSpec(Section):
    """The network's architecture."""

    name: str = Field(
        default="mlp",
        description="Architecture: " + ", ".join(MODELS),
        json_schema_extra={"choices": list(MODELS)},
    )
    width: Annotated[int, Field(ge=1, le=65536)] | None = Field(
        default=None, description="Units per hidden layer, or filters; empty: its own (mlp: 256)"
    )
    depth: Annotated[int, Field(ge=1, le=64)] | None = Field(
        default=None, description="Hidden layers of an mlp; empty: 2"
    )
    activation: Literal["relu", "tanh", "gelu", "sigmoid"] = Field(
        default="relu", description="Activation of hidden units"
    )
    normalization: Literal["none", "batch", "layer", "group"] | None = Field(
        default=None, description="Normalization; empty: the architecture's own"
    )
    ghost_batch: Annotated[int, Field(ge=2)] | None = Field(
        default=None, description="Examples per ghost batch of batch normalization"
    )

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in MODELS and name not in plugins.names(plugins.MODELS):
            raise UnknownNameError(name, (*MODELS, *plugins.names(plugins.MODELS)))
        return name


class LossSpec(Section):
    """What is minimized."""

    name: Literal["cross-entropy", "squared"] = Field(
        default="cross-entropy",
        description="Softmax cross-entropy, or ½‖·‖² on one-hot targets",
    )
    label_smoothing: Rate = Field(default=0.0, description="Mass spread evenly over all classes")


class OptimizerSpec(Section):
    """How parameters move."""

    name: Literal["sgd", "adam", "adamw"] = Field(default="sgd", description="Optimizer")
    learning_rate: float = Field(default=0.1, gt=0.0, le=1e4, description="Learning rate η")
    batch_size: Count = Field(default=128, description="Batch size S")
    momentum: Rate = Field(default=0.0, description="Momentum m of SGD")
    nesterov: bool = Field(default=False, description="Nesterov's form of momentum")
    beta1: Rate = Field(default=0.9, description="Adam: decay of the first moment")
    beta2: Rate = Field(default=0.999, description="Adam: decay of the second moment")
    epsilon: float = Field(default=1e-8, gt=0.0, le=1.0, description="Adam: ε of the denominator")

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Self:
        if self.nesterov and (self.name != "sgd" or self.momentum == 0.0):
            raise ValueError("nesterov needs sgd with a momentum above 0")
        return self


ScheduleKind = Literal[
    "constant",
    "step",
    "exponential",
    "cosine",
    "cyclic",
    "cyclic-batch",
    "decay-rate",
    "grow-batch",
    "hybrid",
]


class ScheduleSpec(Section):
    """How learning rate and batch size change (Smith 2017; Jastrzębski 2017)."""

    kind: ScheduleKind = Field(
        default="constant",
        description="constant; step (η ÷ factor at milestones; Smith's decay-rate is the same);"
        " exponential (η ÷ factor each period); cosine; cyclic (η ÷ factor ↔ η) and cyclic-batch"
        " (S ↔ S × factor) by half periods; grow-batch (S × factor at milestones); hybrid (the"
        " first milestone grows S, later ones decay η)",
    )
    milestones: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        default=(), description="Epochs of the steps, ascending"
    )
    factor: float = Field(default=5.0, gt=1.0, le=1e6, description="Factor of a step or cycle")
    warmup: float = Field(default=0.0, ge=0.0, description="Epochs of linear warm-up of η from 0")
    period: float = Field(default=1.0, gt=0.0, description="Epochs per period of a cycle")
    floor: Rate = Field(default=0.0, description="Cosine: lowest η as a share of the first")
    max_batch: Count | None = Field(default=None, description="Largest batch size of a growing one")

    @model_validator(mode="after")
    def _milestones(self) -> Self:
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError("milestones must be ascending, each once")
        if self.kind in ("step", "decay-rate", "grow-batch", "hybrid") and not self.milestones:
            raise ValueError(f"{self.kind} needs milestones, such as [60, 120, 160]")
        return self


class RegularizationSpec(Section):
    """What hinders fitting (Zhang 2017, section 3; Arpit 2017, section 5)."""

    weight_decay: float = Field(default=0.0, ge=0.0, le=100.0, description="Weight decay")
    dropout: Rate = Field(default=0.0, description="Dropout rate of hidden units")
    input_dropout: Rate = Field(default=0.0, description="Dropout rate of inputs")
    input_noise: float = Field(
        default=0.0, ge=0.0, le=100.0, description="Deviation of Gaussian noise on inputs"
    )
    hidden_noise: float = Field(
        default=0.0, ge=0.0, le=100.0, description="Deviation of Gaussian noise on hidden units"
    )
    adversarial_weight: Fraction = Field(
        default=0.0, description="Weight of the loss on adversarial examples"
    )
    adversarial_radius: float = Field(
        default=0.1, gt=0.0, le=100.0, description="ℓ∞ radius of the search, in scaled inputs"
    )
    adversarial_steps: Annotated[int, Field(ge=1, le=100)] = Field(
        default=3, description="Steps of the search for adversarial examples (LASS)"
    )
    augmentation: Literal["none", "shift", "crop-flip"] = Field(
        default="none", description="Random shifts of images, or padded crops with mirroring"
    )


class StopSpec(Section):
    """When a member's training ends: at the first of these."""

    epochs: float = Field(default=100.0, gt=0.0, le=1e6, description="Epochs")
    updates: Count | None = Field(default=None, description="Updates")
    train_accuracy: Fraction | None = Field(
        default=None, description="Train accuracy reached at an evaluation"
    )
    seconds: float | None = Field(default=None, gt=0.0, description="Seconds of the whole run")
    patience: float | None = Field(
        default=None, gt=0.0, description="Epochs without a better validation accuracy"
    )


class ForkSpec(Section):
    """From some epoch on with other settings; up to there exactly as without the fork.

    A fork as an axis (`[axes] fork = [{}, {at = 2, learning_rate = 0.01}]`) compares networks that
    share their first epochs to the last bit (Jastrzębski 2020, section 4.3).
    """

    at: float | None = Field(
        default=None, ge=0.0, le=1e6, description="Epoch of the fork; empty: none"
    )
    learning_rate: Annotated[float, Field(gt=0.0, le=1e4)] | None = Field(
        default=None, description="Learning rate η from there on; empty: as before"
    )
    batch_size: Count | None = Field(
        default=None, description="Batch size S from there on; empty: as before"
    )
    schedule: ScheduleKind | None = Field(
        default=None, description="Kind of schedule from there on; empty: as before"
    )
    weight_decay: Annotated[float, Field(ge=0.0, le=100.0)] | None = Field(
        default=None, description="Weight decay from there on; empty: as before"
    )
    dropout: Rate | None = Field(
        default=None, description="Dropout rate from there on; empty: as before"
    )

    @model_validator(mode="after")
    def _needs_an_epoch(self) -> Self:
        changes = self.model_dump(exclude={"at"}, exclude_none=True)
        if changes and self.at is None:
            raise ValueError(f"{next(iter(changes))} needs at, the epoch of the fork")
        return self


class EvaluationSpec(Section):
    """When the whole of the data is measured."""

    every: float = Field(default=1.0, gt=0.0, le=1e6, description="Epochs between evaluations")
    early: Annotated[float, Field(gt=0.0, le=1e6)] | None = Field(
        default=None, description="Epochs between evaluations at first; empty: as later"
    )
    early_until: float = Field(
        default=1.0, gt=0.0, le=1e6, description="Epoch up to which the early ones go"
    )


class CheckpointSpec(Section):
    """When everything needed to go on is saved, and how much of it is kept."""

    every_seconds: float = Field(default=30.0, ge=0.0, description="Seconds between checkpoints")
    keep: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=4, description="Checkpoints kept per stack: the newest, thinning with age"
    )


class InstrumentsSpec(Section):
    """What is measured beside the losses (science.md), how often, and on how many examples."""

    on: tuple[str, ...] = Field(
        default=(),
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
                raise ValueError(f"{place}: {first['msg'].lower()}") from error
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
        default=(), description="Baselines: all, or some of " + ", ".join(BASELINES)
    )

    @field_validator("on")
    @classmethod
    def _known(cls, on: tuple[str, ...]) -> tuple[str, ...]:
        for name in on:
            if name not in ("all", *BASELINES):
                raise UnknownNameError(name, ("all", *BASELINES))
        return on

    @property
    def names(self) -> tuple[str, ...]:
        """The baselines that are on, `all` spelt out."""
        return BASELINES if "all" in self.on else tuple(n for n in BASELINES if n in self.on)


def _seeds(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("seeds is a count such as 3, or a list such as [0, 1, 2]")
    return value


class Experiment(Section):
    """Everything that decides a run; fields under `axes` take several values each."""

    title: str = Field(default="", description="A short title")
    question: str = Field(default="", description="The question that it asks")
    look_for: str = Field(default="", description="What to look for while it runs")
    source: str = Field(default="", description="Paper, section and figure")
    deviations: str = Field(default="", description="Where it differs from the paper")
    dataset: DatasetSpec = DatasetSpec()
    corruption: CorruptionSpec = CorruptionSpec()
    model: ModelSpec = ModelSpec()
    loss: LossSpec = LossSpec()
    optimizer: OptimizerSpec = OptimizerSpec()
    schedule: ScheduleSpec = ScheduleSpec()
    regularization: RegularizationSpec = RegularizationSpec()
    fork: ForkSpec = ForkSpec()
    stop: StopSpec = StopSpec()
    evaluation: EvaluationSpec = EvaluationSpec()
    checkpoints: CheckpointSpec = CheckpointSpec()
    axes: dict[str, list[Any]] = Field(
        default_factory=dict, description="Fields that take several values: field name to values"
    )
    seeds: Annotated[int, Field(ge=1, le=1_000_000)] | list[Annotated[int, Field(ge=0)]] = Field(
        default=1, description="How many seeds per combination of axis values, or which"
    )
    instruments: InstrumentsSpec = InstrumentsSpec()
    baselines: BaselinesSpec = BaselinesSpec()
    claims: tuple[str, ...] = Field(
        default=(), description="Claims whose verdicts the report ends with, such as Z4 or A7"
    )

    _check_seeds = field_validator("seeds", mode="before")(_seeds)

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: int | list[int]) -> int | list[int]:
        if isinstance(seeds, list) and (not seeds or len(set(seeds)) != len(seeds)):
            raise ValueError("seeds must be one or more different numbers")
        return seeds

    @field_validator("claims", mode="before")
    @classmethod
    def _claim_names(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, Mapping) else value  # as older runs have them

    @field_validator("claims")
    @classmethod
    def _known_claims(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        known = (*CLAIMS, *plugins.names(plugins.CLAIMS))
        for name in value:
            if name not in known:
                raise UnknownNameError(name, known)
        return value

    @model_validator(mode="after")
    def _branch_is_valid(self) -> Self:
        kind = self.fork.schedule
        if kind is not None:
            ScheduleSpec.model_validate(self.schedule.model_dump() | {"kind": kind})
        return self

    @property
    def seed_list(self) -> list[int]:
        """The seeds as a list; a count n means 0 … n − 1."""
        return list(range(self.seeds)) if isinstance(self.seeds, int) else list(self.seeds)

    def corruption_seed(self, seed: int) -> int:
        """What keys the corruption of the member with this seed."""
        return self.dataset.split_seed if self.corruption.shared else seed

    @property
    def branch(self) -> Experiment:
        """The experiment as it is from the fork on; itself where there is none."""
        fork = self.fork
        if fork.at is None:
            return self
        changes: dict[str, dict[str, object]] = {
            "optimizer": {"learning_rate": fork.learning_rate, "batch_size": fork.batch_size},
            "schedule": {"kind": fork.schedule},
            "regularization": {"weight_decay": fork.weight_decay, "dropout": fork.dropout},
        }
        parts: dict[str, Section] = {}
        for name, wanted in changes.items():
            own = {key: value for key, value in wanted.items() if value is not None}
            parts[name] = getattr(self, name).model_copy(update=own)
        return self.model_copy(update=parts)


SECTIONS: tuple[str, ...] = tuple(
    name
    for name, field in Experiment.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
)


def field_names() -> tuple[str, ...]:
    """All fields of one value each, dotted: `corruption.fraction`, …"""
    names: list[str] = []
    for section in SECTIONS:
        annotation = Experiment.model_fields[section].annotation
        assert annotation is not None
        for leaf, field in annotation.model_fields.items():
            extra = field.json_schema_extra
            if not (isinstance(extra, dict) and extra.get("by_name")):
                names.append(f"{section}.{leaf}")
    return tuple(names)

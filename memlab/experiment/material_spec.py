"""What is trained on what: data, corruption, network and loss."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from memlab.experiment import datasets, own_network, plugins
from memlab.experiment.section import (
    Count,
    FieldError,
    Fraction,
    Rate,
    Section,
    Seed,
    UnknownNameError,
    words,
)

LABEL_CORRUPTIONS = ("labels", "labels-other", "labels-pair")
INPUT_CORRUPTIONS = ("inputs", "pixel-shuffle", "pixel-random", "inputs-class")
CORRUPTIONS = (
    "none",
    *LABEL_CORRUPTIONS,
    *INPUT_CORRUPTIONS,
    *(f"{label}+{inputs}" for label in LABEL_CORRUPTIONS for inputs in INPUT_CORRUPTIONS),
)
PARITY: Final = "parity"
#: Bits of an input of `parity`, and those that its label depends on, where nothing is asked for.
PARITY_BITS: Final = 40
PARITY_DEGREE: Final = 3
MODELS = ("linear", "mlp", "cnn", "alexnet-small", "inception-small", "resnet20", "wrn16-4")


class DatasetSpec(Section):
    """Which examples, how many of them, and how their values are scaled."""

    name: str = Field(
        default=datasets.DEFAULT,
        description="Dataset: " + ", ".join(datasets.NAMES) + ", npz:PATH, folder:PATH or csv:PATH",
        title="dataset",
        json_schema_extra={"choices": list(datasets.NAMES)},
    )
    train: Count | None = Field(
        default=None,
        title="examples",
        description="Training examples; empty: the dataset's own default",
        json_schema_extra=words(head="examples"),
    )
    validation: Count | None = Field(
        default=None, description="Validation examples; empty: the dataset's own default"
    )
    test: Count | None = Field(
        default=None, description="Test examples; empty: the dataset's own default"
    )
    split_seed: Seed = Field(
        default=0, description="Seed of the split, shared by all members; parity is drawn by it too"
    )
    split_per_seed: bool = Field(
        default=False,
        title="replicates",
        description="Each seed is a replicate with a split of its own, keyed by it, in place of one"
        " split for all",
    )
    fresh: bool = Field(
        default=False,
        title="made anew",
        description="Data that are made by a procedure (mnist1d, gaussian) are made anew for each"
        " split; others are split anew alone",
    )
    scaling: Literal["standardize", "features", "images", "unit", "none"] = Field(
        default="standardize",
        description="One mean and deviation for all, per feature, per image (whitening), [0, 1], or"
        " none: the values as they are, bytes ÷ 255",
    )
    crop: Count | None = Field(
        default=None,
        description="Side of a centre crop, in pixels",
        json_schema_extra=words(unit="pixels"),
    )
    fake_class: Annotated[int, Field(ge=0, le=2)] = Field(
        default=0,
        description="Threshold samples for memlab suspects: 1 or 2 gives the first or the second"
        " N/(C + 1) training examples drawn by lot a class of their own",
    )

    subset: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=1.0,
        description="Share of the training examples that each network is trained on, drawn by its"
        " seed; the others are out of its sample",
        json_schema_extra=words(head="subset", title="share trained on"),
    )

    without: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        default=(),
        max_length=100_000,
        description="Training examples that no network is trained on, by their rows in the dataset;"
        " they are out of its sample, as those beyond a subset",
    )

    label: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None,
        description="Column of labels in csv:PATH; empty: label, target, y or class, else the last",
    )
    whole: bool = Field(
        default=False,
        title="train on all",
        description="Every example outside an official test set is a training example; what a"
        " network was not trained on (dataset.subset) is its validation and test part",
    )

    bits: Annotated[int, Field(ge=1, le=4096)] | None = Field(
        default=None, description="parity: bits of an input; empty: 40"
    )
    degree: Annotated[int, Field(ge=1, le=4096)] | None = Field(
        default=None,
        description="parity: how many of the bits the label depends on, drawn by the split's seed;"
        " empty: 3",
    )
    modulus: Annotated[int, Field(ge=5, le=199)] | None = Field(
        default=None, description="modular-addition: p; empty: 31"
    )

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        prefix, colon, path = name.partition(":")
        if colon and prefix in datasets.OWN_DATA_KINDS and path:
            return name
        if colon and prefix in datasets.OWN_DATA_KINDS:
            what = datasets.OWN_DATA_KINDS[prefix]
            raise ValueError(f"{name} needs the path of {what} behind it")
        if name not in datasets.NAMES and name not in plugins.names(plugins.DATASETS):
            foreign = plugins.names(plugins.DATASETS)
            raise UnknownNameError(
                name, (*datasets.NAMES, *foreign, *(each.name for each in datasets.OWN_DATA))
            )
        return name

    @field_validator("without")
    @classmethod
    def _each_once(cls, rows: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(rows)) != len(rows):
            twice = next(row for row in rows if rows.count(row) > 1)
            raise ValueError(f"row {twice} stands in it twice")
        return rows

    @property
    def partial(self) -> bool:
        """Whether networks are trained on some of the training examples only."""
        return self.subset < 1.0 or bool(self.without)

    @model_validator(mode="after")
    def _degree_fits(self) -> Self:
        bits, degree = self.bits or PARITY_BITS, self.degree or PARITY_DEGREE
        if degree > bits:
            leaf = "bits" if self.degree is None else "degree"
            raise FieldError(leaf, f"a parity of {degree} bits needs at least as many, not {bits}")
        return self


class CorruptionSpec(Section):
    """What noise does to the training data (Zhang 2017, section 2; Arpit 2017, section 3)."""

    kind: str = Field(
        default="none",
        description="Noise: " + ", ".join(CORRUPTIONS[:8]) + ", or a label and an input kind joined"
        " by '+'",
        title="corruption",
        json_schema_extra={"choices": list(CORRUPTIONS), **words(head="corruption")},
    )
    fraction: Fraction = Field(
        default=0.0,
        description="Share of the training examples corrupted",
        json_schema_extra=words(head="noise", title="label noise"),
    )
    input_fraction: Fraction | None = Field(
        default=None,
        description="Share for the input part of a combination; empty: the same",
        json_schema_extra=words(head="input noise"),
    )
    test: bool = Field(
        default=False,
        title="corrupt test too",
        description="Corrupt validation and test data in the same way too",
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


#: One of the settings of a user's own network, handed to its callable as it is.
OwnSetting = (
    bool
    | int
    | Annotated[float, Field(allow_inf_nan=False)]
    | Annotated[str, Field(max_length=1000)]
)


class ModelSpec(Section):
    """The network's architecture."""

    name: str = Field(
        default="mlp",
        description="Architecture: " + ", ".join(MODELS) + "; or a network of your own,"
        f" {own_network.EXAMPLE}",
        title="model",
        json_schema_extra={"choices": list(MODELS), **words(head="model")},
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
    output_scale: Annotated[float, Field(gt=0.0, le=1e6)] | None = Field(
        default=None,
        description="α of lazy training (Chizat 2019): the outputs are α(f − f₀), f₀ those before"
        " the first update, and the loss that is descended is divided by α²; empty: the outputs"
        " are f",
        json_schema_extra=words(head="output scale", symbol="α"),
    )
    settings: dict[str, OwnSetting] = Field(
        default_factory=dict,
        description="What the callable of a network of your own is given besides the data's shape:"
        " a table of numbers, words, true and false",
        json_schema_extra={"by_name": True},
    )

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if own_network.is_own(name):
            own_network.address(name)
            return name
        if name not in MODELS and name not in plugins.names(plugins.MODELS):
            raise UnknownNameError(name, (*MODELS, *plugins.names(plugins.MODELS)))
        return name

    @field_validator("settings")
    @classmethod
    def _can_be_given(cls, settings: dict[str, object]) -> dict[str, object]:
        own_network.check_settings(settings)
        return settings

    @model_validator(mode="after")
    def _belongs(self) -> Self:
        if self.settings and not own_network.is_own(self.name):
            raise FieldError(
                "name", f"model.settings are given to a network of your own, not to {self.name}"
            )
        return self

    @property
    def own(self) -> str:
        """What a network of the user's own is known by: its address and its settings."""
        return f"{self.name} {sorted(self.settings.items())!r}"


class LossSpec(Section):
    """What is minimized."""

    name: Literal["cross-entropy", "squared"] = Field(
        default="cross-entropy",
        title="loss",
        description="Softmax cross-entropy, or ½‖·‖² on one-hot targets",
    )
    label_smoothing: Rate = Field(default=0.0, description="Mass spread evenly over all classes")

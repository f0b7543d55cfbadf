"""What is trained on what: data, corruption, network and loss."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from memlab.experiment import datasets, plugins
from memlab.experiment.section import Count, Fraction, Rate, Section, Seed, UnknownNameError, words

LABEL_CORRUPTIONS = ("labels", "labels-other", "labels-pair")
INPUT_CORRUPTIONS = ("inputs", "pixel-shuffle", "pixel-random")
CORRUPTIONS = (
    "none",
    *LABEL_CORRUPTIONS,
    *INPUT_CORRUPTIONS,
    *(f"{label}+{inputs}" for label in LABEL_CORRUPTIONS for inputs in INPUT_CORRUPTIONS),
)
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
    split_seed: Seed = Field(default=0, description="Seed of the split, shared by all members")
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
    scaling: Literal["standardize", "features", "images", "unit"] = Field(
        default="standardize",
        description="One mean and deviation for all, per feature, per image (whitening), or [0, 1]",
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


class CorruptionSpec(Section):
    """What noise does to the training data (Zhang 2017, section 2; Arpit 2017, section 3)."""

    kind: str = Field(
        default="none",
        description="Noise: " + ", ".join(CORRUPTIONS[:7]) + ", or a label and an input kind joined"
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


class ModelSpec(Section):
    """The network's architecture."""

    name: str = Field(
        default="mlp",
        description="Architecture: " + ", ".join(MODELS),
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
        title="loss",
        description="Softmax cross-entropy, or ½‖·‖² on one-hot targets",
    )
    label_smoothing: Rate = Field(default=0.0, description="Mass spread evenly over all classes")

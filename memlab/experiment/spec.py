"""The experiment: one validated, immutable description of what is trained on what.

The preset's TOML, `--set`, the app's form and the JSON schema all come from this class and its
parts: `material_spec.py`, `training_spec.py` and `measuring_spec.py`. What lives there is the shape
and the bounds of a description; reading files and wording errors is `reading.py`, expanding axes
is `grid.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import Field, field_validator, model_validator

from memlab.experiment import own_network, plugins
from memlab.experiment.material_spec import CorruptionSpec, DatasetSpec, LossSpec, ModelSpec
from memlab.experiment.measuring_spec import (
    BaselinesSpec,
    CheckpointSpec,
    EvaluationSpec,
    InstrumentsSpec,
)
from memlab.experiment.parts import lacking
from memlab.experiment.recorded_spec import RecordedSpec
from memlab.experiment.section import FieldError, Section, Seed, UnknownNameError
from memlab.experiment.training_spec import (
    ForkSpec,
    OptimizerSpec,
    RegularizationSpec,
    ScheduleSpec,
    StopSpec,
    TrainingSpec,
)

SCHEMA_VERSION = 1
MOST_NETWORKS = 1_000_000


def _seeds(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("seeds is a count such as 3, or a list such as [0, 1, 2]")
    return value


#: What is of hidden units; networks without them, and one's own, take none of it.
OF_HIDDEN: Final = ("regularization.dropout", "regularization.hidden_noise", "fork.dropout")


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
    training: TrainingSpec = TrainingSpec()
    evaluation: EvaluationSpec = EvaluationSpec()
    checkpoints: CheckpointSpec = CheckpointSpec()
    axes: dict[str, list[Any]] = Field(
        default_factory=dict, description="Fields that take several values: field name to values"
    )
    seeds: Annotated[int, Field(ge=1, le=MOST_NETWORKS)] | list[Seed] = Field(
        default=1, description="How many seeds per combination of axis values, or which"
    )
    instruments: InstrumentsSpec = InstrumentsSpec()
    baselines: BaselinesSpec = BaselinesSpec()
    claims: tuple[str, ...] = Field(
        default=(), description="Claims whose verdicts the report ends with, such as Z4 or A7"
    )
    recorded: RecordedSpec | None = Field(
        default=None,
        description="Of a run that memlab recorded and did not train; never written by hand",
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
        known = (*plugins.own_claims(), *plugins.names(plugins.CLAIMS))
        for name in value:
            if name not in known:
                raise UnknownNameError(name, known)
        return value

    @model_validator(mode="after")
    def _recorded_is_one_network(self) -> Self:
        if self.recorded is not None and (self.axes or self.claims or self.seed_list != [0]):
            raise ValueError("a recorded run is one network, without axes, seeds and claims")
        return self

    @model_validator(mode="after")
    def _grid_is_bounded(self) -> Self:
        """Where the grid is never expanded, it needs no memory."""
        seeds = self.seeds if isinstance(self.seeds, int) else len(self.seeds)
        networks = math.prod(map(len, self.axes.values()), start=seeds)
        if networks > MOST_NETWORKS:
            many = f"{networks:,}" if networks < 10**15 else "far too many"
            raise ValueError(
                f"axes and seeds make {many} networks; {MOST_NETWORKS:,} are the most of a run"
            )
        return self

    @model_validator(mode="after")
    def _branch_is_valid(self) -> Self:
        kind = self.fork.schedule
        if kind is not None:
            ScheduleSpec.model_validate(self.schedule.model_dump() | {"kind": kind})
        return self

    @model_validator(mode="after")
    def _parts_suffice(self) -> Self:
        lacks = lacking(self)
        if lacks is not None:
            raise FieldError("evaluation.parts", lacks)
        return self

    @model_validator(mode="after")
    def _scaled_outputs_are_exact(self) -> Self:
        if self.model.output_scale is not None and self.training.precision != "float32":
            raise FieldError(
                "training.precision",
                "model.output_scale multiplies a small difference of outputs, which needs float32",
            )
        return self

    @model_validator(mode="after")
    def _own_networks_have_their_own(self) -> Self:
        if own_network.is_own(self.model.name):
            for name in self.of_hidden():
                raise FieldError(
                    name,
                    f"{name} has no place in a network of your own, whose hidden layers memlab"
                    " does not know; give it to the network by [model.settings]",
                )
        return self

    @model_validator(mode="after")
    def _labels_can_be_drawn(self) -> Self:
        if self.regularization.fisher_penalty > 0 and self.loss.name != "cross-entropy":
            raise FieldError(
                "regularization.fisher_penalty",
                "the Fisher penalty draws labels from probabilities; it needs loss.name ="
                " 'cross-entropy'",
            )
        return self

    @model_validator(mode="after")
    def _subsets_suffice(self) -> Self:
        if self.dataset.partial and "ledger" in self.instruments.names:
            raise FieldError(
                "instruments.on",
                "the ledger follows networks that are trained on all examples; leave it (and"
                " default) out where dataset.subset is below 1 or dataset.without names some",
            )
        return self

    def of_hidden(self) -> dict[str, float]:
        """What is said of hidden units, by field: dropout, Gaussian noise; nothing where it is 0.

        >>> Experiment.model_validate({"regularization": {"dropout": 0.5}}).of_hidden()
        {'regularization.dropout': 0.5}
        """
        fields = [(name, *name.split(".")) for name in OF_HIDDEN]
        said = {name: getattr(getattr(self, part), leaf) for name, part, leaf in fields}
        return {name: value for name, value in said.items() if value}

    @property
    def seed_list(self) -> list[int]:
        """The seeds as a list; a count n means 0 … n − 1."""
        return list(range(self.seeds)) if isinstance(self.seeds, int) else list(self.seeds)

    def of_seed(self, seed: int) -> Experiment:
        """The experiment of the member with this seed: itself, or with the seed's own split."""
        if not self.dataset.split_per_seed:
            return self
        dataset = self.dataset.model_copy(update={"split_seed": seed})
        return self.model_copy(update={"dataset": dataset})

    @property
    def sample_seed(self) -> int:
        """What keys the samples that instruments draw for all members alike."""
        return self.seed_list[0] if self.dataset.split_per_seed else self.dataset.split_seed

    def corruption_seed(self, seed: int) -> int:
        """What keys the corruption of the member with this seed."""
        return self.of_seed(seed).dataset.split_seed if self.corruption.shared else seed

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

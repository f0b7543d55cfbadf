"""What was found: the content of `report.json`, from which every rendering is made.

The names of rows' quantities and of these fields are stable; new ones may be added, and
`schema` rises when one changes its meaning or goes. Nothing here computes or draws.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    model_validator,
)

from memlab.estimate import Estimate
from memlab.experiment.recorded import KEY, axis_of
from memlab.reports.memorization_document import MemorizationFindings
from memlab.reports.part import Part
from memlab.reports.suspects_document import SuspectsFindings

SCHEMA_VERSION = 1


class Quantity(BaseModel):
    """A mean over seeds with its 95 % t interval."""

    model_config = ConfigDict(frozen=True)

    mean: float = Field(description="Mean over the seeds for which the quantity exists")
    ci95: tuple[float, float] | None = Field(
        description="95 % t interval of the mean [low, high], seeds as the unit, not clipped to"
        " the quantity's range; null for fewer than two seeds"
    )
    n: int = Field(ge=1, description="Seeds for which the quantity exists")


def _read(value: object) -> Estimate:
    if isinstance(value, Estimate):
        return value
    found = Quantity.model_validate(value)
    low, high = found.ci95 or (math.nan, math.nan)
    return Estimate(found.mean, low, high, found.n)


def _stored(found: Estimate) -> Quantity:
    return Quantity(mean=found.mean, ci95=found.ends, n=found.n)


#: An estimate as it stands in report.json.
Reported = Annotated[
    Estimate, PlainValidator(_read), PlainSerializer(_stored, return_type=Quantity)
]


def _quantity(description: str) -> Any:
    return Field(default=None, description=description + "; null where it does not exist")


class Row(Part):
    """One axis value (combination of them): its quantities over seeds.

    The axis values stand at the row's top level by their dotted field name, such as
    `"corruption.fraction": 0.4`; a value that is a table (a whole section) is written as its label.
    Diverged members are left out of every quantity. "The end" is the last evaluation so far.
    """

    label: str = Field(description="The axis values in words; unique within the report")
    members: int = Field(description="Members with these axis values, one per seed")
    finished: int = Field(description="Members whose training has ended as it should")
    diverged: int = Field(description="Members whose loss became infinite or NaN")
    corruption_kind: str = Field(description="Kind of corruption of these members")
    corruption_fraction: float = Field(description="Share of training examples drawn for it")

    train_accuracy: Reported | None = _quantity("Accuracy on the given labels at the end")
    train_accuracy_clean: Reported | None = _quantity(
        "Train accuracy at the end on the examples that were not changed (truth)"
    )
    train_accuracy_corrupted: Reported | None = _quantity(
        "Train accuracy at the end on the changed examples, by their given label (lies fitted)"
    )
    recovered_true_labels: Reported | None = _quantity(
        "Share of examples with a wrong given label whose true label is predicted at the end"
    )
    test_accuracy: Reported | None = _quantity("Test accuracy at the end")
    best_test_accuracy: Reported | None = _quantity(
        "Highest test accuracy of all evaluations (chosen on test data: an upper bound)"
    )
    best_epoch: Reported | None = _quantity("Epoch of the first highest test accuracy")
    generalization_gap: Reported | None = _quantity("Train minus test accuracy at the end")
    generalization_gap_loss: Reported | None = _quantity("Test minus train loss at the end")
    memorization_cost: Reported | None = _quantity(
        "Best minus final test accuracy; never negative, and above zero by chance alone"
    )
    epochs_to_fit: Reported | None = _quantity(
        "First epoch with train accuracy ≥ 0.99; n counts the members that got there"
    )
    early_stopped_test_accuracy: Reported | None = _quantity(
        "Test accuracy at the epoch of the best validation accuracy (honest early stopping)"
    )
    early_stopped_recovered: Reported | None = _quantity(
        "Recovered true labels at the epoch of the best validation accuracy"
    )
    early_stopping_gain: Reported | None = _quantity(
        "Early-stopped minus final test accuracy, per seed; not biased by choosing on test data"
    )
    memorization_onset: Reported | None = _quantity(
        "Epoch from which on, to the end, more lies are repeated than seen through"
    )
    validation_accuracy: Reported | None = _quantity(
        "Validation accuracy at the end, where nothing was tested"
    )
    best_validation_accuracy: Reported | None = _quantity(
        "Highest validation accuracy of all evaluations, where nothing was tested"
    )
    best_validation_epoch: Reported | None = _quantity(
        "Epoch of the first highest validation accuracy, where nothing was tested"
    )
    fraction_changed: float | None = Field(
        default=None, description="Share of training examples truly changed; null if not recorded"
    )
    epoch: float | None = Field(
        default=None, description="Latest evaluated epoch of these members; null before the first"
    )
    updates: float | None = Field(default=None, description="Updates per member so far")
    train_examples: int | None = Field(default=None, description="Training examples")
    parameters: int | None = Field(default=None, description="Trained parameters of one member")
    parameters_per_example: float | None = Field(
        default=None, description="Parameters divided by training examples"
    )

    @property
    def axis_values(self) -> Mapping[str, object]:
        """The axis values by dotted field name."""
        return self.model_extra or {}

    def quantity(self, name: str) -> Estimate | None:
        """The quantity of that field."""
        found = getattr(self, name)
        return found if isinstance(found, Estimate) else None


class Measured(Part):
    """What a quantity of an instrument is."""

    about: str = Field(description="What it is")
    unit: str = Field(description="Its unit; empty for a pure number")


class InstrumentFindings(Part):
    """What one instrument found, per axis value, at its last measurement so far.

    A row has the axis values by their dotted names, `label`, `epoch`, and each quantity: a scalar
    as `{"mean", "ci95", "n"}` over seeds, beside it `NAME_first` and `NAME_highest` (means over
    seeds at the first measurement and at the highest), anything larger as `{"mean", "n"}` with
    nested lists; null where it does not exist.
    """

    title: str = Field(description="What it is called")
    about: str = Field(description="What it measures")
    source: str = Field(description="Paper and section")
    quantities: dict[str, Measured] = Field(description="Its quantities by name")
    headline: str = Field(description="The quantity that says most")
    rows: list[dict[str, Any]] = Field(description="One per axis value, in the report's order")
    seconds: float | None = Field(description="Seconds spent on it, all networks together")
    share: float | None = Field(description="Those as a share of the training time")
    failed: str | None = Field(description="Why it was switched off; null where it was not")
    notes: tuple[str, ...] = Field(
        default=(),
        description="What to know of how it was measured, a sentence each; left out without any",
    )


class BaselineFindings(Part):
    """What one baseline reached on the same corrupted data, per axis value.

    A row has the axis values by their dotted names, `label`, and `train_accuracy`,
    `train_accuracy_clean`, `train_accuracy_corrupted`, `recovered_true_labels`, `test_accuracy`
    and `generalization_gap` (train minus test accuracy), each `{"mean", "ci95", "n"}` over seeds,
    null where it does not exist.
    """

    rows: list[dict[str, Any]] = Field(description="One per axis value, in the report's order")
    failed: str | None = Field(description="Why it could not be fitted; null where it could")


class ClaimFindings(Part):
    """What one of the papers' claims comes to on this run alone."""

    id: str = Field(description="Its id, such as A7")
    title: str = Field(description="Its title")
    sentence: str = Field(description="What the paper says, in our words")
    source: str = Field(description="Paper, section and figure")
    criterion: str = Field(description="When it counts as supported")
    verdict: str = Field(description="supported, not supported, inconclusive, or not run")
    reason: str = Field(description="Why there is no verdict; empty where there is one")
    effect: Reported | None = Field(description="The effect of the deciding condition over seeds")
    effect_is: str | None = Field(description="What that effect is")
    shown: str = Field(description="The effect with its 95 % interval, in words")
    asked: str = Field(description="Where the interval has to lie")
    explanation: list[str] = Field(description="Asked, done, came out, the paper, what refutes it")


class Findings(Part):
    """A run's report: what was asked, what was found, and with what it was found."""

    schema_version: int = Field(
        default=SCHEMA_VERSION, alias="schema", description="Version of this document's meaning"
    )
    run: str = Field(description="The run's id")
    title: str = Field(description="The experiment's title")
    question: str = Field(description="The question that the experiment asks")
    source: str = Field(description="Paper, section and figure")
    deviations: str = Field(description="Where the experiment differs from its source")
    state: Literal[
        "queued", "starting", "running", "paused", "stopping", "finished", "failed", "interrupted"
    ] = Field(description="State of the run when this was made")
    state_message: str = Field(description="Why it is in that state, where there is a reason")
    complete: bool = Field(description="Whether the run has finished: else all figures are so far")
    epoch: float | None = Field(description="Latest evaluated epoch; null before the first")
    sentences: list[str] = Field(description="The findings in plain words, the verdict first")
    axes: list[str] = Field(description="Dotted names of the fields that take several values")
    seeds: list[int] = Field(description="Seeds, one member per axis value each")
    members: int = Field(description="Networks in the grid")
    diverged: int = Field(description="Networks that diverged")
    chance: float | None = Field(
        description="Test accuracy of guessing: 1 / classes, or the share of the most frequent"
        " class where the run recorded it"
    )
    classes: int | None = Field(description="Number of classes")
    rows: list[Row] = Field(description="One per axis value, in the experiment's order")
    instruments: dict[str, InstrumentFindings] = Field(
        default_factory=dict, description="What the instruments found, by name"
    )
    baselines: dict[str, BaselineFindings] = Field(
        default_factory=dict, description="What is no deep network, on the same data, by name"
    )
    claims: list[ClaimFindings] = Field(
        default_factory=list, description="Verdicts on the claims that the experiment names"
    )
    memorization: list[MemorizationFindings] = Field(
        default_factory=list,
        description="Who is memorized, one for each axis value; left out where nobody asked",
    )
    suspects: SuspectsFindings | None = Field(
        default=None,
        description="Which labels are wrong, of a committee on a whole data set; else left out",
    )
    own_networks: dict[str, str] = Field(
        default_factory=dict,
        description="How networks of the user's own were computed, by address and settings; left"
        " out where there are none",
    )
    device: str = Field(description="Device that trained, with its name where known")
    versions: dict[str, str] = Field(description="Versions of memlab, Python and packages")
    commit: str | None = Field(description="Commit of the checkout; + where it had changes")
    command: str = Field(description="The command that started the run")
    started: str | None = Field(description="When the run was made, ISO 8601, UTC")
    duration_seconds: float | None = Field(
        description="Wall-clock seconds of its workers, pauses included"
    )
    reproduce: str = Field(description="The command that runs the same again")
    problems: list[str] = Field(description="What in the run folder is damaged, a sentence each")
    experiment: dict[str, Any] = Field(description="The complete experiment")

    @model_validator(mode="after")
    def _one_row_each(self) -> Self:
        """What stands beside the rows has as many of its own."""
        beside = [found.rows for found in self.instruments.values()]
        beside += [found.rows for found in self.baselines.values()]
        for rows in beside:
            if len(rows) != len(self.rows):
                raise ValueError("instruments and baselines need a row for each of the report's")
        return self


QUANTITIES: tuple[str, ...] = tuple(
    name for name, field in Row.model_fields.items() if field.annotation == Reported | None
)


def document(findings: Findings) -> dict[str, Any]:
    """The findings as report.json has them: plain data, axis values first in each row."""
    made = findings.model_dump(mode="json", by_alias=True)
    if not findings.memorization:
        del made["memorization"]
    if not findings.own_networks:
        del made["own_networks"]
    if findings.suspects is None:
        del made["suspects"]
    for one in made["instruments"].values():
        if not one["notes"]:
            del one["notes"]
    for row, found in zip(made["rows"], findings.rows, strict=True):
        values = {name: row.pop(name) for name in found.axis_values}
        items = dict(row)
        row.clear()
        row.update(values | items)
    return made


def report_schema() -> dict[str, Any]:
    """JSON schema of report.json."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Findings.model_json_schema(by_alias=True, mode="serialization"),
    }


def is_recorded(findings: Findings) -> bool:
    """Whether memlab recorded the run and did not train it."""
    return recorded(findings) is not None


def recorded(findings: Findings) -> Mapping[str, Any] | None:
    """What is known of a recorded run; None of any other."""
    section = findings.experiment.get(KEY)
    return section if isinstance(section, Mapping) else None


def clock_of(findings: Findings) -> str:
    """What its figures stand against: `epoch`, or the `step` of a log that knows no epochs."""
    return axis_of(findings.experiment)

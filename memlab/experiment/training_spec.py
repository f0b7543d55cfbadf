"""How it is trained: optimizer, schedule, regularization, a fork, and when it ends."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from memlab.experiment.section import Count, FieldError, Fraction, Rate, Section, Seed, words


class OptimizerSpec(Section):
    """How parameters move."""

    name: Literal["sgd", "adam", "adamw"] = Field(
        default="sgd", title="optimizer", description="Optimizer"
    )
    learning_rate: float = Field(
        default=0.1,
        gt=0.0,
        le=1e4,
        description="Learning rate η",
        json_schema_extra=words(head="η", title="learning rate η", symbol="η"),
    )
    learning_rate_of_sharpness: Annotated[float, Field(gt=0.0, le=1e4)] | None = Field(
        default=None,
        description="In place of learning_rate: η λ₀, λ₀ the largest eigenvalue of the Hessian of"
        " each network's training loss before the first update; empty: learning_rate",
        title="η λ₀",
        json_schema_extra=words(head="ηλ₀", title="ηλ₀"),
    )
    batch_size: Count = Field(
        default=128, description="Batch size S", json_schema_extra=words(head="S", symbol="S")
    )
    momentum: Rate = Field(
        default=0.0, description="Momentum m of SGD", json_schema_extra=words(symbol="m")
    )
    nesterov: bool = Field(default=False, description="Nesterov's form of momentum")
    beta1: Rate = Field(default=0.9, description="Adam: decay of the first moment")
    beta2: Rate = Field(default=0.999, description="Adam: decay of the second moment")
    epsilon: float = Field(default=1e-8, gt=0.0, le=1.0, description="Adam: ε of the denominator")

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Self:
        if self.nesterov and (self.name != "sgd" or self.momentum == 0.0):
            raise FieldError("nesterov", "nesterov needs sgd with a momentum above 0")
        return self


class TrainingSpec(Section):
    """In which arithmetic it is trained."""

    precision: Literal["float32", "tf32", "bf16"] = Field(
        default="float32",
        description="float32; tf32 (float32 whose products round to 10 bits on NVIDIA's matrix"
        " units; a CPU knows no such thing and computes in float32); bf16 (forward and backward"
        " pass of an update in bfloat16 where PyTorch's autocast allows it; parameters and"
        " evaluations stay float32)",
    )


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
        title="schedule",
        json_schema_extra=words(head="schedule"),
        description="constant; step (η ÷ factor at milestones; Smith's decay-rate is the same);"
        " exponential (η ÷ factor each period); cosine; cyclic (η ÷ factor ↔ η) and cyclic-batch"
        " (S ↔ S × factor) by half periods; grow-batch (S × factor at milestones); hybrid (the"
        " first milestone grows S, later ones decay η)",
    )
    milestones: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        default=(), description="Epochs of the steps, ascending"
    )
    factor: float = Field(default=5.0, gt=1.0, le=1e6, description="Factor of a step or cycle")
    warmup: float = Field(
        default=0.0, ge=0.0, le=1e6, description="Epochs of linear warm-up of η from 0"
    )
    period: float = Field(default=1.0, gt=0.0, le=1e6, description="Epochs per period of a cycle")
    floor: Rate = Field(default=0.0, description="Cosine: lowest η as a share of the first")
    max_batch: Count | None = Field(default=None, description="Largest batch size of a growing one")

    @model_validator(mode="after")
    def _milestones(self) -> Self:
        if list(self.milestones) != sorted(set(self.milestones)):
            raise FieldError("milestones", "milestones must be ascending, each once")
        if self.kind in ("step", "decay-rate", "grow-batch", "hybrid") and not self.milestones:
            raise FieldError("milestones", f"{self.kind} needs milestones, such as [60, 120, 160]")
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
    fisher_penalty: float = Field(
        default=0.0,
        ge=0.0,
        le=1e6,
        description="Weight of the squared norm of the mini-batch's gradient with labels drawn from"
        " the network's own predictions, on average Tr F ÷ S (Jastrzębski 2021)",
        json_schema_extra=words(head="Fisher penalty"),
    )
    fisher_from: float = Field(
        default=0.0,
        ge=0.0,
        le=1e6,
        description="Epoch from which on the Fisher matrix is penalized",
        json_schema_extra=words(unit="epochs"),
    )
    fisher_until: Annotated[float, Field(gt=0.0, le=1e6)] | None = Field(
        default=None,
        description="Epoch up to which the Fisher matrix is penalized; empty: to the end",
        json_schema_extra=words(unit="epochs"),
    )

    @model_validator(mode="after")
    def _window(self) -> Self:
        if self.fisher_until is not None and self.fisher_until <= self.fisher_from:
            raise FieldError(
                "fisher_until",
                f"fisher_until must be after fisher_from, which is {self.fisher_from:g}",
            )
        return self


class StopSpec(Section):
    """When a member's training ends: at the first of these."""

    epochs: float = Field(default=100.0, gt=0.0, le=1e6, description="Epochs")
    updates: Count | None = Field(default=None, description="Updates")
    train_accuracy: Fraction | None = Field(
        default=None, description="Train accuracy reached at an evaluation"
    )
    seconds: float | None = Field(
        default=None,
        gt=0.0,
        le=1e9,
        description="Seconds of the whole run",
        json_schema_extra=words(unit="s"),
    )
    patience: float | None = Field(
        default=None,
        gt=0.0,
        le=1e6,
        description="Epochs without a better validation accuracy",
        json_schema_extra=words(unit="epochs"),
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
    noise_seed: Seed | None = Field(
        default=None,
        description="With the network's own seed, keys order, augmentation and noise from there on;"
        " empty: as before",
    )

    @model_validator(mode="after")
    def _needs_an_epoch(self) -> Self:
        changes = self.model_dump(exclude={"at"}, exclude_none=True)
        if changes and self.at is None:
            raise FieldError("at", f"{next(iter(changes))} needs at, the epoch of the fork")
        return self

"""Scores by retraining as they stand in report.json; what they mean, and nothing computed."""

from __future__ import annotations

import base64

from pydantic import Field

from memlab.reports.part import Part


class Bounded(Part):
    """A number about many examples with its 95 % interval over networks; null where not known."""

    value: float | None = Field(description="The number")
    low: float | None = Field(description="Lower end of its interval")
    high: float | None = Field(description="Upper end of its interval")


class MemorizedGroup(Part):
    """How much is memorized of all examples, of truths, or of lies."""

    name: str = Field(description="all, truths or lies")
    examples: int = Field(description="How many they are")
    mean: Bounded = Field(description="Mean memorization")
    memorized: Bounded = Field(description="Share with at least 0.25 in both halves of networks")
    quantiles: dict[str, float | None] = Field(description="Quantiles of memorization")


class HalvesAgreement(Part):
    """Rank correlation of the scores from one half of the networks with those from the other."""

    networks: int = Field(description="Networks that were split into halves")
    by_correctness: float | None = Field(description="Of memorization by correctness")
    by_margin: float | None = Field(description="Of memorization by margin")


class InfluenceSide(Part):
    """Pairs of one kind that permuted masks do not explain, at a false discovery rate of 5 %."""

    target: str = Field(description="train or test: the set of the example that is helped or hurt")
    by: str = Field(description="correctness or margin")
    sign: int = Field(description="1: helps, -1: hurts")
    threshold: float | None = Field(description="From where on they count; null where none does")
    pairs: int = Field(description="How many there are")
    by_chance: float = Field(description="How many permuted masks make")
    same_class: float | None = Field(description="Share of them within one class")
    same_class_of_all: float = Field(description="The same of all pairs")
    distance: float | None = Field(
        None, description="Their mean distance in input space; null where inputs were not kept"
    )
    distance_same_class: float | None = Field(None, description="The same of pairs of one class")
    distance_of_all: float | None = Field(None, description="The same of all pairs")
    early_same_class: float | None = Field(
        None,
        description="Share within one class of as many strongest pairs by correctness of the same"
        " networks after one epoch (the rival of claim M3); null where that was not kept",
    )
    early_distance: float | None = Field(None, description="Their mean distance in input space")


class MemorizedTail(Part):
    """What the memorized truths bring on the test set, by the run's own networks (claim M2).

    Sums of the effects of single examples; nothing was trained without them.
    """

    examples: float = Field(description="How many truths, mean of the two halves of networks")
    together: Bounded = Field(description="Test accuracy that they bring")
    others: Bounded = Field(description="As many other truths of the same classes")
    difference: Bounded = Field(description="Of the two")


class CheapScore(Part):
    """A score that needs no retraining, beside memorization."""

    rank_correlation: float | None = Field(description="Its rank correlation with memorization")
    lies_auc: float | None = Field(description="Area under its ROC curve for the lies")


class CheapScores(Part):
    """Scores that need no retraining."""

    scores: dict[str, CheapScore] = Field(description="By name; memorization itself among them")
    held_out_and_first_learned: float | None = Field(
        description="Rank correlation of the share right outside with the epoch of learning"
    )


class GreyPicture(Part):
    """A small picture of an example."""

    height: int = Field(ge=1, le=64, description="Rows of pixels")
    width: int = Field(ge=1, le=64, description="Pixels of a row")
    grey: str = Field(
        max_length=8192, description="Base64 of a byte a pixel, row by row, 0 black to 255 white"
    )

    def pixels(self) -> list[list[int]]:
        """The rows, 0 to 255; empty where they are damaged."""
        try:
            data = base64.b64decode(self.grey, validate=True)
        except ValueError:
            return []
        if len(data) != self.height * self.width:
            return []
        return [list(data[at : at + self.width]) for at in range(0, len(data), self.width)]


class MemorizedExample(Part):
    """One training example and whether the networks would know it had they never seen it."""

    index: int = Field(description="Its row in the dataset's own training file, from 0")
    given: str = Field(description="The class that it was given")
    true: str = Field(description="The class that it truly has")
    corrupted: bool = Field(description="Whether it was corrupted")
    memorization: float = Field(description="P(right | trained on) − P(right | not trained on)")
    ci95: tuple[float, float] = Field(description="Newcombe's 95 % interval of it")
    inside: float = Field(description="Share right of the networks that were trained on it")
    outside: float = Field(description="Share right of the others")
    margin: float = Field(description="The margin's difference inside − outside, in logits")
    margin_standard_error: float | None = Field(description="Its standard error")
    neighbours: float | None = Field(
        description="Share of its 15 nearest neighbours with its label; null if not looked at"
    )
    picture: GreyPicture | None = Field(None, description="Its picture, of the first")


class InfluencePair(Part):
    """A training example that helps (or hurts) another example."""

    of: int = Field(description="The training example's row in its file")
    of_label: str = Field(description="The class that it was given")
    to: int = Field(description="The row of the example that it helps")
    to_label: str = Field(description="That one's class")
    target: str = Field(description="test or train: the set that the second example is in")
    influence: float = Field(description="P(second right | first in) − P(second right | first out)")
    standard_error: float | None = Field(description="Plain standard error of it")
    margin_influence: float = Field(description="The same of the second's margin, in logits")
    margin_standard_error: float | None = Field(description="Welch's standard error of that")
    of_picture: GreyPicture | None = Field(None, description="The first one's picture")
    to_picture: GreyPicture | None = Field(None, description="The second one's")


class MemorizationFindings(Part):
    """Scores by retraining (Feldman and Zhang 2020, arXiv 2008.03703) of one axis value.

    `membership` is the share of members that LiRA finds at 1 % false positives
    (arXiv 2112.03570).
    """

    label: str = Field(description="The axis values in words")
    networks: int = Field(description="Networks that the scores rest on, diverged ones left out")
    share: float = Field(description="Share of the examples that each was trained on")
    train_examples: int = Field(description="Training examples")
    test_examples: int = Field(description="Test examples")
    groups: list[MemorizedGroup] = Field(
        min_length=1, description="Memorization of all, of truths, of lies"
    )
    agreement: list[HalvesAgreement] = Field(description="Split-half agreement by networks")
    decided: float = Field(description="Share of examples whose interval is on one side of 0.25")
    networks_to_decide: dict[str, float | None] = Field(
        description="Quantiles over examples of the networks after which it would be"
    )
    influence: list[InfluenceSide] = Field(description="Significant pairs, by kind")
    tail: MemorizedTail | None = Field(
        None, description="What the memorized truths bring; null without any"
    )
    baselines: CheapScores = Field(description="Cheap scores beside memorization")
    membership: dict[str, float | None] = Field(description="Members found by attack, by group")
    most_memorized: list[MemorizedExample] = Field(description="Truths, most memorized first")
    strongest_pairs: list[InfluencePair] = Field(description="By correctness, strongest first")

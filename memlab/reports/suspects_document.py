"""What a committee says of the labels of a data set, as it stands in report.json; no computing."""

from __future__ import annotations

from pydantic import Field

from memlab.reports.part import Part


class Wrong(Part):
    """An estimated number of wrong labels with the ends of its interval."""

    value: float = Field(description="The number")
    low: float = Field(description="Lower end of its interval")
    high: float = Field(description="Upper end of its interval")


class Flip(Part):
    """Of the examples given one class, the share that seems to be of another."""

    given: str = Field(description="The class that they were given")
    suggested: str = Field(description="The class that they seem to be of")
    share: float = Field(description="Share of the examples that were given the first")


class NearDuplicates(Part):
    """Two examples that are nearly the same and have different labels."""

    first: int = Field(description="The row of the first in the source, from 0")
    second: int = Field(description="The row of the second")
    exact: bool = Field(description="Whether they are equal in every value")


class JudgedLabel(Part):
    """One label and what the committee thinks of it."""

    index: int = Field(description="The example's row in the source, from 0")
    given_label: str = Field(description="The class that it was given")
    suggested_label: str = Field(description="The likeliest other class")
    label_quality: float = Field(description="In [0, 1], low where the label is suspicious")
    is_label_issue: bool = Field(description="Whether the label is held for wrong")
    confidence: float | None = Field(description="Probability of the suggestion, out of sample")
    in_margin: float | None = Field(description="Margin in the networks that saw it, in logits")
    out_margin: float | None = Field(description="Margin in the networks that did not")
    agreement: float | None = Field(
        description="Share of the networks that did not see it that predict the given label"
    )
    file: str | None = Field(None, description="Its file, of a folder of pictures")
    true_label: str | None = Field(None, description="Its true class, where that is known")


class SuspectsFindings(Part):
    """What a committee on a whole data set says of all labels together, and of the worst."""

    networks: int = Field(description="Networks in the committee")
    examples: int = Field(description="Labels that they judged")
    issues: int = Field(description="Labels that are held for wrong")
    unseen: float = Field(description="Networks that had not seen an example, mean over examples")
    accuracy: float | None = Field(description="Share of the labels that those together predict")
    weak: bool = Field(
        False, description="Whether what the networks do not know would explain the counts"
    )
    wrong: Wrong = Field(
        description="Confident learning's number of wrong labels (arXiv 1911.00068), 95 % interval"
    )
    below: Wrong | None = Field(
        description="Labels below the threshold of a fake class (arXiv 2001.10528), and between"
        " which numbers wrong ones lie; null without one"
    )
    class_names: list[str] = Field(description="The classes")
    matrix: list[list[float]] | None = Field(
        description="Noise matrix [given][true]: of those given a class, the share that seems to be"
        " of each; null for more than 200 classes"
    )
    flips: list[Flip] = Field(description="Its largest entries off the diagonal")
    twin_pairs: int = Field(0, description="Near-duplicates with different labels, pairs")
    twins: list[NearDuplicates] = Field(description="They, copies first; in a report the first 100")
    few: list[tuple[str, int]] = Field(description="Classes with too few examples to be judged")
    worst: int = Field(description="The row of the most suspicious label")
    worst_quality: float = Field(description="Its quality")
    suspects: list[JudgedLabel] = Field(
        default_factory=list, description="Labels held for wrong, the worst first; at most 50"
    )

"""Which examples of a run are most surely mislabelled, by its ledger: list and threshold."""

from __future__ import annotations

from dataclasses import dataclass

from memlab.errors import RunFolderError
from memlab.reports.aum_threshold import AREAS, AreaThreshold, area_threshold
from memlab.runs.example_scores import (
    Labelling,
    labellings,
    mean_scores,
    ranking,
    suggestions,
)
from memlab.runs.ledger import read_ledger
from memlab.runs.recorded import recorded_from
from memlab.runs.run_folder import RunFolder


@dataclass(frozen=True)
class Suspect:
    """One line of the list; `index` is the row in the user's own file, `position` in training.

    `below` says whether it lies below the threshold, where there is one.
    """

    rank: int
    position: int
    index: int
    given: int
    suggested: int | None
    score: float
    file: str | None
    true: int
    corrupted: bool
    below: bool | None = None


def chosen(folder: RunFolder, member: int | None) -> tuple[Labelling, int]:
    """The labels to judge, and how many other labellings the run has.

    `member` chooses those that it was trained on; None those of most members.

    Raises:
        RunFolderError: if the run kept no ledger, or has no such member in it.
    """
    views = read_ledger(folder)
    if not views:
        remedy = (
            "a loop's batches have to come with an index: run.step(logits, labels, index)."
            if recorded_from(folder)
            else "run it again with --set instruments.on=ledger, or with [instruments.ledger] in "
            "its file."
        )
        raise RunFolderError(f"The run {folder.id} kept no ledger of its examples; {remedy}")
    present = labellings(views)
    if not present:
        raise RunFolderError(
            f"The run {folder.id} has not evaluated a trained network yet; try again later."
        )
    if member is None:
        return present[0], len(present) - 1
    for labelling in present:
        if member in labelling.members:
            return labelling, len(present) - 1
    known = sorted(index for labelling in present for index in labelling.members)
    raise RunFolderError(
        f"The run {folder.id} has no member {member} in its ledger; it has {len(known)} of them, "
        f"{known[0]} to {known[-1]}."
    )


def threshold(labelling: Labelling, score: str, wanted: bool) -> AreaThreshold | None:
    """The threshold of the area that is ranked by; None where there is none and none is asked for.

    Raises:
        RunFolderError: if it is asked for and not there.
    """
    area = score in AREAS
    found = area_threshold(labelling, score) if area else None
    if wanted and not area:
        raise RunFolderError(
            f"There is no threshold of the score {score}, only of {' and '.join(AREAS)}."
        )
    if wanted and found is None:
        raise RunFolderError(
            "A threshold needs networks that were trained with a fake class; run it again with "
            "--set dataset.fake_class=1,2."
        )
    return found


def suspects(
    labelling: Labelling, score: str, threshold: AreaThreshold | None = None
) -> list[Suspect]:
    """The examples by `score`, most suspect first."""
    values, suggested = mean_scores(labelling, score), suggestions(labelling)
    files = labelling.parts[0][0].header.files
    return [
        Suspect(
            rank=rank,
            position=int(at),
            index=int(labelling.index[at]),
            given=int(labelling.given[at]),
            suggested=int(suggested[at]) if suggested[at] >= 0 else None,
            score=float(values[at]),
            file=None if files is None else files[at],
            true=int(labelling.true[at]),
            corrupted=bool(labelling.corrupted[at]),
            below=None if threshold is None else bool(threshold.below[at]),
        )
        for rank, at in enumerate(ranking(labelling, score), 1)
    ]


def class_names(labelling: Labelling) -> tuple[str, ...] | None:
    """Class names, None where they are the class numbers."""
    names = labelling.parts[0][0].header.class_names[: labelling.classes]
    return None if names == tuple(map(str, range(len(names)))) else names


def document(row: Suspect, labelling: Labelling) -> dict[str, object]:
    """The line as plain data, called as `memlab.reports.committee.row` calls it."""
    made: dict[str, object] = {
        "index": row.index,
        "given_label": named(row.given, labelling),
        "suggested_label": named(row.suggested, labelling),
        "score": row.score,
    }
    if row.below is not None:
        made["is_label_issue"] = row.below
    if row.file is not None:
        made["file"] = row.file
    return made


def named(label: int | None, labelling: Labelling) -> str | int | None:
    """A class by its name, by its number where these are the names."""
    names = class_names(labelling)
    return label if label is None or names is None else names[label]

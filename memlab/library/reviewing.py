"""A review of a run's suspects with the data at hand: what to show of each, and what was said.

The list is `memlab.reports.review_list`, the verdicts are `memlab.runs.review`; the app shows this
(`memlab.tui.review`), and `memlab.library.correcting` applies what was said.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from memlab import settings
from memlab.errors import MemlabError, RunFolderError
from memlab.reports.review_list import ReviewList, check_review, judges_labels, review_list
from memlab.runs import origin, run_folder
from memlab.runs.review import Review, read_review
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder

if TYPE_CHECKING:
    from memlab.data.dataset import Raw
    from memlab.data.example_view import ExampleView
    from memlab.experiment.material_spec import DatasetSpec

Integers = NDArray[np.int64]
NEIGHBOURS = 5


@dataclass(frozen=True, eq=False)
class Labelled:
    """A run's list, its data and what was said so far.

    `labels` `[rows of x]` are those that the run was given: the file's, but for what a corruption
    of its experiment did.
    """

    run: Run
    listed: ReviewList
    review: Review
    raw: Raw
    labels: Integers


def newest_judged(name: str) -> RunFolder | None:
    """The newest finished run of ours that judged these data, a reviewed one before others.

    `name` is a dataset's, such as `npz:photos.npz`. None where there is none.
    """
    kind, colon, path = name.partition(":")
    wanted = f"{kind}:{os.path.abspath(os.path.expanduser(path))}" if colon else name
    best: RunFolder | None = None
    for folder in run_folder.list_runs(settings.runs_folder()):
        try:
            run = Run(folder)
            judged = run.experiment.dataset.name == wanted and judges_labels(run)
            if not judged or run.state.state != "finished" or not origin.is_ours(folder):
                continue
        except MemlabError:
            continue
        if folder.review.is_file():
            return folder
        best = best or folder
    return best


def opened(run: Run) -> Labelled:
    """The list of a run of ours, its data as they were when it was trained, and its review.

    Raises:
        RunFolderError: if it came from elsewhere, judged no labels, was reviewed by another
            version, or its data have changed.
        DatasetUnavailable, InvalidDataset: if the data cannot be read.
    """
    from memlab.data.registry import load

    origin.require_ours(run.folder, "reviewed")
    listed = review_list(run)
    review = read_review(run.folder)
    check_review(review, listed)
    spec = dataset_of(run, listed)
    raw = load(spec, settings.dataset_folders())
    _check_data(run, spec, listed, raw)
    labels = raw.y.copy()
    labels[listed.index] = listed.given
    return Labelled(run, listed, review, raw, labels)


def dataset_of(run: Run, listed: ReviewList) -> DatasetSpec:
    """The description of the list's data in the run's experiment."""
    specs = [member.experiment.dataset for member in run.members]
    return next((spec for spec in specs if spec.name == listed.dataset), specs[0])


def _check_data(run: Run, spec: DatasetSpec, listed: ReviewList, raw: Raw) -> None:
    from memlab.data.fingerprint import fingerprint
    from memlab.data.split import split

    known = run.folder.environment().get("data")
    recorded = set(known.values()) if isinstance(known, dict) else set()
    fits = len(listed) and int(listed.index.max()) < len(raw.y)
    if fits and raw.classes == len(listed.class_names) and recorded:
        fits = fingerprint(split(raw, spec)) in recorded
    if not fits or raw.classes != len(listed.class_names):
        raise RunFolderError(
            f"The data of {listed.dataset} are not those that {run.id} was trained on: put them "
            "back as they were, or judge them anew."
        )


def reviewed_labels(labels: Integers, review: Review) -> Integers:
    """The labels `[rows]` after the review; −1 for what goes."""
    made = labels.copy()
    for verdict in review.verdicts.values():
        if verdict.kind == "drop":
            made[verdict.index] = -1
        elif verdict.label is not None:
            made[verdict.index] = verdict.label
    return made


def neighbours(labelled: Labelled, view: ExampleView, index: int, label: int) -> Integers:
    """The rows of the nearest examples whose label is `label` and not in doubt.

    Those held for wrong are left out unless a person judged them; where nobody else has the label,
    they are what there is.
    """
    listed, review = labelled.listed, labelled.review
    labels = reviewed_labels(labelled.labels, review)
    doubted = np.zeros(len(labels), np.bool_)
    doubted[listed.index[listed.issue]] = True
    doubted[[i for i, verdict in review.verdicts.items() if verdict.decided]] = False
    same = labels == label
    among = np.flatnonzero(same & ~doubted)
    if len(among) <= 1:
        among = np.flatnonzero(same)
    return view.nearest(index, among, NEIGHBOURS)


def view_of(labelled: Labelled) -> ExampleView:
    """The examples, for people; columns of a table in their own deviations."""
    from memlab.data.example_view import ExampleView

    spec = dataset_of(labelled.run, labelled.listed)
    return ExampleView(labelled.raw, by_feature=spec.scaling == "features")


def value_names(labelled: Labelled) -> tuple[str, ...] | None:
    """What the values of an example are called, where the data are a table."""
    from memlab.data.csv_table import feature_names
    from memlab.data.dataset import Request

    spec = dataset_of(labelled.run, labelled.listed)
    if not spec.name.startswith("csv:"):
        return None
    return tuple(feature_names(Request(spec).path, spec.label))


def files_of(labelled: Labelled) -> list[str] | None:
    """`class/file` of each row, where the data are a folder of pictures."""
    from memlab.data.dataset import Request
    from memlab.data.image_folder import picture_names

    spec = dataset_of(labelled.run, labelled.listed)
    return picture_names(Request(spec).path) if spec.name.startswith("folder:") else None

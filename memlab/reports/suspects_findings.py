"""From a committee's run to what its report says of labels; reads the data for near-duplicates."""

from __future__ import annotations

import numpy as np

from memlab import settings
from memlab.data.duplicates import Twins, conflicting_twins
from memlab.errors import MemlabError, RunFolderError
from memlab.reports.committee import held_for_wrong, row, summary
from memlab.reports.suspects_document import JudgedLabel, SuspectsFindings
from memlab.runs.committee import Judgement, is_committee, judged
from memlab.runs.origin import is_ours
from memlab.runs.run import Run
from memlab.strict_json import tamed

#: Labels, and pairs of near-duplicates, that a report lists.
LISTED, LISTED_TWINS = 50, 100


def suspects_findings(run: Run, complete: bool) -> SuspectsFindings | None:
    """None where the run is no committee, has not judged yet, or cannot be read.

    Near-duplicates are looked for once it is `complete`, where the run is ours.
    """
    if not is_committee(run):
        return None
    try:
        found = judged(run)
        pairs = twins(run, found) if complete and is_ours(run.folder) else []
        told = summary(found, pairs)
        listed = [
            JudgedLabel.model_validate(tamed(row(found, at)))
            for at in held_for_wrong(found)[:LISTED]
        ]
    except (RunFolderError, ValueError):
        return None
    return told.model_copy(update={"twins": told.twins[:LISTED_TWINS], "suspects": listed})


def twins(run: Run, found: Judgement) -> list[Twins]:
    """Near-duplicates with different labels among the examples that the run judged.

    They are looked for in the data as they are now: none where these are gone or have other labels.
    """
    from memlab.data.registry import load

    try:
        raw = load(run.experiment.dataset, settings.dataset_folders())
    except MemlabError:
        return []
    same = len(raw.y) == len(found) and (
        found.true_label is not None or np.array_equal(raw.y, found.given_label)
    )
    return conflicting_twins(raw.x, found.given_label) if same else []

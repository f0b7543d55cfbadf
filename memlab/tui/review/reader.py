"""What the Review screen is told and what it tells the disk; used in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from memlab.library import reviewing
from memlab.library.reviewing import Labelled
from memlab.reports.review_list import NEXT, ReviewList, forecast, next_wrong
from memlab.runs.review import Kind, Review, ReviewLog
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder

LEAST_IN_BAR = 30  # examples of the list whose chances are shown at least


@dataclass(frozen=True, eq=False)
class Seen:
    """An example as it is shown: `pixels` [height, width], or `values` where it is no picture.

    `curve` are these as they are drawn.
    """

    index: int
    pixels: NDArray[np.uint8] | None
    values: NDArray[np.float32]
    curve: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked about the example at `at` of the list; `suggested` is −1 for nothing.

    `of_given` and `of_suggested` are the nearest of these classes, nearest first.
    """

    at: int
    example: Seen
    given: int
    suggested: int
    confidence: float
    file: str | None
    of_given: tuple[Seen, ...]
    of_suggested: tuple[Seen, ...]


@dataclass(frozen=True, eq=False)
class Frame:
    """Where the review is: the question (None at the list's end), what was said, what is ahead.

    `ahead` examples come next, about `wrong_ahead` of them wrong; `chances` are those of being
    wrong, down the first part of the list; `issues_left` labels held for wrong are not judged.
    `again` says that the question was answered before. `value_names` are the columns of a table.
    """

    reviewer: Reviewer
    listed: ReviewList
    review: Review
    question: Question | None
    ahead: int
    wrong_ahead: float
    chances: Sequence[float]
    issues_left: int
    again: bool = False
    value_names: tuple[str, ...] | None = None


class Reviewer:
    """An open review of a run; one thread at a time uses it, the app may close it meanwhile."""

    def __init__(self, folder: RunFolder) -> None:
        """Opens it.

        Raises:
            MemlabError: if there is nothing to review, or it may not be; with the reason.
        """
        found = reviewing.opened(Run(folder))
        self._log = ReviewLog(folder)
        self._found: Labelled = found
        self._view = reviewing.view_of(found)
        self._names = reviewing.value_names(found)
        self._files = reviewing.files_of(found)
        self._writing = Lock()  # a descriptor that is closed in a write could be another file's

    def close(self) -> None:
        """Lets another window review; nothing is written afterwards."""
        with self._writing:
            self._log.close()

    def next_question(self) -> Frame:
        """About the first example of the list of which nothing was said."""
        listed, said = self._found.listed, self._log.review.verdicts
        return self._frame(
            next((at for at in range(len(listed)) if int(listed.index[at]) not in said), None)
        )

    def answered(self, at: int, kind: Kind, label: int | None = None) -> Frame:
        """What was said of the example at `at` is on the disk, and the next one is asked about.

        Raises:
            StorageError: if it could not be written.
        """
        with self._writing:
            self._log.give(int(self._found.listed.index[at]), kind, label)
        return self.next_question()

    def taken_back(self) -> Frame:
        """What was said last is taken back, and asked again. Raises as `answered`."""
        with self._writing:
            last = self._log.undo()
        if last is None:
            return self.next_question()
        return self._frame(self._found.listed.position[last.index], again=True)

    def _frame(self, at: int | None, again: bool = False) -> Frame:
        listed, review = self._found.listed, self._log.review
        chances = forecast(listed, review)
        ahead, wrong = next_wrong(listed, review, chances)
        question = None if at is None else self._question(at)
        shown = max(LEAST_IN_BAR, listed.issues * 3 // 2, (at or 0) + NEXT)
        left = sum(int(index) not in review.verdicts for index in listed.index[: listed.issues])
        return Frame(
            reviewer=self,
            listed=listed,
            review=review,
            question=question,
            ahead=ahead,
            wrong_ahead=wrong,
            chances=chances[:shown].tolist(),
            issues_left=left,
            again=again,
            value_names=self._names,
        )

    def _question(self, at: int) -> Question:
        listed = self._found.listed
        index, given = int(listed.index[at]), int(listed.given[at])
        suggested = int(listed.suggested[at])
        return Question(
            at=at,
            example=self._seen(index),
            given=given,
            suggested=suggested,
            confidence=float(listed.confidence[at]),
            file=None if self._files is None else self._files[index],
            of_given=self._nearest(index, given),
            of_suggested=() if suggested < 0 else self._nearest(index, suggested),
        )

    def _nearest(self, index: int, label: int) -> tuple[Seen, ...]:
        found = replace(self._found, review=self._log.review)
        rows = reviewing.neighbours(found, self._view, index, label)
        return tuple(self._seen(int(row)) for row in rows)

    def _seen(self, index: int) -> Seen:
        view = self._view
        return Seen(index, view.picture(index), view.values(index), view.curve(index))

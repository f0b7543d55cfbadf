"""A review that somebody changed: read, gone on with and applied, or refused in a sentence."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from memlab.errors import MemlabError
from memlab.library import correcting, reviewing
from memlab.reports.review_list import forecast, next_wrong
from memlab.runs.review import ReviewLog
from tests.judged_run import WRONG, Judged, judged
from tests.torture import mutation
from tests.torture.viewers import FORBIDDEN

CASES = 150


@pytest.fixture
def reviewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Judged:
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path))
    found = judged(tmp_path)
    log = ReviewLog(found.folder)
    log.give(WRONG[0], "label", 2)
    log.give(WRONG[1], "drop")
    log.give(WRONG[2], "right")
    log.undo()
    log.give(WRONG[3], "skip")
    log.close()
    return found


def test_whatever_a_line_of_the_review_says_is_applied_or_refused_in_a_sentence(
    reviewed, tmp_path
) -> None:
    path = reviewed.folder.path / "review.jsonl"
    whole = path.read_bytes()
    refused: list[str] = []
    for case in range(CASES):
        path.write_bytes(whole)
        rng = random.Random(f"review-{case}")
        told = mutation.review_line(rng, reviewed.folder.path, tmp_path)
        try:
            labelled = reviewing.opened(reviewed.run)
            chances = forecast(labelled.listed, labelled.review)
            assert ((chances >= 0) & (chances <= 1)).all(), (case, told)
            assert 0 <= next_wrong(labelled.listed, labelled.review)[1] <= 10
            made = correcting.correction(reviewed.run, False)
            assert made.changed + made.dropped + made.confirmed <= 48, (case, told)
        except MemlabError as error:
            refused.append(str(error))
    assert 0 < len(refused) < CASES
    assert not [told for told in refused if FORBIDDEN.search(told)]


def test_a_verdict_after_a_damaged_line_is_kept_and_what_stood_there_stays(reviewed) -> None:
    path = reviewed.folder.path / "review.jsonl"
    for number, garbage in enumerate((b"\xff\xfe\x00\n", b"null\n", b'{"seq": 1e400}\n', b'{"to')):
        before = path.read_bytes() + garbage
        path.write_bytes(before)
        log = ReviewLog(reviewed.folder)
        log.give(20 + number, "right")
        log.close()
        assert path.read_bytes().startswith(before.rsplit(b'{"to', 1)[0])
        assert 20 + number in reviewing.opened(reviewed.run).review.verdicts

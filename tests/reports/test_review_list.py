"""The list that a person goes through: its order, what to expect of it, and classes by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memlab.errors import RunFolderError
from memlab.reports.review_list import (
    ReviewList,
    class_of,
    forecast,
    judges_labels,
    next_wrong,
    review_list,
)
from memlab.runs import run_folder
from memlab.runs.review import Kind, Review, Verdict
from memlab.runs.run import Run
from tests.cli.test_suspects import keep
from tests.judged_run import EXAMPLES, GIVEN, TRUE, WRONG, judged


def listed(quality: np.ndarray, names: tuple[str, ...] = ("0", "1")) -> ReviewList:
    count = len(quality)
    return ReviewList(
        dataset="npz:/x.npz",
        class_names=names,
        networks=3,
        index=np.arange(count),
        given=np.zeros(count, np.int64),
        suggested=np.ones(count, np.int64),
        confidence=1 - quality,
        quality=quality,
        issue=quality < 0.5,
    )


def said(*kinds: Kind) -> Review:
    verdicts = [Verdict(i, kind, 1 if kind == "label" else None, i) for i, kind in enumerate(kinds)]
    return Review({v.index: v for v in verdicts}, tuple(verdicts))


def test_those_held_for_wrong_come_first_with_what_the_networks_say(tmp_path: Path) -> None:
    run = judged(tmp_path).run
    found = review_list(run)
    assert judges_labels(run)
    assert found.index[: len(WRONG)].tolist() == list(WRONG)
    assert found.issues == len(WRONG)
    assert sorted(found.index) == list(range(EXAMPLES))
    assert found.given.tolist() == GIVEN[found.index].tolist()
    assert found.suggested[: len(WRONG)].tolist() == TRUE[list(WRONG)].tolist()
    assert found.confidence[0] == pytest.approx(0.97)
    assert (np.diff(found.quality[: found.issues]) >= 0).all()
    assert (np.diff(found.quality[found.issues :]) >= 0).all()


def test_an_ordinary_run_has_such_a_list_by_its_ledger(tmp_path: Path) -> None:
    folder, lock = run_folder.create(tmp_path / "runs", "mine", "title = 'x'", {})
    lock.close()
    keep(folder, names=("cats", "dogs"))  # of rows 100 to 119, 107 is most suspect, then 103
    found = review_list(Run(folder))
    assert found.class_names == ("cats", "dogs")
    assert found.index[:2].tolist() == [107, 103]
    assert found.issues == 2
    assert found.given[:2].tolist() == [0, 0]
    assert found.suggested[:3].tolist() == [1, 1, -1]
    assert found.confidence[0] == 1.0
    assert np.isnan(found.confidence[2])
    assert found.quality[0] == pytest.approx(1 / (1 + np.exp(5.0)))
    assert (np.diff(found.quality) >= 0).all()


def test_a_run_without_a_ledger_says_what_it_takes(tmp_path: Path) -> None:
    folder, lock = run_folder.create(tmp_path / "runs", "mine", "title = 'x'", {})
    lock.close()
    assert not judges_labels(Run(folder))
    with pytest.raises(RunFolderError, match="kept no ledger"):
        review_list(Run(folder))


def test_before_any_verdict_the_scores_have_the_word() -> None:
    quality = np.linspace(0.05, 0.95, 19)
    found = listed(quality)
    chances = forecast(found, Review())
    last = found.issues - 1
    assert chances[last] == pytest.approx(0.5)
    assert chances[0] > 0.99
    assert chances[-1] < 0.01
    assert next_wrong(found, Review()) == (10, pytest.approx(chances[:10].sum()))


def test_verdicts_outweigh_scores_that_cry_wolf() -> None:
    quality = np.linspace(0.05, 0.4, 60)
    found = listed(quality)
    _, hardly = next_wrong(found, said(*["right"] * 20))
    _, half = next_wrong(found, said(*["right", "drop"] * 10))
    _, nearly = next_wrong(found, said(*["label"] * 20))
    assert hardly < 1.5
    assert 3.5 < half < 6.5
    assert nearly > 9
    unsaid = forecast(found, Review())
    assert next_wrong(found, said(*["skip"] * 20))[1] == pytest.approx(unsaid[20:30].sum())


def test_the_forecast_meets_what_comes_on_the_average() -> None:
    """Labels wrong with the chance σ(1.5 − 2·logit q), which no score knows beforehand."""
    generator = np.random.default_rng(3)
    errors = []
    for _ in range(150):
        quality = np.sort(generator.uniform(0.02, 0.98, 150))
        logit = np.log(quality / (1 - quality))
        wrong = generator.random(150) < 1 / (1 + np.exp(-(1.5 - 2 * logit)))
        review = said(*("drop" if each else "right" for each in wrong[:60]))
        errors.append(next_wrong(listed(quality), review)[1] - wrong[60:70].sum())
    assert abs(np.mean(errors)) < 0.6  # of ten
    assert np.abs(errors).mean() < 2.0


@given(st.lists(st.sampled_from(["right", "label", "drop", "skip"]), max_size=30))
def test_a_chance_is_a_chance_and_never_rises_down_the_list(kinds: list[Kind]) -> None:
    quality = np.concatenate([[0.0], np.linspace(1e-9, 1 - 1e-9, 38), [1.0]])
    chances = forecast(listed(quality), said(*kinds))
    assert ((chances >= 0) & (chances <= 1)).all()
    assert (np.diff(chances) <= 1e-12).all()


def test_at_the_end_nothing_is_ahead() -> None:
    assert next_wrong(listed(np.array([0.1, 0.2])), said("right", "skip")) == (0, 0.0)


def test_a_class_is_named_by_its_beginning_or_its_number() -> None:
    found = listed(np.array([0.1]), ("cat", "Catfish", "dog", "10"))
    assert class_of(found, "cat") == 0  # the whole name wins over a beginning
    assert class_of(found, " catf ") == 1
    assert class_of(found, "D") == 2
    assert class_of(found, "2") == 2
    assert class_of(found, "10") == 3
    for text, why in (("ca", "beginning of 2"), ("bird", "no class"), ("", "no class")):
        with pytest.raises(RunFolderError, match=why):
            class_of(found, text)
    with pytest.raises(RunFolderError, match="did you mean 'dog'"):
        class_of(found, "dgo")
    with pytest.raises(RunFolderError, match="no class"):
        class_of(found, "4")

"""From verdicts to a corrected copy, and what that gains."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from memlab.cli import correcting as command
from memlab.cli import main as cli
from memlab.data.npz import read_npz
from memlab.errors import (
    DatasetUnavailable,
    ExportRefused,
    FileIsThere,
    InvalidDataset,
    RunFolderError,
)
from memlab.estimate import Estimate
from memlab.library import correcting, correction_gain, reviewing
from memlab.library.correction_gain import Gain
from memlab.runs import retraining_store
from memlab.runs.outcomes import Outcomes
from memlab.runs.review import Kind, ReviewLog
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder
from memlab.settings import HOME_VARIABLE
from tests.judged_run import EXAMPLES, GIVEN, TRUE, WRONG, Judged, features, judged

NAMES = ("ash", "birch", "cedar", "oak")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photos(home: Path) -> Judged:
    return judged(home)


def say(folder: RunFolder, *said: tuple[int, Kind, int | None]) -> None:
    with ReviewLog(folder) as log:
        for index, kind, label in said:
            log.give(index, kind, label)


def mend(folder: RunFolder) -> None:
    """The first is given the suggestion, the second another class, the third goes, one is right."""
    say(
        folder,
        (WRONG[0], "label", int(TRUE[WRONG[0]])),
        (WRONG[1], "label", 0),
        (WRONG[2], "drop", None),
        (0, "right", None),
        (1, "skip", None),
    )


def test_verdicts_become_labels_and_the_rest_stays(photos: Judged) -> None:
    mend(photos.folder)
    made = correcting.correction(photos.run)
    assert (made.changed, made.dropped, made.confirmed, made.unseen) == (2, 1, 1, 0)
    want = GIVEN.copy()
    want[list(WRONG[:3])] = TRUE[WRONG[0]], 0, -1
    assert made.after.tolist() == want.tolist()
    before = photos.data.read_bytes()
    path, what = correcting.save(made)
    assert path == photos.data.with_name("photos-corrected.npz")
    assert what == "47 examples"
    assert read_npz(path).y.tolist() == want[want >= 0].tolist()
    assert photos.data.read_bytes() == before
    assert made.sentence() == "2 labels changed, 1 example dropped, 1 confirmed"


def test_suggestions_that_nobody_looked_at_are_taken_only_where_that_is_asked_for(
    photos: Judged,
) -> None:
    say(photos.folder, (WRONG[0], "right", None), (WRONG[1], "skip", None))
    with pytest.raises(InvalidDataset, match="The label reviewed in"):
        correcting.correction(photos.run)
    made = correcting.correction(photos.run, unreviewed=True)
    assert made.unseen == 3
    want = TRUE.copy()
    want[WRONG[0]] = GIVEN[WRONG[0]]  # a verdict stands
    assert made.after.tolist() == want.tolist()
    assert made.sentence() == (
        "3 labels changed, 1 confirmed; 3 of them unseen, as the networks suggest"
    )


def test_nothing_reviewed_is_said_in_one_sentence(photos: Judged) -> None:
    with pytest.raises(InvalidDataset) as refused:
        correcting.correction(photos.run)
    assert str(refused.value) == (
        f"Nothing of {photos.folder.id} is reviewed yet: "
        f"`memlab suspects {photos.folder.id} --review` begins."
    )


def test_nothing_is_written_over_what_is_there_or_what_was_judged(photos: Judged) -> None:
    mend(photos.folder)
    made = correcting.correction(photos.run)
    there = photos.data.with_name("photos-corrected.npz")
    there.write_text("mine")
    with pytest.raises(FileIsThere):
        correcting.save(made)
    with pytest.raises(ExportRefused, match="what was judged"):
        correcting.save(made, photos.data, replace=True)
    link = photos.data.with_name("link.npz")
    link.symlink_to(photos.data)
    with pytest.raises(ExportRefused, match="what was judged"):
        correcting.save(made, link, replace=True)
    assert there.read_text() == "mine"
    correcting.save(made, replace=True)
    assert read_npz(there).y.tolist() == made.after[made.after >= 0].tolist()


def test_a_table_is_corrected_by_the_names_of_its_classes(home: Path) -> None:
    path = home / "trees.csv"
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["height", "age", "label"])
        rows = features(2)
        writer.writerows([*row, NAMES[label]] for row, label in zip(rows, GIVEN, strict=True))
    found = judged(home, names=NAMES, dataset=f"csv:{path}")
    labelled = reviewing.opened(found.run)
    assert reviewing.value_names(labelled) == ("height", "age")
    say(found.folder, (WRONG[0], "label", 3), (WRONG[1], "drop", None))
    target, _ = correcting.save(correcting.correction(found.run))
    assert target == home / "trees-corrected.csv"
    old, new = (list(csv.reader(io.StringIO(p.read_text()))) for p in (path, target))
    assert new[1 + WRONG[0] - 1][2] == "oak"  # a row above it went
    assert len(new) == len(old) - 1


def test_data_that_are_no_file_become_an_archive_in_the_working_folder(home: Path) -> None:
    from memlab.data.registry import load
    from memlab.experiment.material_spec import DatasetSpec

    raw = load(DatasetSpec(name="digits"))
    labels = raw.y.copy()
    labels[3] = -1
    from memlab.data import corrected

    made = np.load(io.BytesIO(corrected.of_arrays(raw, labels).data))
    assert made["x"].shape == (len(raw.y) - 1, *raw.x.shape[1:])
    assert made["y"].tolist() == np.delete(raw.y, 3).tolist()


# --- bad input: one sentence each


def test_a_verdict_on_an_example_that_is_not_there_is_refused(photos: Judged) -> None:
    say(photos.folder, (4_000, "drop", None))
    with pytest.raises(RunFolderError, match="example 4,000, which is none of the 48"):
        correcting.correction(photos.run)


def test_a_label_that_is_no_class_is_refused(photos: Judged) -> None:
    say(photos.folder, (3, "label", 4))
    with pytest.raises(RunFolderError, match="label 4, but there are 4 classes, 0 to 3"):
        correcting.correction(photos.run)


@pytest.mark.parametrize("change", ["a value", "a label", "fewer", "a class more"])
def test_data_that_have_changed_since_are_refused(photos: Judged, change: str) -> None:
    from memlab.data.fingerprint import fingerprint
    from memlab.data.registry import load
    from memlab.data.split import split

    spec = photos.run.experiment.dataset
    photos.folder.add_environment(data={"source": fingerprint(split(load(spec), spec))})
    mend(photos.folder)
    assert correcting.correction(photos.run).changed == 2
    arrays = dict(np.load(photos.data))
    if change == "a value":
        arrays["x"][5, 0, 0] ^= 1
    elif change == "a label":
        arrays["y"][5] = (arrays["y"][5] + 1) % 4
    elif change == "fewer":
        arrays = {name: array[:-8] for name, array in arrays.items()}
    else:
        arrays["y"][:3] = 4
    np.savez(photos.data, **arrays)
    with pytest.raises(RunFolderError, match="are not those that"):
        correcting.correction(photos.run)


def test_data_that_are_gone_are_missed_in_words(photos: Judged) -> None:
    mend(photos.folder)
    photos.data.unlink()
    with pytest.raises(DatasetUnavailable, match="There is no file"):
        correcting.correction(photos.run)


def test_a_run_from_elsewhere_opens_no_file_that_it_names(home: Path) -> None:
    theirs = judged(home / "theirs" if (home / "theirs").mkdir() is None else home)
    here = home / "runs"
    here.mkdir()
    guest = RunFolder(Path(shutil.copytree(theirs.folder.path, here / theirs.folder.id)))
    with pytest.raises(RunFolderError, match=r"not reviewed as it is.*memlab adopt"):
        reviewing.opened(Run(guest))


def test_a_run_that_judged_nothing_says_so(home: Path) -> None:
    found = judged(home)
    shutil.rmtree(found.folder.path / "examples")
    with pytest.raises(RunFolderError, match="has judged nothing yet"):
        reviewing.opened(found.run)


def test_data_find_the_run_that_judged_them_a_reviewed_one_first(home: Path) -> None:
    assert reviewing.newest_judged(f"npz:{home}/photos.npz") is None
    first, second = judged(home), judged(home)
    name = f"npz:{first.data}"
    newest = max(first.folder.id, second.folder.id)
    found = reviewing.newest_judged(name)
    assert found is not None
    assert {first.folder.id, second.folder.id} >= {found.id}
    older = min(first.folder.id, newest, second.folder.id)
    say(RunFolder(home / "runs" / older), (0, "right", None))
    reviewed = reviewing.newest_judged("npz:photos.npz")
    assert reviewed is not None
    assert reviewed.id == older
    assert reviewing.newest_judged("npz:other.npz") is None


# --- what it gains


def test_both_arms_train_on_all_and_are_measured_on_the_test_set(home: Path) -> None:
    found = judged(home, test=True)
    mend(found.folder)
    made = correcting.correction(found.run)
    (home / "files").mkdir()
    comparison = correction_gain.prepared(made, home / "files", seeds=4)
    experiment = comparison.experiment
    before, after = (
        read_npz(Path(name.removeprefix("npz:"))) for name in experiment.axes["dataset.name"]
    )
    assert before.y.tolist() == GIVEN.tolist()
    assert after.y.tolist() == made.after[made.after >= 0].tolist()
    assert (before.test_x == after.test_x).all()  # type: ignore[union-attr]
    assert experiment.seed_list == [0, 1, 2, 3]
    own = found.run.experiment
    assert (experiment.model, experiment.optimizer) == (own.model, own.optimizer)
    assert experiment.dataset.whole
    assert experiment.dataset.subset == 1.0
    assert comparison.folds == ()


def test_without_a_test_set_each_example_is_held_out_once_from_both_arms(home: Path) -> None:
    found = judged(home)
    mend(found.folder)
    made = correcting.correction(found.run)
    (home / "files").mkdir()
    comparison = correction_gain.prepared(made, home / "files")
    held = np.concatenate(comparison.folds)
    assert sorted(held) == list(range(EXAMPLES))
    files = [Path(name.removeprefix("npz:")) for name in comparison.experiment.axes["dataset.name"]]
    assert [file.name for file in files] == [
        f"{arm}-{fold}.npz" for arm in ("before", "after") for fold in range(4)
    ]
    x = np.load(found.data)["x"]
    for number, fold in enumerate(comparison.folds):
        before, after = np.load(files[number]), np.load(files[4 + number])
        rest = np.setdiff1d(np.arange(EXAMPLES), fold)
        assert before["y"].tolist() == GIVEN[rest].tolist()
        assert after["y"].tolist() == [made.after[at] for at in rest if made.after[at] >= 0]
        assert (before["x_test"] == after["x_test"]).all()
        assert (before["x_test"][: len(fold), 0] == x[fold]).all()
        assert before["y_test"][: len(fold)].tolist() == GIVEN[fold].tolist()
        again = [at for at in fold if made.after[at] >= 0 and made.after[at] != GIVEN[at]]
        assert before["y_test"][len(fold) :].tolist() == made.after[again].tolist()


def test_gains_are_what_counting_by_hand_gives(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks with answers of their own: what they predict decides, whatever was asked."""
    found = judged(home)
    mend(found.folder)
    made = correcting.correction(found.run)
    (home / "files").mkdir()
    comparison = correction_gain.prepared(made, home / "files")
    generator = np.random.default_rng(5)
    answers = generator.integers(0, 4, (2, 3, EXAMPLES))  # [arms, seeds, examples]
    answers[1] = np.where(generator.random((3, EXAMPLES)) < 0.7, TRUE, answers[1])

    def outcomes(run: object, group: int) -> Outcomes:
        arm, fold = divmod(group, 4)
        file = np.load(home / "files" / f"{('before', 'after')[arm]}-{fold}.npz")
        held = comparison.folds[fold]
        again = [at for at in held if made.after[at] >= 0 and made.after[at] != GIVEN[at]]
        rows = np.concatenate([held, np.array(again, int)])
        shuffled = generator.permutation(len(rows))
        right = answers[arm][:, rows] == file["y_test"]
        train = len(file["y"])
        order = generator.permutation(3)
        correct = np.concatenate([np.zeros((3, train), bool), right[order][:, shuffled]], axis=1)
        labels = np.zeros(train + len(rows), np.int32)
        index = np.concatenate([np.arange(train), shuffled])
        return Outcomes(
            own=np.ones((3, train), bool),
            correct=correct,
            margin=np.zeros(correct.shape, np.float16),
            given=labels,
            true=labels,
            corrupted=np.zeros(train, bool),
            index=index,
            class_names=("0", "1", "2", "3"),
            seeds=np.array([0, 1, 2])[order],
        )

    monkeypatch.setattr(retraining_store, "outcomes_of", outcomes)
    original, reviewed = correction_gain.gains(comparison, found.run)
    kept = made.after >= 0
    for gain, labels, measured in (
        (original, GIVEN, np.ones(EXAMPLES, bool)),
        (reviewed, made.after, kept),
    ):
        want = (answers[:, :, measured] == labels[measured]).mean(2)  # [arms, seeds]
        assert gain.before.mean == pytest.approx(want[0].mean())
        assert gain.after.mean == pytest.approx(want[1].mean())
        assert gain.gain.mean == pytest.approx((want[1] - want[0]).mean())
        half = 4.3027 * (want[1] - want[0]).std(ddof=1) / 3**0.5  # t with 2 degrees of freedom
        assert gain.gain.half == pytest.approx(half, rel=1e-3)
        assert gain.examples == measured.sum()
    assert original.against == "the original labels"


def test_a_sentence_says_gained_only_where_the_interval_is_above_nothing() -> None:
    def gain(mean: float, half: float) -> Gain:
        found = Estimate.around(mean, half, 5)
        return Gain("the test set", 100, found, found, found)

    assert command.verdict(gain(0.03, 0.01)) == "3 points gained."
    assert command.verdict(gain(-0.03, 0.01)) == "3 points lost."
    assert "no difference" in command.verdict(gain(0.03, 0.04))
    assert "no difference" in command.verdict(gain(0.03, float("nan")))


# --- on the command line


def test_the_command_writes_a_copy_and_says_what_is_in_it(
    photos: Judged, capsys: pytest.CaptureFixture[str]
) -> None:
    mend(photos.folder)
    with open(photos.folder.path / "review.jsonl", "a") as file:
        file.write("garbage\n")
    assert cli.main(["suspects", str(photos.data), "--apply", "--seeds", "0", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {
        "written": str(photos.data.with_name("photos-corrected.npz")),
        "changed": 2,
        "dropped": 1,
        "confirmed": 1,
        "unreviewed": 0,
        "gains": [],
    }
    assert "1 line is left out of the review" in said.err
    assert "47 examples written to" in said.err
    assert cli.main(["suspects", photos.folder.id, "--apply", "--seeds", "0"]) == 2
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--to", "x.npz"], "add --apply"),
        (["--unreviewed"], "add --apply"),
        (["--apply", "--seeds", "1"], "an interval needs two"),
        (["--apply"], "is reviewed yet"),
    ],
)
def test_what_means_nothing_is_refused_in_one_sentence(
    photos: Judged, capsys: pytest.CaptureFixture[str], options: list[str], why: str
) -> None:
    assert cli.main(["suspects", photos.folder.id, *options]) == 2
    said = capsys.readouterr()
    assert why in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert not list(photos.data.parent.glob("*corrected*"))


def test_a_class_that_is_gone_leaves_a_copy_and_a_sentence(
    photos: Judged, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [int(row) for row in np.flatnonzero(GIVEN == 2)]
    say(photos.folder, *((row, "drop", None) for row in rows))
    assert cli.main(["suspects", photos.folder.id, "--apply", "--seeds", "2"]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 2
    assert f"{EXAMPLES - len(rows)} examples written to" in said[0]
    assert "cannot be measured: after-0.npz: y goes up to 3, but no example has label 2" in said[1]
    assert str(photos.data.parent / "correction-") not in said[1]


@pytest.mark.parametrize("test", [pytest.param(False, marks=pytest.mark.full), True])
def test_a_correction_is_trained_before_and_after(
    home: Path, capsys: pytest.CaptureFixture[str], test: bool
) -> None:
    found = judged(home, test=test)
    assert (
        cli.main(["suspects", str(found.data), "--apply", "--unreviewed", "--json", "--seeds", "2"])
        == 0
    )
    document = json.loads(capsys.readouterr().out)
    assert (document["changed"], document["unreviewed"]) == (len(WRONG), len(WRONG))
    gains = document["gains"]
    against = ["the test set"] if test else ["the original labels", "the reviewed labels"]
    assert [gain["against"] for gain in gains] == against
    for gain in gains:
        assert gain["examples"] == (12 if test else EXAMPLES)
        difference = gain["after"]["mean"] - gain["before"]["mean"]
        assert gain["gain"]["mean"] == pytest.approx(difference)
        assert gain["gain"]["n"] == 2
    assert not list(home.glob("correction-*"))

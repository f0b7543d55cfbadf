"""Verdicts on suspects: kept when they are given, taken back without a cut, never mixed up."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memlab import disk
from memlab.errors import RunFolderError, StorageError
from memlab.runs import review, run_folder
from memlab.runs.review import Review, ReviewLog, Verdict, read_review
from memlab.runs.run_folder import RunFolder


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder, lock = run_folder.create(tmp_path / "runs", "mine", "title = 'x'", {})
    lock.close()
    return folder


def lines(run: RunFolder) -> list[dict[str, object]]:
    return [json.loads(line) for line in (run.path / "review.jsonl").read_text().splitlines()]


def holding(found: Review) -> dict[int, tuple[str, int | None]]:
    return {index: (verdict.kind, verdict.label) for index, verdict in found.verdicts.items()}


def test_verdicts_hold_in_the_next_process_too(run: RunFolder) -> None:
    assert read_review(run) == Review()
    with ReviewLog(run) as log:
        log.give(107, "label", 3)
        log.give(5, "right")
        log.give(9, "drop")
        log.give(2, "skip")
    found = read_review(run)
    assert holding(found) == {
        107: ("label", 3),
        5: ("right", None),
        9: ("drop", None),
        2: ("skip", None),
    }
    assert (found.judged, found.wrong, found.damaged) == (3, 2, 0)
    with ReviewLog(run) as log:
        assert holding(log.review) == holding(found)
        log.give(5, "label", 1)
    assert holding(read_review(run))[5] == ("label", 1)


def test_an_undo_is_an_event_and_brings_back_what_was_said_before(run: RunFolder) -> None:
    with ReviewLog(run) as log:
        log.give(7, "right")
        log.give(7, "label", 2)
        taken = log.undo()
        assert taken is not None
        assert (taken.index, taken.kind) == (7, "label")
        assert holding(log.review) == {7: ("right", None)}
    with ReviewLog(run) as log:
        assert holding(log.review) == {7: ("right", None)}
        assert log.undo() is not None
        assert log.undo() is None
    assert holding(read_review(run)) == {}
    assert [line["type"] for line in lines(run)] == [
        "review",
        "verdict",
        "verdict",
        "undo",
        "undo",
    ]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("give"), st.integers(0, 4), st.sampled_from(review.KINDS)),
        st.just(("undo",)),
        st.just(("reopen",)),
        st.tuples(st.just("torn"), st.integers(1, 30)),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_any_sequence_is_what_a_stack_of_verdicts_would_hold(
    steps: list[tuple[object, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, lock = run_folder.create(tmp_path_factory.mktemp("a"), "mine", "title = 'x'", {})
    lock.close()
    stack: list[Verdict] = []
    log = ReviewLog(folder)
    for number, step in enumerate(steps):
        if step[0] == "give":
            _, index, kind = step
            label = number if kind == "label" else None
            stack.append(log.give(index, kind, label))  # type: ignore[arg-type]
        elif step[0] == "undo":
            assert log.undo() == (stack.pop() if stack else None)
        else:
            log.close()
            if step[0] == "torn":  # as a kill within a write leaves it
                with open(folder.path / "review.jsonl", "ab") as file:
                    file.write(b'{"seq": 999, "type": "verdict"'[: step[1]])  # type: ignore[misc]
            log = ReviewLog(folder)
        assert log.review.given == tuple(stack)
    log.close()
    found = read_review(folder)
    assert found.given == tuple(stack)
    assert found.verdicts == {verdict.index: verdict for verdict in stack}
    assert found.damaged == 0


GIVE_FOR_EVER = """
import sys, itertools
from pathlib import Path
from memlab.runs.review import ReviewLog
from memlab.runs.run_folder import RunFolder
with ReviewLog(RunFolder(Path(sys.argv[1]))) as log:
    for index in itertools.count():
        log.give(index, "label", index % 10)
        print(index, flush=True)
"""


def test_a_kill_loses_no_verdict(
    run: RunFolder, python: Callable[..., subprocess.Popen[str]]
) -> None:
    process = python(GIVE_FOR_EVER, run.path)
    assert process.stdout is not None
    told = [int(process.stdout.readline()) for _ in range(20)]
    os.kill(process.pid, signal.SIGKILL)
    told += [int(line) for line in process.stdout.read().splitlines()]
    assert process.wait() == -signal.SIGKILL
    with ReviewLog(run) as log:  # the kernel has freed the lock
        assert told == list(range(len(told)))
        assert set(told) <= log.review.verdicts.keys()
        assert len(log.review.verdicts) <= len(told) + 1  # one was being told
        log.give(10_000, "drop")
    assert 10_000 in read_review(run).verdicts


def test_a_verdict_that_a_full_disk_refuses_does_not_hold(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, data: disk.Buffer) -> int:
        os.write(descriptor, bytes(data)[:10])
        raise OSError(28, "No space left on device")

    with ReviewLog(run) as log:
        log.give(1, "right")
        with monkeypatch.context() as patch:
            patch.setattr(disk, "write", full)
            with pytest.raises(StorageError, match="disk is full"):
                log.give(2, "drop")
        assert holding(log.review) == {1: ("right", None)}
        log.give(3, "drop")
    found = read_review(run)
    assert (sorted(found.verdicts), found.damaged) == ([1, 3], 0)


def test_two_windows_do_not_review_one_run(run: RunFolder) -> None:
    with ReviewLog(run), pytest.raises(RunFolderError, match="reviewed in another window"):
        ReviewLog(run)
    ReviewLog(run).close()


def test_a_run_from_elsewhere_is_not_reviewed_and_stays_as_it_is(tmp_path: Path) -> None:
    there, lock = run_folder.create(tmp_path / "there" / "runs", "x", "title = 'x'", {})
    lock.close()
    here = tmp_path / "here" / "runs"
    here.mkdir(parents=True)
    guest = RunFolder(Path(shutil.copytree(there.path, here / there.id)))
    before = sorted(guest.path.iterdir())
    with pytest.raises(RunFolderError, match=r"not reviewed as it is.*memlab adopt"):
        ReviewLog(guest)
    assert sorted(guest.path.iterdir()) == before


def test_a_link_in_its_place_is_refused(run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("")
    (run.path / "review.jsonl").symlink_to(tmp_path / "elsewhere")
    for opened in (read_review, ReviewLog):
        with pytest.raises(RunFolderError, match="is a link"):
            opened(run)
    assert (tmp_path / "elsewhere").read_text() == ""


@pytest.mark.parametrize("opened", [read_review, ReviewLog])
def test_a_newer_version_is_refused_and_not_written_to(
    run: RunFolder, opened: Callable[[RunFolder], object]
) -> None:
    line = '{"seq": 1, "time": 1.0, "type": "review", "schema": 2}\n'
    (run.path / "review.jsonl").write_text(line)
    with pytest.raises(RunFolderError, match=r"newer memlab \(schema 2, this one reads up to 1\)"):
        opened(run)
    assert (run.path / "review.jsonl").read_text() == line


def test_damaged_lines_are_left_out_and_counted(run: RunFolder) -> None:
    with ReviewLog(run) as log:
        log.give(1, "right")
    bad = [
        "no json",
        '{"seq": 10, "time": 1, "type": "verdict", "index": -1, "verdict": "right"}',
        '{"seq": 11, "time": 1, "type": "verdict", "index": 2, "verdict": "maybe"}',
        '{"seq": 12, "time": 1, "type": "verdict", "index": 2, "verdict": "label"}',
        '{"seq": 13, "time": 1, "type": "verdict", "index": 2, "verdict": "right", "label": 3}',
        '{"seq": 14, "time": 1, "type": "verdict", "index": 1e9, "verdict": "drop"}',
        '{"seq": 15, "time": 1, "type": "undo", "of": 77}',
        '{"seq": 16, "time": 1, "type": "undo", "of": [1]}',
    ]
    with open(run.path / "review.jsonl", "a") as file:
        file.write("\n".join(bad) + "\n")
    with ReviewLog(run) as log:
        log.give(3, "drop")
    found = read_review(run)
    assert holding(found) == {1: ("right", None), 3: ("drop", None)}
    assert found.damaged == len(bad)


def test_verdicts_of_another_run_are_refused_in_words(run: RunFolder) -> None:
    with ReviewLog(run) as log:
        log.give(3, "label", 9)
    found = read_review(run)
    review.check(found, range(10), 10)
    with pytest.raises(RunFolderError, match="example 3, which is none of the 2 that were judged"):
        review.check(found, [0, 1], 10)
    with pytest.raises(RunFolderError, match="label 9, but there are 9 classes, 0 to 8"):
        review.check(found, range(10), 9)

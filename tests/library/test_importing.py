"""Logs of elsewhere become runs to look at; what is no log is one sentence."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import memlab
from memlab.errors import InvalidDataset, RunFolderError
from memlab.library import importing, tensorboard_events
from memlab.library.importing import imported, read_csv
from memlab.reports.facts import standing
from memlab.reports.sentences import sentences
from memlab.settings import HOME_VARIABLE


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))


def varint(value: int) -> bytes:
    made = b""
    while value > 127:
        made, value = made + bytes([value & 127 | 128]), value >> 7
    return made + bytes([value])


def message(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def event(step: int, tag: str, value: float, tensor: bool = False) -> bytes:
    scalar = b"\x15" + struct.pack("<f", value)
    if tensor:
        scalar = message(8, b"\x08\x01" + message(4, struct.pack("<f", value)))
    summary = message(1, message(1, tag.encode()) + scalar)
    return b"\x09" + struct.pack("<d", 1.0) + b"\x10" + varint(step) + message(5, summary)


def record(data: bytes) -> bytes:
    return struct.pack("<Q", len(data)) + bytes(4) + data + bytes(4)


def test_a_table_becomes_a_run(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text("epoch,train_loss,val_acc,gpu mem\n1,2.5,10,100\n2,1.5,40,\n3,1.0,60.5,300\n")
    made = imported("csv", path)
    run = memlab.load(made.folder.id)
    assert made.metrics == ("train_loss", "validation_accuracy")
    assert run.series("train_loss").values[0].tolist() == [2.5, 1.5, 1.0]
    assert run.series("validation_accuracy").values[0].tolist() == [0.1, 0.4, 0.605]
    assert run.series("train_loss").epochs.tolist() == [1, 2, 3]
    assert run.series("logged-gpu-mem.gpu_mem").values[0].tolist() == [100, 300]
    assert run.series("gpu mem").values[0].tolist() == [100, 300]
    assert run.series("gpu mem").epochs.tolist() == [1, 3]
    with pytest.raises(RunFolderError, match="did you mean 'gpu mem'"):
        run.series("gpu men")
    assert "0.6" in run.report()
    with pytest.raises(RunFolderError, match="recorded from csv"):
        run.resume()


def table(path: Path, text: str) -> memlab.Run:
    path.write_text(text)
    return memlab.load(imported("csv", path).folder.id)


def test_what_stands_against_steps_is_told_of_steps(tmp_path: Path) -> None:
    text = "step,loss,acc,val_acc\n0,9,0.1,.1\n100,7,.992,.8\n200,6,.995,.3\n"
    run = table(tmp_path / "t.csv", text)
    for told in (run.report(), run.report("md"), *run.findings.sentences):
        assert "epoch" not in told
    assert "at best 0.80, at step 100" in run.findings.sentences[0]
    assert "first step with train accuracy" in run.report("md")
    unfinished = run.findings.model_copy(update={"complete": False, "state": "failed"})
    assert "it is failed at step 200" in standing(unfinished)
    assert "So far (step 200)" in sentences(unfinished)[0]
    by_epoch = table(tmp_path / "u.csv", text.replace("step", "epoch"))
    assert "at best 0.80, at epoch 100" in by_epoch.findings.sentences[0]


def test_a_step_that_goes_back_is_an_attempt_and_the_latest_wins(tmp_path: Path) -> None:
    text = "step,loss,note\n1,9,1\n3,7,3\n4,6,4\n2,8,2\n2,8.5,\n"
    run = table(tmp_path / "t.csv", text)
    loss = run.series("train_loss")
    assert loss.epochs.tolist() == [1, 2]
    assert loss.values[0].tolist() == [9, 8.5]
    assert run.series("note").values[0].tolist() == [1, 2]
    again = table(tmp_path / "u.csv", text + "3,7.5,9\n")
    assert again.series("train_loss").epochs.tolist() == [1, 2, 3]
    assert again.series("note").values[0].tolist() == [1, 2, 9]
    stored = again.view.tables["stack-000"]
    assert (stored.count, len(stored)) == (5, 3)  # what was left is there and is not read


def test_a_metric_that_a_later_attempt_has_not_yet_is_that_of_where_it_went_on(
    tmp_path: Path,
) -> None:
    run = table(tmp_path / "t.csv", "epoch,loss,val_acc\n1,9,.1\n2,8,.2\n3,7,.3\n2.5,6,\n")
    assert run.series("train_loss").epochs.tolist() == [1, 2, 2.5]
    assert run.series("validation_accuracy").values[0].tolist() == [0.1, 0.2, 0.2]


def test_parts_of_an_epoch_are_kept_apart_where_a_step_goes_back(tmp_path: Path) -> None:
    run = table(tmp_path / "t.csv", "epoch,loss\n.1,9\n.2,8\n.3,7\n.2,6\n")
    assert run.series("train_loss").epochs.tolist() == [0.1, 0.2]
    assert run.series("train_loss").values[0].tolist() == [9, 6]


@pytest.mark.parametrize("tensor", [False, True])
def test_event_files_become_a_run(tmp_path: Path, tensor: bool) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    first = b"".join(record(event(s, "Loss/train", 1 / s, tensor)) for s in (1, 2))
    second = record(event(3, "Loss/train", 0.25, tensor)) + record(event(3, "other", 7.0, tensor))
    (folder / "events.out.tfevents.1.host").write_bytes(first)
    (folder / "events.out.tfevents.2.host").write_bytes(second + b"torn")
    run = memlab.load(imported("tensorboard", folder).folder.id)
    np.testing.assert_allclose(run.series("train_loss").values[0], [1, 0.5, 0.25])
    assert run.series("logged-other.other").values[0].tolist() == [7.0]
    assert run.experiment.recorded is not None
    assert run.experiment.recorded.axis == "step"


def test_what_add_scalars_wrote_into_folders_beside_is_kept_by_tag_and_key(tmp_path: Path) -> None:
    """`add_scalars("Loss/both", {"Training": …})` writes `Loss_both_Training/`, as torch has it."""
    folder = tmp_path / "logs"
    for inner, tag, value in (
        ("", "Loss/train", 2.0),
        ("Loss_both_Training", "Loss/both", 3.0),
        ("Loss_both_Validation", "Loss/both", 4.0),
        ("another run", "Loss/train", 5.0),
    ):
        (folder / inner).mkdir(parents=True, exist_ok=True)
        content = record(event(1, tag, value, False))
        (folder / inner / "events.out.tfevents.1.host").write_bytes(content)
    (folder / "broken").mkdir()
    (folder / "broken" / "events.out.tfevents.1.host").write_bytes(b"no event at all, but bytes")
    made = imported("tensorboard", folder)
    assert made.logged == ("Loss/both/Training", "Loss/both/Validation")
    run = memlab.load(made.folder.id)
    assert run.series("train_loss").values[0].tolist() == [2.0]
    assert run.series("logged-loss-both-validation.loss_both_validation").values[0] == [4.0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "0 columns"),
        ("only\n1\n", "1 columns"),
        ("a,a\n1,2\n", "different names"),
        ("epoch,loss\n1,2,3\n", "line 2: 3 cells and 2 names"),
        ("epoch,loss\nx,2\n", "'x' is no step"),
        ("epoch,loss\nnan,2\n", "is no step"),
        ("epoch,loss\n-1,2\n", "is no step"),
        ("epoch,loss\n1,word\n", "no numbers"),
        ("epoch,loss\n3,1\n2,2\n1,3\n", "line 3: the step goes back, as it does 2 times: sort"),
        ("epoch,loss\n1,\x1b]0;x\x07\n", "no numbers"),
    ],
)
def test_what_is_no_table_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(InvalidDataset) as caught:
        imported("csv", path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_links_fifos_and_large_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real.csv").write_text("epoch,loss\n1,2\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    os.mkfifo(tmp_path / "fifo.csv")
    for name in ("link.csv", "fifo.csv", "missing.csv"):
        with pytest.raises(InvalidDataset):
            read_csv(tmp_path / name)
    monkeypatch.setattr(importing, "MOST_BYTES", 10)
    with pytest.raises(InvalidDataset, match="reads up to 10"):
        read_csv(tmp_path / "real.csv")


def test_a_folder_without_event_files_names_its_folders(tmp_path: Path) -> None:
    (tmp_path / "run one").mkdir()
    with pytest.raises(InvalidDataset, match="give one of run one"):
        imported("tensorboard", tmp_path)


def test_long_logs_are_thinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "KEPT_ROWS", 10)
    path = tmp_path / "long.csv"
    path.write_text("step,loss\n" + "".join(f"{n},{n}\n" for n in range(95)))
    found = memlab.load(imported("csv", path).folder.id).series("train_loss")
    assert len(found.epochs) <= 11
    assert found.epochs[-1] == 94


@given(st.binary(max_size=200))
def test_any_bytes_are_scalars_or_a_sentence(data: bytes) -> None:
    for content in (data, record(data), record(event(1, "a", 1.0)) + data):
        try:
            for tag, step, value in tensorboard_events.scalars(content, "it"):
                assert np.isfinite(value)
                assert step >= 0
                assert tag.isprintable()
        except InvalidDataset:
            continue


def test_the_command_makes_a_run_and_says_what_it_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from memlab.cli.main import main

    path = tmp_path / "history.csv"
    path.write_text("epoch,loss,acc,memory\n1,2,0.3,7\n2,1,0.6,8\n")
    assert main(["import", "csv", str(path), "--name", "from elsewhere"]) == 0
    told = capsys.readouterr()
    run = memlab.load(told.out.strip())
    assert run.state.state == "finished"
    assert "train loss, train accuracy" in told.err
    assert "memory" in told.err
    path.write_text("epoch,loss\n1,2\n2,1\n2,1\n1,3\n2,4\n1,5\n")
    assert main(["import", "csv", str(path)]) == 0
    assert "The steps go back in line 5 and 1 more" in capsys.readouterr().err
    assert main(["stop", run.id]) == 2
    assert "recorded from csv" in capsys.readouterr().err
    assert main(["import", "tensorboard", str(path)]) == 2
    assert "no event file" in capsys.readouterr().err

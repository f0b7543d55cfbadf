"""A loop that goes on from its own checkpoint writes on behind; the latest attempt is read."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import memlab
from memlab.errors import RunFolderError
from memlab.runs.attempts import COLUMNS, AttemptTable
from memlab.runs.door import Place
from memlab.runs.ledger import read_ledger
from memlab.runs.lifecycle import request
from memlab.runs.run_folder import RunFolder
from memlab.runs.table import Table
from memlab.runs.table_writer import TableWriter
from tests.recording.loops import CLASSES, Data, mlp


def write(place: Place, rows: list[tuple[int, int, int, float]]) -> None:
    """Rows of (update, attempt, since, value)."""
    with TableWriter(place, [("update", "<i8"), ("v", "<f8", (1,)), *COLUMNS]) as writer:
        for update, attempt, since, value in rows:
            writer.append({"update": update, "attempt": attempt, "since": since, "v": value})


ROWS = [(1, 1, 0, 1.0), (2, 1, 0, 2.0), (3, 1, 0, 3.0), (2, 2, 1, 20.0), (3, 2, 1, 30.0)]
ROWS += [(4, 3, 2, 400.0)]


@pytest.mark.parametrize("at_once", [True, False])
def test_the_latest_attempt_wins_and_nothing_is_cut(at_once: bool, home: object) -> None:
    place = Place(home) / "table"  # type: ignore[arg-type]
    if at_once:
        write(place, ROWS)
        table = Table.open(place)
    else:
        write(place, ROWS[:1])
        table = Table.open(place)
        for number in range(1, len(ROWS)):
            write(place, ROWS[number : number + 1])
            table.refresh()
    assert isinstance(table, AttemptTable)
    assert table.count == 6
    assert len(table) == 3
    assert table.read("update").tolist() == [1, 2, 4]
    assert table.read("v")[:, 0].tolist() == [1.0, 20.0, 400.0]
    assert table.read("v", 1, 2)[:, 0].tolist() == [20.0]
    assert table.newest(2)["update"].tolist() == [2, 4]
    assert table.newest(0).shape == (0,)


def test_rows_that_go_raise_the_generation(home: object) -> None:
    place = Place(home) / "table"  # type: ignore[arg-type]
    write(place, ROWS[:3])
    table = Table.open(place)
    before = table.generation
    write(place, [(4, 2, 3, 4.0)])
    table.refresh()
    assert table.generation == before
    write(place, [(3, 3, 2, 3.0)])
    table.refresh()
    assert table.generation > before


def test_rows_of_an_attempt_that_was_left_are_not_read(home: object) -> None:
    place = Place(home) / "table"  # type: ignore[arg-type]
    write(place, [*ROWS, (5, 1, 0, 9.0)])
    assert Table.open(place).read("update").tolist() == [1, 2, 4]


def test_a_table_of_endless_attempts_is_damaged(
    home: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memlab.runs.attempts.MOST_ATTEMPTS", 3)
    place = Place(home) / "table"  # type: ignore[arg-type]
    write(place, [(n, n, 0, 0.0) for n in range(1, 9)])
    with pytest.raises(RunFolderError, match="more attempts than anybody makes"):
        Table.open(place)


def script(data: Data, seed: int) -> torch.Tensor:
    return torch.randn(4, len(data.x), CLASSES, generator=torch.Generator().manual_seed(seed))


def loop(data: Data, answers: torch.Tensor, resume: str | None = None, step: int = 0) -> str:
    index = torch.arange(len(data.x))
    more = {} if resume is None else {"resume": resume, "step": step}
    with memlab.record(mlp(), (data.x, data.y), instruments=None, **more) as run:
        for logits in answers[step:]:
            run.step(logits, data.y, index)
            run.log(number=float(logits[0, 0]))
            run.epoch()
    return run.id


def test_going_on_gives_what_an_uninterrupted_loop_gives(data: Data) -> None:
    first, second = script(data, 1), script(data, 2)
    mixed = torch.cat([first[:2], second[2:]])
    whole = loop(data, mixed)
    run = loop(data, first)
    assert loop(data, mixed, resume=run, step=2) == run
    one, other = memlab.load(whole), memlab.load(run)
    for name in ("train_loss", "train_accuracy", "logged-number.number"):
        np.testing.assert_array_equal(one.series(name).values, other.series(name).values)
        np.testing.assert_array_equal(one.series(name).epochs, other.series(name).epochs)
    ledgers = [read_ledger(RunFolder(each.folder.path))[0] for each in (one, other)]
    for name in ("first_learned", "learned_for_good", "forgetting", "predicted"):
        np.testing.assert_array_equal(ledgers[0].scores[name], ledgers[1].scores[name])
    np.testing.assert_allclose(ledgers[0].scores["aum"], ledgers[1].scores["aum"], atol=2e-3)
    assert (other.folder.path / "examples" / "stack-000.before-resume").is_dir()
    table = other.view.tables["stack-000"]
    assert (len(table), table.count) == (4, 6)


def test_names_that_no_file_can_tell_apart_keep_their_values_over_attempts(data: Data) -> None:
    asked = {"name": "alike", "instruments": None}
    with memlab.record(mlp(), (data.x, data.y), **asked) as run:
        run.log(**{"loss/a": 1.0, "loss a": 2.0})
        run.epoch()
    with memlab.record(mlp(), (data.x, data.y), resume=run.id, **asked) as run:
        run.log(**{"loss a": 4.0, "loss/a": 3.0})
        run.epoch()
    opened = memlab.load(run.id)
    assert opened.series("loss/a").values[0].tolist() == [1.0, 3.0]
    assert opened.series("loss a").values[0].tolist() == [2.0, 4.0]


def test_more_names_than_are_kept_are_said_once(
    data: Data, recwarn: pytest.WarningsRecorder
) -> None:
    with memlab.record(mlp(), (data.x, data.y), name="many", instruments=None) as run:
        for _ in range(2):
            run.log(**{f"{number}": number for number in range(66)})
        run.epoch()
    said = [str(warning.message) for warning in recwarn if warning.category is RuntimeWarning]
    assert said == ["memlab: run.log keeps the first 64 names that it is given."]


def test_a_loop_on_other_data_is_refused(data: Data) -> None:
    run = loop(data, script(data, 1))
    with pytest.raises(RunFolderError, match="of other data"):
        memlab.record(mlp(), (data.x[:50], data.y[:50]), resume=run)


def test_what_is_no_recorded_run_is_refused(data: Data) -> None:
    with pytest.raises(RunFolderError, match="no run"):
        memlab.record(mlp(), (data.x, data.y), resume="nothing-like-it")


def test_a_run_that_is_being_recorded_is_refused(data: Data) -> None:
    with memlab.record(mlp(), (data.x, data.y), instruments=None) as run:
        run.step(torch.zeros(4, CLASSES), data.y[:4], torch.arange(4))
        run.epoch()
        with pytest.raises(RunFolderError, match="held by a living worker"):
            memlab.record(mlp(), (data.x, data.y), resume=run.id)
        with pytest.raises(RunFolderError, match="recorded from your own loop"):
            request(RunFolder(run.path), "pause")  # type: ignore[arg-type]


def test_worker_verbs_are_refused_in_words(data: Data) -> None:
    run = memlab.load(loop(data, script(data, 1)))
    for ask in (run.resume, run.stop, lambda: run.fork(1, {"learning_rate": 0.1})):
        with pytest.raises(RunFolderError, match="memlab did not train it, so it cannot be"):
            ask()
    from memlab.errors import InvalidExperiment

    with pytest.raises(InvalidExperiment, match="nothing in it that memlab could train"):
        memlab.run(run.folder.path / "experiment.toml")

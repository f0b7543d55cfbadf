"""Any truncation of any file in a run folder leaves a readable run or one clear error."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from memlab import reports
from memlab.errors import MemlabError
from memlab.reports import building
from memlab.runs.ledger import read_ledger
from memlab.runs.run_folder import RunFolder
from memlab.runs.view import RunView
from memlab.training import checkpoint
from tests.worker.conftest import ended

Start = Callable[..., RunFolder]


@pytest.fixture
def finished(start: Start) -> RunFolder:
    folder = ended(
        start(
            instruments={"on": ["ledger", "stiffness"], "cadence": 3.0, "examples": 30},
            baselines={"on": ["1-nn"]},
        )
    )
    assert folder.state.state == "finished", folder.worker_log.path.read_text()
    return folder


def read_everything(folder: RunFolder, drawn: bool = True) -> None:
    """What the app, the command line and a resume read; `drawn` with figures, which take long."""
    view = RunView(folder)
    for metric in (*view.metrics, "stiffness.within"):
        view.curve(metric, [0, 1, 2, 3])
    view.newest("stiffness.classes", [0])
    view.memorized(5)
    found = building.build(folder)
    json.dumps(reports.document(found), allow_nan=False)
    if drawn:
        reports.html(found, folder)
    reports.load_or_build(folder)
    read_ledger(folder)
    checkpoint.newest(folder.checkpoints, 0)


def cut(size: int) -> tuple[int, ...]:
    """Lengths from nothing to all but the last byte."""
    return tuple(sorted({0, 1, size // 3, size // 2, size - 9, size - 1} & set(range(size))))


def cut_twice(size: int) -> tuple[int, ...]:
    """In the middle, and in the last row or line."""
    return tuple(sorted({size // 2, size - 1}))


@pytest.mark.parametrize("lengths", [cut_twice, pytest.param(cut, marks=pytest.mark.full)])
def test_any_truncation_is_readable_or_one_clear_error(
    finished: RunFolder, lengths: Callable[[int], tuple[int, ...]]
):
    read_everything(finished)
    files = sorted(p for p in finished.path.rglob("*") if p.is_file() and p.stat().st_size)
    assert len(files) > 20
    told: list[str] = []
    for number, file in enumerate(files):
        size = file.stat().st_size
        whole = file.read_bytes()
        for length in lengths(size):
            file.write_bytes(whole[:length])
            try:
                read_everything(finished, drawn=length == size // 2 and number % 3 == 0)
            except MemlabError as error:
                told.append(str(error))
            except Exception as error:
                raise AssertionError(f"{file.name} cut to {length} of {size} bytes") from error
        file.write_bytes(whole)
    assert len(told) > 5
    assert all("\n" not in sentence and len(sentence) > 20 for sentence in told)
    read_everything(finished)

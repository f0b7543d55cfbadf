from __future__ import annotations

import mmap
import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memlab import child
from memlab.errors import RunFolderError
from memlab.runs.event_log import EventLog
from memlab.runs.run_folder import RunFolder, create
from memlab.runs.state import write_state
from memlab.runs.table import row_dtype
from memlab.runs.table_writer import TableWriter
from memlab.runs.view import RunView

CLOCK = [("update", "<i8"), ("examples", "<i8"), ("epoch", "<f8"), ("batch_size", "<i8")]
METRICS = ["train_loss", "test_accuracy"]
PROGRESS = {
    "time": 1.0, "stack": 0, "update": 5, "updates_total": 10, "done_examples": 50,
    "total_examples": 200, "samples_per_second": 75.0, "epoch": 1.0, "epochs_total": 2.0,
}  # fmt: skip


def stack(folder: RunFolder, index: int, members: list[int]) -> TableWriter:
    columns = [*CLOCK, *((name, "<f8", (len(members),)) for name in METRICS)]
    return TableWriter(folder.stack(index), columns, {"members": members, "metrics": METRICS})


def row(epoch: float, loss: list[float]) -> dict[str, object]:
    clock = {"update": int(epoch), "examples": int(epoch), "epoch": epoch, "batch_size": 8}
    return {**clock, "train_loss": loss, "test_accuracy": [0.5] * len(loss)}


def fill(folder: RunFolder) -> None:
    with stack(folder, 0, [0, 2]) as first, stack(folder, 1, [1]) as second:
        for epoch in range(3):
            first.append(row(epoch, [epoch, epoch + 2.0]))
        second.append(row(0, [7.0]))
    kinds = [(n, "<f8" if isinstance(v, float) else "<i8") for n, v in PROGRESS.items()]
    with TableWriter(folder.series / "progress", kinds) as progress:
        progress.append(PROGRESS)
    columns = [("epoch", "<f8"), ("member", "<i8"), ("index", "<i8"), ("given", "<i4"),
               ("true", "<i4"), ("picture", "|u1", (2, 2))]  # fmt: skip
    with TableWriter(folder.series / "memorized", columns) as memorized:
        for index in range(3):
            memorized.append({"epoch": 1.0, "member": 0, "index": index, "given": 3, "true": 8,
                              "picture": np.full((2, 2), index)})  # fmt: skip
    with EventLog(folder.events) as log:
        log.append("stack-started", stack=0, members=[0, 2])
        log.append("member-diverged", member=1, update=4, epoch=0.5)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    made, lock = create(tmp_path / "runs", "A run", 'title = "A"\n', {})
    fill(made)
    write_state(made.path, "finished")
    lock.close()
    return made


def test_a_view_of_a_run_that_has_written_nothing_yet(tmp_path: Path) -> None:
    made, lock = create(tmp_path, "A run", "", {})
    with lock:
        view = RunView(made)
        assert (view.state.state, view.progress, view.memorized(3), view.problems) == (
            "queued", None, [], (),
        )  # fmt: skip
        assert len(view.curve("train_loss", [0, 1], 100).epoch) == 0
        assert np.isnan(view.latest("train_loss", 2)).all()
        assert not view.refresh()
        fill(made)
        assert view.refresh()
        assert view.metrics == tuple(METRICS)
        assert not view.refresh()


def test_a_view_shows_what_is_in_the_folder(folder: RunFolder) -> None:
    view = RunView(folder)
    assert view.experiment_toml == 'title = "A"\n'
    assert [event.type for event in view.events] == [
        "run-created",
        "stack-started",
        "member-diverged",
    ]
    assert view.diverged == {1: 0.5}
    assert view.progress is not None
    assert (view.progress.fraction, view.progress.seconds_left) == (0.25, 2.0)
    newest = view.memorized(2)
    assert [(m.index, m.given, m.true, int(m.picture[0, 0])) for m in newest] == [
        (2, 3, 8, 2),
        (1, 3, 8, 1),
    ]
    assert view.latest("train_loss").tolist() == [2.0, 7.0, 4.0]
    assert np.isnan(view.latest("train_loss", 5)[3:]).all()


def test_a_curve_goes_over_stacks_and_grows_with_them(folder: RunFolder) -> None:
    with stack(folder, 1, [1]) as second:
        write_state(folder.path, "failed")
        folder.events.path.unlink()
        view = RunView(folder)
        assert view.curve("train_loss", [0, 1, 2]).mean.tolist() == [3.0, 2.0, 3.0]
        second.append(row(1, [4.0]))
        read = view.tables["stack-000"].bytes_read
        assert view.refresh()
        curve = view.curve("train_loss", [2, 0, 1])
        assert curve.mean.tolist() == [3.0, 8 / 3, 3.0]
        assert curve.members.tolist() == [3, 3, 2]
        assert view.tables["stack-000"].bytes_read == read
        assert view.curve("nothing", [0]).mean.tolist() == []
        assert view.curve("train_loss", [99]).mean.tolist() == []


def test_a_view_follows_a_run_that_was_resumed_from_an_earlier_row(folder: RunFolder) -> None:
    view = RunView(folder)
    assert len(view.curve("train_loss", [0]).epoch) == 3
    with stack(folder, 0, [0, 2]) as writer:
        writer.truncate(1)
        writer.append(row(1, [9.0, 9.0]))
        view.refresh()
        assert view.curve("train_loss", [0]).mean.tolist() == [0.0, 9.0]
        writer.truncate(0)
        view.curve("test_accuracy", [0])  # rows went away since the last refresh: no error
    shutil.rmtree(folder.path)
    view.refresh()
    assert view.state.state == "interrupted"
    view.curve("train_loss", [2])


def large(folder: RunFolder, members: int, rows: int) -> Path:
    """A sparse table: only row numbers, the epochs and the newest row are written."""
    with stack(folder, 0, list(range(members))) as writer:
        path = writer.place.path
    columns = [*CLOCK, *((name, "<f8", (members,)) for name in METRICS)]
    dtype = row_dtype(columns)
    with open(path, "r+b") as file:
        file.truncate(rows * dtype.itemsize)
        mapped = np.frombuffer(mmap.mmap(file.fileno(), 0), dtype)
        mapped["row"] = np.arange(rows)
        mapped["epoch"] = np.arange(rows)
        first = rows - (1 << 22) // dtype.itemsize
        for index in range(first, rows):
            mapped["checksum"][index] = zlib.crc32(mapped[index].tobytes()[:-4])
    return path


def test_a_viewer_of_2000_members_reads_only_what_it_draws(tmp_path: Path) -> None:
    rows, members = 10_000, 2_000
    made, lock = create(tmp_path, "Large", "", {})
    lock.close()
    path = large(made, members, rows)
    view = RunView(made)
    table = view.tables["stack-000"]
    assert (len(table), table.damaged) == (rows, None)
    opening = table.bytes_read
    assert opening <= rows * 8 + (1 << 22)
    curves = [view.curve("train_loss", range(start, start + 3), 200) for start in (0, 300, 1997)]
    assert [len(curve.epoch) for curve in curves] == [200] * 3
    assert table.bytes_read - opening == 3 * rows * 8 * (3 + 1)
    before = table.bytes_read
    view.refresh()
    view.curve("train_loss", range(3), 200)
    assert table.bytes_read == before
    assert path.stat().st_size > 300_000_000


def test_any_truncation_of_any_file_is_a_readable_run_or_one_clear_error(
    tmp_path: Path, folder: RunFolder
) -> None:
    names = [p.relative_to(folder.path) for p in folder.path.rglob("*") if p.is_file()]
    assert len(names) >= 11
    original = {name: (folder.path / name).read_bytes() for name in names}

    @settings(max_examples=150, deadline=None)
    @given(name=st.sampled_from(sorted(names)), share=st.floats(0, 1))
    def holds(name: Path, share: float) -> None:
        data = original[name]
        (folder.path / name).write_bytes(data[: int(share * len(data))])
        try:
            view = RunView(folder)
            for metric in METRICS:
                curve = view.curve(metric, range(3), 10)
                assert set(curve.epoch.tolist()) <= {0.0, 1.0, 2.0}
                view.latest(metric)
            assert view.progress is None or view.progress.update == 5
            assert len(view.memorized(9)) <= 3
            assert view.state.state in ("finished", "interrupted")
            assert all(isinstance(problem, str) for problem in view.problems)
        except RunFolderError:
            assert name == Path("experiment.toml")
        finally:
            (folder.path / name).write_bytes(data)

    holds()


def test_damage_is_told_and_the_rest_is_shown(folder: RunFolder) -> None:
    (folder.series.path / "stack-001.json").write_bytes(b"{")
    with open(folder.events.path, "ab") as file:
        file.write(b"garbage\n")
    view = RunView(folder)
    assert view.curve("train_loss", range(3)).mean.tolist() == [1.0, 2.0, 3.0]
    assert len(view.problems) == 2
    assert not view.refresh()


def test_a_view_imports_neither_torch_nor_scipy_nor_pydantic(folder: RunFolder) -> None:
    code = (
        "import sys; from pathlib import Path; from memlab.runs.view import RunView;"
        "from memlab.runs import lifecycle, queue; from memlab import settings;"
        "from memlab.runs.run_folder import RunFolder; RunView(RunFolder(Path(sys.argv[1])));"
        "bad = {'torch', 'scipy', 'pydantic', 'platformdirs'} & set(sys.modules);"
        "sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder.path)],
        env=child.environment(os.environ), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr

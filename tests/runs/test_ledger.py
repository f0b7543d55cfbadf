"""Reading a ledger: what is there, and that damage is one clear error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from memlab.errors import RunFolderError
from memlab.instruments.ledger_store import LedgerFacts, LedgerStore
from memlab.runs.door import Place
from memlab.runs.ledger import MEMBERS, SCORES, LedgerHeader, read_ledger
from memlab.runs.run_folder import RunFolder
from tests.patience import SECONDS

EXAMPLES = 12


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Two stacks of two members, two evaluations kept."""
    for stack in (1, 0):
        given = np.arange(EXAMPLES) % 3
        facts = LedgerFacts(
            stack=stack,
            dataset="digits",
            members=[2 * stack, 2 * stack + 1],
            class_names=["a", "b", "c"],
            index=np.arange(EXAMPLES) + 100,
            true=given,
            given=[given, given],
            corrupted=[given == 9, given == 9],
            evaluations=4,
            pictures=np.full((EXAMPLES, 2, 2), stack, np.uint8),
            files=[f"a/{i}.png" for i in range(EXAMPLES)],
        )
        store = LedgerStore(Place(tmp_path) / "examples" / f"stack-{stack:03d}", facts)
        row = np.zeros((2, EXAMPLES))
        for evaluation in range(2):
            values = {"loss": row + evaluation, "margin": row, "predicted": row}
            store.append(evaluation, float(evaluation), values)
        store.close()
    return RunFolder(tmp_path)


def test_a_run_without_a_ledger_has_no_views(tmp_path: Path) -> None:
    assert read_ledger(RunFolder(tmp_path)) == ()
    (tmp_path / "examples" / "stack-000").mkdir(parents=True)
    assert read_ledger(RunFolder(tmp_path)) == ()


def test_stacks_are_read_in_order_with_what_was_written(folder: RunFolder) -> None:
    first, second = read_ledger(folder)
    assert (first.header.stack, second.header.members) == (0, (2, 3))
    assert first.index.tolist() == list(range(100, 100 + EXAMPLES))
    assert first.given.shape == (1, EXAMPLES)
    assert first.header.files is not None
    assert first.header.files[3] == "a/3.png"
    assert second.pictures is not None
    assert (second.pictures == 1).all()
    assert first.history is not None
    assert first.history.epoch.tolist() == [0.0, 1.0]
    assert (first.history.loss[1] == 1).all()
    assert np.isinf(first.scores["first_learned"]).all()


def test_arrays_cannot_be_written(folder: RunFolder) -> None:
    view = read_ledger(folder)[0]
    with pytest.raises(ValueError, match="read-only"):
        view.scores["aum"] = 0


def test_header_survives_writing_and_reading(folder: RunFolder) -> None:
    header = read_ledger(folder)[0].header
    assert LedgerHeader.of(json.loads(json.dumps(header.document()))) == header


@pytest.mark.parametrize("keep", [0.0, 0.02, 0.3, 0.9, -1])
def test_any_truncated_file_is_one_clear_error(folder: RunFolder, keep: float) -> None:
    stack = folder.examples.path / "stack-000"
    for path in sorted(stack.iterdir()):
        whole = path.read_bytes()
        path.write_bytes(whole[: -2 if keep < 0 else int(keep * len(whole))])
        with pytest.raises(RunFolderError, match=rf"stack-000.{path.stem}.*damaged"):
            read_ledger(folder)
        path.write_bytes(whole)
    assert len(read_ledger(folder)) == 2


def test_missing_array_is_named(folder: RunFolder) -> None:
    (folder.examples.path / "stack-001" / "given.npy").unlink()
    with pytest.raises(RunFolderError, match=r"given\.npy is missing"):
        read_ledger(folder)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("given", np.full((1, EXAMPLES), 3, "<i4")),
        ("given", np.zeros((2, EXAMPLES), "<i4")),
        ("given", np.zeros((1, EXAMPLES), "<i8")),
        ("true", np.full(EXAMPLES, -1, "<i4")),
        ("index", np.full(EXAMPLES, -1, "<i8")),
        ("scores", np.full((2, EXAMPLES), np.array((0, 0, 0, 0, 0, 0, 3), SCORES))),
        ("members", np.zeros(3, MEMBERS)),
        ("history-epoch", np.array([0.0, 2.0, 1.0, np.nan])),
    ],
)
def test_values_and_shapes_out_of_bounds_are_damage(
    folder: RunFolder, name: str, array: np.ndarray
) -> None:
    np.save(folder.examples.path / "stack-000" / f"{name}.npy", array)
    with pytest.raises(RunFolderError, match=rf"{name}.*is damaged"):
        read_ledger(folder)


def test_pickled_arrays_are_never_loaded(folder: RunFolder) -> None:
    pickled = np.array([{"a": 1}] * EXAMPLES, dtype=object)
    np.save(folder.examples.path / "stack-000" / "true.npy", pickled, allow_pickle=True)
    with pytest.raises(RunFolderError, match="is damaged"):
        read_ledger(folder)


@pytest.mark.parametrize(
    "change",
    [{"labelling": [0, 2]}, {"examples": 0}, {"members": [0]}, {"files": ["a"]}, {"picture": 3}],
)
def test_header_whose_sizes_disagree_is_damage(
    folder: RunFolder, change: dict[str, object]
) -> None:
    path = folder.examples.path / "stack-000" / "ledger.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(RunFolderError, match="does not describe a ledger"):
        read_ledger(folder)


def test_ledger_of_a_newer_memlab_is_refused(folder: RunFolder) -> None:
    path = folder.examples.path / "stack-000" / "ledger.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 2}))
    with pytest.raises(RunFolderError, match="newer memlab"):
        read_ledger(folder)


def test_reading_and_ranking_import_no_torch() -> None:
    code = (
        "import sys, memlab.runs.ledger, memlab.runs.example_scores, memlab.cli.suspects\n"
        "assert not {m for m in sys.modules if m.split('.')[0] in ('torch', 'sklearn')}"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=SECONDS)

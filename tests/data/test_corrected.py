"""Corrected copies: other labels, some examples gone, and everything else as it was."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from memlab import disk
from memlab.data import corrected
from memlab.data.csv_table import feature_names, read_csv
from memlab.data.image_folder import read_folder
from memlab.data.npz import read_npz
from memlab.errors import FileIsThere, InvalidDataset, StorageError

COUNT = 24
NAMES = np.array(["pear", "apple", "fig"])
Y = np.arange(COUNT) % 3


def npz_at(path: Path, **more: object) -> None:
    x = np.arange(COUNT * 4, dtype=np.float64).reshape(COUNT, 4)
    np.savez(path, **{"x": x, "y": Y.astype("u1"), **more})  # type: ignore[arg-type]


def loaded(copy: corrected.Copy) -> dict[str, np.ndarray]:
    return dict(np.load(io.BytesIO(copy.data), allow_pickle=False))


def test_an_archive_keeps_its_types_and_loses_the_rows_that_go(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    ids = np.array([f"img{i}" for i in range(COUNT)])
    test = np.full((COUNT, 4), 7.0)  # as many rows as x, and yet no part of it
    npz_at(path, ids=ids, x_test=test, y_test=Y.astype("u1"), about=np.array([1.5, 2.5]))
    before = path.read_bytes()
    raw = read_npz(path)
    labels = raw.y.copy()
    labels[4], labels[7] = 2, corrected.GONE
    made = loaded(corrected.of_npz(path, raw, labels))
    kept = np.arange(COUNT) != 7
    assert made["y"].dtype == np.uint8
    assert made["y"].tolist() == labels[kept].tolist()
    assert made["x"].dtype == np.float64
    assert (made["x"] == np.load(path)["x"][kept]).all()
    assert made["ids"].tolist() == ids[kept].tolist()
    assert made["x_test"].shape == (COUNT, 4)
    assert made["y_test"].tolist() == Y.tolist()
    assert made["about"].tolist() == [1.5, 2.5]
    assert path.read_bytes() == before


def test_labels_that_are_texts_or_a_column_stay_so(tmp_path: Path) -> None:
    texts, column = tmp_path / "texts.npz", tmp_path / "column.npz"
    npz_at(texts, y=NAMES[Y], y_test=NAMES[Y], x_test=np.zeros((COUNT, 4)))
    npz_at(column, y=Y[:, None].astype("f4"))
    for path, want in ((texts, NAMES[Y].tolist()), (column, Y.tolist())):
        raw = read_npz(path)
        labels = raw.y.copy()
        labels[0] = raw.y[1]
        made = loaded(corrected.of_npz(path, raw, labels))["y"]
        assert made.shape == np.load(path)["y"].shape
        assert made.reshape(-1).tolist() == [want[1], *want[1:]]


def test_what_cannot_be_copied_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    when = np.array(["2026-01-01"] * COUNT, "datetime64[D]")
    npz_at(path, notes=np.array([None] * COUNT, dtype=object), when=when)
    copy = corrected.of_npz(path, read_npz(path), read_npz(path).y)
    assert set(loaded(copy)) == {"x", "y"}
    assert any("notes" in each and "Python objects" in each for each in copy.left_out)
    assert any("when" in each for each in copy.left_out)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    wanted=st.lists(st.integers(-1, 2), min_size=COUNT, max_size=COUNT),
    delimiter=st.sampled_from(";,\t"),
)
def test_whatever_is_said_a_reader_of_the_copy_sees(
    wanted: list[int], delimiter: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    labels = np.array(wanted)
    labels[:12] = np.arange(12) % 3  # a copy with every class can be read again
    folder = tmp_path_factory.mktemp("copies")
    table, again = folder / "t.csv", folder / "again.csv"
    with open(table, "w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["a", "label", "b"])
        writer.writerows([i, NAMES[label], i / 2] for i, label in enumerate(Y))
    raw = read_csv(table)
    order = np.array([raw.class_names.index(name) for name in NAMES])
    labels = np.where(labels < 0, corrected.GONE, order[labels])
    again.write_bytes(corrected.of_csv(table, raw, labels).data)
    back = read_csv(again)
    kept = labels != corrected.GONE
    assert back.y.tolist() == labels[kept].tolist()
    assert (back.x == raw.x[kept]).all()


def test_lines_of_a_table_that_keep_their_label_stay_to_the_last_byte(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = [f'{i:02d}.50 ,"{NAMES[Y[i]]}",{i}e0' for i in range(COUNT)]
    text = "\ufeff" + "\r\n".join(["a,label,b", *rows[:5], "", *rows[5:]])  # no end of line at last
    path.write_bytes(text.encode())
    raw = read_csv(path)
    labels = raw.y.copy()
    labels[2], labels[23], labels[8] = raw.y[0], raw.y[0], corrected.GONE
    made = corrected.of_csv(path, raw, labels).data.decode()
    lines = made.split("\r\n")
    want = ["\ufeffa,label,b", *rows]
    want[3], want[24] = "02.50 ,pear,2e0", "23.50 ,pear,23e0"
    assert lines == [line for at, line in enumerate(want) if at != 9]


def test_columns_of_a_table_have_their_names_without_the_label(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("width; kind ;height\n1;a;2\n")
    assert feature_names(path, "kind") == ["width", "height"]
    with pytest.raises(InvalidDataset, match="no column 'other'"):
        feature_names(path, "other")


def test_another_file_than_was_judged_is_refused(tmp_path: Path) -> None:
    path, longer = tmp_path / "a.npz", tmp_path / "t.csv"
    npz_at(path)
    raw = read_npz(path)
    npz_at(path, y=Y[:20], x=np.zeros((20, 4)))
    with pytest.raises(InvalidDataset, match="not the file that was judged"):
        corrected.of_npz(path, raw, raw.y)
    longer.write_text("a,label\n" + "1,x\n" * 5)
    with pytest.raises(InvalidDataset, match="it has 5 examples"):
        corrected.of_csv(longer, raw, raw.y)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Twelve pictures of two classes; the names 0.png to 5.png are in both."""
    path = tmp_path / "pics"
    for at in range(12):
        folder = path / ("cats", "dogs")[at % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 4), 20 * at, np.uint8)).save(folder / f"{at // 2}.png")
    (path / "cats" / ".hidden").write_text("no picture")
    return path


def names_in(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def test_pictures_are_copied_into_the_folders_of_their_classes(pictures: Path) -> None:
    raw = read_folder(pictures)  # cats 0 to 5, then dogs
    labels = raw.y.copy()
    labels[1], labels[8], labels[9], labels[5] = 1, 0, corrected.GONE, corrected.GONE
    before = {name: (pictures / name).read_bytes() for name in names_in(pictures)}
    target = pictures.parent / "copy"
    assert corrected.why_not_copied(pictures, raw, pictures.parent) == ""
    assert corrected.copy_folder(pictures, raw, labels, target) == 10
    assert names_in(target) == [
        "cats/0.png",
        "cats/2.png",
        "cats/3.png",
        "cats/4.png",
        "cats/dogs-2.png",
        "dogs/0.png",
        "dogs/1.png",
        "dogs/4.png",
        "dogs/5.png",
        "dogs/cats-1.png",
    ]
    assert (target / "cats" / "dogs-2.png").read_bytes() == before["dogs/2.png"]
    assert {name: (pictures / name).read_bytes() for name in names_in(pictures)} == before
    back = read_folder(target)
    assert np.bincount(back.y).tolist() == np.bincount(labels[labels >= 0]).tolist()
    assert list(pictures.parent.glob(".*")) == []


def test_no_two_pictures_get_one_name(pictures: Path) -> None:
    (pictures / "dogs" / "cats-1.png").write_bytes((pictures / "dogs" / "0.png").read_bytes())
    raw = read_folder(pictures)
    labels = np.ones_like(raw.y)
    target = pictures.parent / "copy"
    corrected.copy_folder(pictures, raw, labels, target)
    assert len(names_in(target)) == 13
    assert "dogs/cats-2-1.png" in names_in(target)


def test_nothing_is_overwritten_and_nothing_half_is_left(
    pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, target = read_folder(pictures), pictures.parent / "copy"
    target.mkdir()
    with pytest.raises(FileIsThere):
        corrected.copy_folder(pictures, raw, raw.y, target)
    target.rmdir()
    writes = iter(range(100))

    def full(descriptor: int, data: disk.Buffer) -> None:
        if next(writes) == 5:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "write_all", full)
    with pytest.raises(StorageError, match="disk is full"):
        corrected.copy_folder(pictures, raw, raw.y, target)
    assert sorted(path.name for path in pictures.parent.iterdir()) == ["pics"]


def test_pictures_that_are_links_are_listed_instead(pictures: Path) -> None:
    raw, real = read_folder(pictures), pictures.parent / "real.png"
    (pictures / "cats" / "3.png").rename(real)
    (pictures / "cats" / "3.png").symlink_to(real)
    assert "cats/3.png is a link" in corrected.why_not_copied(pictures, raw, pictures.parent)
    with pytest.raises(InvalidDataset, match="is a link"):
        corrected.copy_folder(pictures, raw, raw.y, pictures.parent / "copy")
    labels = raw.y.copy()
    labels[0], labels[11] = 1, corrected.GONE
    text = corrected.folder_list(pictures, raw, labels).data.decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0] == {"file": "cats/0.png", "given_label": "cats", "label": "dogs"}
    assert rows[11] == {"file": "dogs/5.png", "given_label": "dogs", "label": ""}
    assert len(rows) == 12


def test_pictures_that_need_too_much_room_are_listed_instead(
    pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 100})
    monkeypatch.setattr(corrected.shutil, "disk_usage", lambda path: usage)
    why = corrected.why_not_copied(pictures, read_folder(pictures), pictures.parent)
    assert "has 100 free" in why

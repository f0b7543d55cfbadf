"""folder:PATH: pictures in class folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from memlab.data.registry import load
from memlab.errors import MemlabError
from memlab.experiment.material_spec import DatasetSpec


def read(path: Path | str):
    return load(DatasetSpec(name=f"folder:{path}"))


def picture(path: Path, value: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(value).save(path)


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """Six colour pictures of 5×4 in each of two classes; their first pixel is their number."""
    for number in range(12):
        value = np.full((4, 5, 3), 90, np.uint8)
        value[0, 0] = number, 1, 2
        picture(tmp_path / "zoo" / ("cat", "dog")[number % 2] / f"{number:02}.png", value)
    return tmp_path / "zoo"


def refusal(path: Path | str) -> str:
    with pytest.raises(MemlabError) as caught:
        read(path)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_pictures_come_with_the_class_of_their_folder(zoo):
    (zoo / ".cache").mkdir()
    (zoo / "cat" / ".DS_Store").write_text("hidden")
    found = read(zoo)
    assert found.x.shape == (12, 3, 4, 5)
    assert found.x.dtype == np.uint8
    assert found.class_names == ("cat", "dog")
    np.testing.assert_array_equal(found.y, [0] * 6 + [1] * 6)
    np.testing.assert_array_equal(found.x[:, 0, 0, 0], [*range(0, 12, 2), *range(1, 12, 2)])
    np.testing.assert_array_equal(found.x[:, 1:, 0, 0], [[1, 2]] * 12)


def test_grey_pictures_have_one_channel(tmp_path):
    for number in range(10):
        value = np.full((4, 4), number * 20, np.uint8)
        picture(tmp_path / str(number % 2) / f"{number}.png", value)
    found = read(tmp_path)
    assert found.x.shape == (10, 1, 4, 4)
    np.testing.assert_array_equal(np.sort(found.x[:, 0, 0, 0]), np.arange(10) * 20)


def test_an_empty_folder_and_one_class_are_refused(tmp_path, zoo):
    (tmp_path / "empty").mkdir()
    assert "has no subfolders; it needs one per class" in refusal(tmp_path / "empty")
    for file in (zoo / "dog").iterdir():
        file.unlink()
    assert f"{zoo / 'dog'} is empty" in refusal(zoo)
    (zoo / "dog").rmdir()
    assert "has 1 subfolder; it needs one per class, two at least" in refusal(zoo)


def test_what_is_no_picture_is_named(zoo):
    other = zoo / "dog" / "notes.txt"
    other.write_text("woof")
    assert str(other) in refusal(zoo)
    assert "no readable picture" in refusal(zoo)


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "bmp"])
def test_a_picture_cut_short_is_named(zoo, ending):
    whole = zoo / "cat" / f"whole.{ending}"
    picture(whole, np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8))
    content = whole.read_bytes()
    for length in (0, 3, 20, len(content) // 2):
        whole.write_bytes(content[:length])
        assert str(whole) in refusal(zoo)


def test_pictures_of_two_sizes_are_named_with_their_sizes(zoo):
    picture(zoo / "dog" / "tall.png", np.zeros((6, 5, 3), np.uint8))
    text = refusal(zoo)
    for words in ("tall.png is 5×6", "00.png is 5×4", "one size"):
        assert words in text


def test_pictures_with_more_than_eight_bits_are_refused_not_clipped(zoo):
    picture(zoo / "dog" / "deep.png", np.full((4, 5), 40_000, np.uint16))
    assert "deep.png has more than 8 bits" in refusal(zoo)


def test_too_few_pictures_are_counted(zoo):
    for file in sorted((zoo / "cat").iterdir())[:4]:
        file.unlink()
    assert "has 8 pictures; 10 are the least" in refusal(zoo)


def test_a_class_too_small_to_be_split_is_named(zoo):
    picture(zoo / "owl" / "1.png", np.zeros((4, 5, 3), np.uint8))
    assert "class 'owl' has 1 example; each class needs at least 3" in refusal(zoo)


@pytest.mark.parametrize("name", ["nowhere", "../../nowhere", "a" * 300, "nul\0", "~nobody-here/a"])
def test_a_missing_folder_is_named(name):
    assert "There is no folder" in refusal(name)

"""csv:PATH: which columns are features, what labels become, and how what is wrong is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from memlab.data.registry import load
from memlab.errors import DatasetUnavailable, InvalidDataset, MemlabError
from memlab.experiment.material_spec import DatasetSpec

HEAD = "width,height,kind"
ROWS = [f"{i}.5,{i * i},{'cat' if i % 2 else 'dog'}" for i in range(12)]


def table(tmp_path: Path, *lines: str, encoding: str = "utf-8") -> str:
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return f"csv:{path}"


def refusal(name: str, **spec: object) -> str:
    with pytest.raises(MemlabError) as caught:
        load(DatasetSpec.model_validate({"name": name, "whole": True, **spec}))
    return str(caught.value)


def test_the_last_column_is_the_label_and_its_texts_are_classes_by_name(tmp_path: Path) -> None:
    raw = load(DatasetSpec(name=table(tmp_path, HEAD, *ROWS)))
    assert raw.class_names == ("cat", "dog")
    assert raw.y.tolist() == [1, 0] * 6
    assert raw.x.dtype == np.float32
    np.testing.assert_array_equal(raw.x[3], [3.5, 9])


@pytest.mark.parametrize("name", ["label", "Target", "y", "CLASS"])
def test_a_column_that_is_called_so_is_the_label_wherever_it_stands(tmp_path, name):
    rows = [f"{i % 3},{i}.0,{i}.25" for i in range(12)]
    raw = load(DatasetSpec(name=table(tmp_path, f"{name},a,b", *rows)))
    assert raw.y.tolist() == [i % 3 for i in range(12)]
    np.testing.assert_array_equal(raw.x[5], [5.0, 5.25])


def test_a_label_may_be_named_and_whole_numbers_keep_their_order(tmp_path):
    rows = [f"{(9, 10, 100)[i % 3]};{i};{i}" for i in range(12)]
    spec = DatasetSpec(name=table(tmp_path, "grade;a;label", *rows), label="grade")
    raw = load(spec)
    assert raw.class_names == ("9", "10", "100")
    assert raw.y[:3].tolist() == [0, 1, 2]
    assert raw.shape == (2,)


def test_quotes_marks_of_byte_order_and_empty_lines_are_read(tmp_path):
    rows = [row.replace("cat", '"a, cat"') for row in ROWS]
    raw = load(
        DatasetSpec(name=table(tmp_path, HEAD, *rows[:6], "", *rows[6:], encoding="utf-8-sig"))
    )
    assert raw.class_names == ("a, cat", "dog")
    assert len(raw.y) == 12


BAD = {
    "nan": ([HEAD, *ROWS[:3], "nan,1,cat", *ROWS], "line 5, column 'width' holds nan"),
    "infinite": ([HEAD, *ROWS, "1,1e99,cat"], "line 14, column 'height' holds 1e99"),
    "empty": ([HEAD, *ROWS[:3], "1,,cat", *ROWS], "line 5, column 'height' is empty"),
    "word": ([HEAD, *ROWS, "1,tall,cat"], "line 14, column 'height' holds 'tall'"),
    "ragged": ([HEAD, *ROWS, "1,2"], "line 14 has 2 cells, the first line has 3"),
    "no names": (ROWS and ["1,2,3", "4,5,6"], "begins with numbers"),
    "one column": (["kind", "cat"], "has one column, 'kind'; it needs features and a label"),
    "no column": (["", "1", "2"], "has no columns in its first line; it needs features"),
    "no label": ([HEAD, *ROWS, "1,2,"], "row 12 has no label in column 'kind'"),
    "one class": ([HEAD, *ROWS[1::2] * 2], "one class only"),
    "two examples": ([HEAD, *ROWS[:2]], "has 2 examples; 10 are the least"),
    "steering": (["a,b\x1b[2J,k", *ROWS, "1,x,cat"], "column 'b\ufffd[2J' holds 'x'"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_told_by_line_and_column_in_a_sentence(tmp_path, case):
    lines, words = BAD[case]
    told = refusal(table(tmp_path, *lines))
    assert words in told
    assert "\n" not in told


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b,c\n" + b"\xff\xfe\n" * 20)
    assert "UTF-8" in refusal(f"csv:{path}")
    with pytest.raises(DatasetUnavailable):
        load(DatasetSpec(name=f"csv:{tmp_path / 'none.csv'}"))
    path.write_text(HEAD + "\n" + "\n".join(ROWS) + "\n" + "9" * 200_000 + ",1,cat\n")
    with pytest.raises(InvalidDataset, match="is no table: field larger than"):
        load(DatasetSpec(name=f"csv:{path}"))


def test_a_column_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    assert "no column 'colour'; its last columns are width, height, kind" in refusal(
        table(tmp_path, HEAD, *ROWS), label="colour"
    )

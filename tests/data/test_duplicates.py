"""Near-duplicates with different labels: copies, near ones, and none."""

from __future__ import annotations

import numpy as np

from memlab.data import duplicates
from memlab.data.duplicates import Twins, conflicting_twins


def test_copies_and_near_copies_of_another_label_are_found_and_no_others():
    x = np.random.default_rng(0).standard_normal((200, 8)).astype(np.float32)
    y = np.arange(200) % 4
    x[10], x[21] = x[3], x[40] + 1e-3  # labels 2 and 3, 1 and 0
    x[8] = x[4]  # the same label
    assert conflicting_twins(x, y) == [Twins(3, 10, True), Twins(21, 40, False)]


def test_of_many_examples_copies_are_still_found(monkeypatch):
    monkeypatch.setattr(duplicates, "MOST_EXAMPLES", 100)
    x = np.arange(400, dtype=np.uint8)[:, None].repeat(3, 1)
    x[256:] = 255
    x[300:] = 1
    y = np.arange(400) % 2
    found = conflicting_twins(x[:302], y[:302])
    assert Twins(1, 300, True) in found
    assert all(each.exact for each in found)


def test_pictures_that_are_all_equal_do_not_divide_by_nothing():
    found = conflicting_twins(np.zeros((12, 1, 4, 4), np.uint8), np.arange(12) % 2)
    assert len(found) == 6
    assert all(each.exact for each in found)

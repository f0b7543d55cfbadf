"""Estimates beside real runs: time within a factor 1.5, memory and disk within a fifth.

Long, and on one core by processor time, so that a busy machine disturbs it little.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from memlab import child
from tests.measure.costs import CASES, compared, start_seconds

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, float]]:
    """A home with a calibration of one core, and what a worker takes that trains nothing."""
    home = tmp_path_factory.mktemp("home")
    allowed = os.sched_getaffinity(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMLAB_HOME", str(home))
        os.sched_setaffinity(0, {max(allowed)})
        child.run(["-m", "memlab.worker.calibrating"]).check_returncode()
        yield home, start_seconds(home)
        os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize("name", CASES)
def test_a_run_costs_what_was_estimated(name: str, calibrated: tuple[Path, float]) -> None:
    home, start = calibrated
    cost, truth = compared(name, home, start)
    assert cost.measured
    assert 1 / 1.5 < cost.seconds / truth.seconds < 1.5, (cost.seconds, truth.seconds)
    if cost.more:
        assert cost.memory < 1.2 * truth.memory
        assert cost.disk < 1.2 * truth.disk
    else:
        assert cost.memory == pytest.approx(truth.memory, rel=0.2)
        assert cost.disk == pytest.approx(truth.disk, rel=0.2)

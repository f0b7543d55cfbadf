"""As many cores as the kernel lends: affinity, and a container's quota, of either generation."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from memlab.cores import cpu_quota, idle_seconds, usable_cores


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)), raising=False)


def put(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def own(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "own"
    path.write_text(text)
    return path


def test_without_groups_the_affinity_is_what_there_is(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert cpu_quota(missing, missing) is None
    assert usable_cores(missing, missing) == 8


@pytest.mark.parametrize(
    ("line", "cores"),
    [("200000 100000", 2), ("250000 100000", 3), ("1000 100000", 1), ("max 100000", 8), ("?", 8)],
)
def test_the_quota_of_the_second_generation_limits(tmp_path: Path, line: str, cores: int) -> None:
    groups = put(tmp_path / "groups", cpu__max=line)
    assert usable_cores(groups, own(tmp_path, "0::/\n")) == cores


def test_a_quota_of_a_group_above_holds_too(tmp_path: Path) -> None:
    groups = tmp_path / "groups"
    put(groups / "user", cpu__max="300000 100000")
    put(groups / "user" / "mine", cpu__max="max 100000")
    assert usable_cores(groups, own(tmp_path, "0::/user/mine\n")) == 3
    assert usable_cores(groups, own(tmp_path, "0::/other\n")) == 8


def test_the_quota_of_the_first_generation_limits(tmp_path: Path) -> None:
    groups = tmp_path / "groups"
    put(groups / "cpu" / "box", cpu__cfs_quota_us="400000", cpu__cfs_period_us="100000")
    mine = own(tmp_path, "5:memory:/elsewhere\n3:cpu,cpuacct:/box\n")
    assert usable_cores(groups, mine) == 4
    put(groups / "cpu" / "box", cpu__cfs_quota_us="-1")
    assert usable_cores(groups, mine) == 8


def test_a_quota_above_the_affinity_adds_no_core(tmp_path: Path) -> None:
    groups = put(tmp_path / "groups", cpu__max="6400000 100000")
    assert usable_cores(groups, own(tmp_path, "0::/\n")) == 8


def test_idle_time_is_that_of_the_own_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        "cpu  9 9 9 99999 9",
        "cpu0 1 2 3 400 5 6",
        "cpu1 1 2 3 50 5 6",
        "cpu2 1 2 3 7 5",
        "intr 1",
    ]
    own(tmp_path, "\n".join(lines))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 2}, raising=False)
    assert idle_seconds(tmp_path / "own") == pytest.approx(407 / os.sysconf("SC_CLK_TCK"))
    assert idle_seconds(tmp_path / "missing") is None

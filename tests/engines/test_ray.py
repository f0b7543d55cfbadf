"""Training on real Ray clusters on this machine, on its loopback alone; skipped without Ray."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from memlab.experiment import reading
from memlab.runs import lifecycle, plan
from memlab.runs.plan import PLAN_FILE, RunPlan
from memlab.runs.run_folder import RunFolder
from memlab.runs.view import RunView
from tests import leftovers
from tests.engines.test_processes import LONG, STACKS, checkpoints, same, whole
from tests.patience import wait_for
from tests.worker.conftest import SMALL, ended, home, merged

pytest.importorskip("ray")
pytestmark = [pytest.mark.full, pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.x")]
__all__ = ["home", "whole"]
STORE = 80 << 20
SLOW = {**LONG, "stop": {"epochs": 120}}


class Nodes:
    """A cluster of nodes with a core each, at 127.0.0.2, .3, …"""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self.made: list[Any] = []
        self.cluster = Cluster(
            initialize_head=True, head_node_args={**self.settings(0), "include_dashboard": False}
        )

    def settings(self, cores: int, **more: Any) -> dict[str, Any]:
        address = f"127.0.0.{len(self.made) + 2}"
        self.made.append(None)
        return {
            "num_cpus": cores,
            "object_store_memory": STORE,
            "node_ip_address": address,
            **more,
        }

    def add(self, cores: int = 1, **variables: str) -> Any:
        return self.cluster.add_node(wait=True, **self.settings(cores, env_vars=variables))

    def end(self) -> None:
        with suppress(Exception):
            self.cluster.shutdown()


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    """A cluster whose head has no cores to lend; RAY_ADDRESS names it."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "120")
    made = Nodes()
    monkeypatch.setenv("RAY_ADDRESS", made.cluster.address)
    yield made
    made.end()


def launched(home: Path, stacks: Any = STACKS, **changes: object) -> RunFolder:
    made = reading.experiment(merged(SMALL, **changes), "test")
    (home / "runs").mkdir(exist_ok=True)
    return lifecycle.start(
        reading.to_toml(made),
        "test",
        home / "runs",
        environment={"requested_engine": "ray", "requested_device": "cpu"},
        fill=lambda folder: plan.write(folder.place / PLAN_FILE, RunPlan(stacks, 1, 1)),
    )


def hands() -> list[int]:
    """The processes of this test's hands, as Ray names them."""
    mark = f"{leftovers.VARIABLE}={os.environ[leftovers.VARIABLE]}".encode()
    found = []
    for name in os.listdir("/proc"):
        with suppress(OSError):
            process = Path("/proc") / name
            if name.isdigit() and b"ray::Hand" in (process / "cmdline").read_bytes():
                mine = mark in (process / "environ").read_bytes().split(b"\0")
                found += [int(name)] if mine else []
    return found


def told(folder: RunFolder) -> list[str]:
    return [str(e.data["message"]) for e in RunView(folder).events if e.type == "cluster"]


def counted_once(folder: RunFolder) -> bool:
    ends = [e.data["member"] for e in RunView(folder).events if e.type == "member-finished"]
    progress = RunView(folder).progress
    assert progress is not None
    return sorted(ends) == [0, 1, 2, 3] and progress.done_examples == progress.total_examples


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """As `whole`, with time to be disturbed in; only to be read."""
    from tests.engines import test_processes

    home = tmp_path_factory.mktemp("slow")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEMLAB_HOME", str(home))
        patch.setenv("OMP_NUM_THREADS", "1")
        return ended(test_processes.launched(home, 1, **SLOW))


def test_a_cluster_gives_the_bits_of_processes_and_a_killed_hand_and_node_cost_nothing(
    home: Path, nodes: Nodes, slow: RunFolder
) -> None:
    nodes.add()
    doomed = nodes.add()
    folder = launched(home, **SLOW)
    wait_for(lambda: (checkpoints(folder) >= 6 and hands()) or folder.state.final)
    os.kill(hands()[0], signal.SIGKILL)
    wait_for(lambda: told(folder) or folder.state.final)
    nodes.cluster.remove_node(doomed, allow_graceful=False)
    ended(folder)
    assert same(folder, slow)
    assert counted_once(folder)
    assert all("was lost with stack" in line for line in told(folder))


def test_the_driver_is_killed_and_the_run_goes_on_from_its_folder(
    home: Path, nodes: Nodes, slow: RunFolder
) -> None:
    nodes.add()
    folder = launched(home, **SLOW)
    wait_for(lambda: checkpoints(folder) >= 4 or folder.state.final)
    pid = folder.state.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    ended(folder)
    assert folder.state.state == "interrupted"
    wait_for(lambda: not hands())
    lifecycle.resume(folder)
    assert same(ended(folder), slow)


def test_a_node_that_comes_later_is_used_and_one_that_differs_is_not(
    home: Path, nodes: Nodes, slow: RunFolder, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "torch-0.0.1.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 0.0.1\n")
    nodes.add(PYTHONPATH=str(other.parent))
    folder = launched(home, **SLOW)
    wait_for(lambda: told(folder) or folder.state.final)
    assert "has torch 0.0.1, this machine" in told(folder)[0]
    assert folder.state.state == "running"
    nodes.add()
    assert same(ended(folder), slow)


def test_a_node_that_cannot_load_memlab_is_named_in_a_sentence(
    home: Path, nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(BLIND)
    nodes.add(PYTHONPATH=str(tmp_path / "hook"))
    monkeypatch.setenv("MEMLAB_RAY_PATIENCE", "40")
    folder = ended(launched(home, **LONG))
    assert folder.state.state == "failed"
    assert "has no memlab" in folder.state.message
    done = doctor("ray://127.0.0.1:1")
    assert done.returncode == 1


#: A machine without memlab, whatever is shipped to it.
BLIND = """
import sys
class Blind:
    def find_spec(self, name, path=None, target=None):
        if name == "memlab":
            raise ImportError("there is no memlab")
sys.meta_path.insert(0, Blind())
"""


def test_a_store_that_is_full_costs_nothing(home: Path, nodes: Nodes, whole: RunFolder) -> None:
    nodes.add()
    with filled_store(nodes.cluster.address):
        folder = ended(launched(home, **LONG))
        assert same(folder, whole)
        assert counted_once(folder)


FILL = """
import sys, numpy, ray
ray.init(address=sys.argv[1], log_to_driver=False)
kept = [ray.put(numpy.ones(1 << 23, numpy.uint8)) for _ in range(20)]
views = ray.get(kept[-6:])
print("full", flush=True)
sys.stdin.read()
"""


class filled_store:  # noqa: N801 - used as a word
    """Another program's objects, twice what a store holds, some of them in use."""

    def __init__(self, address: str) -> None:
        self._command = [sys.executable, "-c", FILL, address]

    def __enter__(self) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._command, stdin=pipe, stdout=pipe)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"full\n"

    def __exit__(self, *exception: object) -> None:
        self._process.communicate()


def doctor(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "memlab", "doctor", "--json", "--on", *words],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_doctor_tells_what_every_node_has(home: Path, nodes: Nodes) -> None:
    nodes.add()
    done = doctor("ray")
    checks = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    found = [check for check in checks if check["check"].startswith("node ")]
    assert len(found) == 2
    assert all("torch" in check["finding"] for check in found)

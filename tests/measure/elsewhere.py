"""What a Ray cluster costs beside processes on the same cores: 1,000 networks, first to last.

    python tests/measure/elsewhere.py [NETWORKS] [EPOCHS] [ROUNDS]

Both train the same plan with one process a core; the cluster is warm, its nodes are on this
machine's loopback. Prints a line a run, and the ratio of medians.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from memlab.cores import usable_cores
from memlab.experiment import reading
from memlab.runs import lifecycle, plan
from memlab.runs.plan import PLAN_FILE, RunPlan
from memlab.runs.run_folder import RunFolder
from memlab.runs.view import RunView

WIDTH = 50


def seconds(home: Path, engine: str, networks: int, epochs: int) -> float:
    """From the first update of a run to its last."""
    tree = {
        "corruption": {"kind": "labels", "fraction": 0.4},
        "dataset": {"name": "digits", "train": 700},
        "model": {"name": "mlp", "width": 64, "depth": 2},
        "stop": {"epochs": epochs},
        "seeds": networks,
    }
    stacks = tuple(tuple(range(at, min(at + WIDTH, networks))) for at in range(0, networks, WIDTH))
    planned = RunPlan(stacks, usable_cores(), 1)
    folder = lifecycle.start(
        reading.to_toml(reading.experiment(tree, "measure")),
        "measure",
        home / "runs",
        environment={"requested_engine": engine, "requested_device": "cpu"},
        fill=lambda made: plan.write(made.place / PLAN_FILE, planned),
    )
    while folder.state.living:
        time.sleep(0.2)
    assert folder.state.state == "finished", folder.state.message
    return between(folder)


def between(folder: RunFolder) -> float:
    """Seconds between the first start of a stack and the last end of a network."""
    events = RunView(folder).events
    starts = [event.time for event in events if event.type == "stack-started"]
    ends = [event.time for event in events if event.type == "member-finished"]
    return max(ends) - min(starts)


def main() -> None:
    """Measures both, in turn."""
    given, usual = sys.argv[1:], ("1000", "20", "3")
    networks, epochs, rounds = (int(word) for word in (*given, *usual[len(given) :]))
    from ray.cluster_utils import Cluster

    store = 80 << 20
    head = {"num_cpus": 0, "object_store_memory": store, "node_ip_address": "127.0.0.2"}
    cluster = Cluster(initialize_head=True, head_node_args={**head, "include_dashboard": False})
    found: dict[str, list[float]] = {"processes": [], "ray": []}
    try:
        for core in range(usable_cores()):
            cluster.add_node(
                num_cpus=1, object_store_memory=store, node_ip_address=f"127.0.0.{core + 3}"
            )
        os.environ["RAY_ADDRESS"] = cluster.address
        with tempfile.TemporaryDirectory() as home:
            os.environ["MEMLAB_HOME"] = home
            for number in range(rounds):
                for engine in found:
                    found[engine].append(seconds(Path(home), engine, networks, epochs))
                    load = os.getloadavg()[0]
                    print(f"{number} {engine:9} {found[engine][-1]:7.1f} s  load {load:.1f}")
    finally:
        cluster.shutdown()
    ours, plain = (statistics.median(found[engine]) for engine in ("ray", "processes"))
    print(f"ray ÷ processes, medians: {ours / plain:.3f}")


if __name__ == "__main__":
    main()

"""`python -m memlab.engines.ray_doctor ENGINE`: what a Ray cluster's nodes have, as JSON.

A process of its own, so that the command line imports neither Ray nor torch.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from memlab.cores import usable_cores
from memlab.engines import ray_cluster, ray_nodes
from memlab.engines.ray_nodes import Node
from memlab.errors import MemlabError
from memlab.strict_json import dumps

SECONDS = 90.0


def main() -> int:
    """Prints a list of [check, whether all is well, finding]."""
    sys.stdout.write(dumps(checks(sys.argv[1])) + "\n")
    return 0


def checks(engine: str) -> list[tuple[str, bool, str]]:
    """Whether the cluster can be reached, and for each node whether it can train, and why not."""
    try:
        ray = ray_cluster.connect(engine, usable_cores())
    except MemlabError as error:
        return [("cluster", False, str(error))]
    try:
        nodes = ray_nodes.alive(ray)
        asked = [(node, ray_nodes.probe(ray, node)) for node in nodes]
        end = time.monotonic() + SECONDS
        mine = ray_nodes.here()
        found = [_of_node(ray, node, reference, end, mine) for node, reference in asked]
        usable = [ok for _, ok, _ in found]
        cores, gpus = sum(n.cores for n in nodes), sum(n.gpus for n in nodes)
        reached = f"{len(nodes)} nodes, {cores} cores, {gpus} GPUs; {sum(usable)} can train"
        return [("cluster", any(usable), reached), *found]
    finally:
        ray.shutdown()


def _of_node(
    ray: Any, node: Node, reference: Any, end: float, mine: dict[str, str]
) -> tuple[str, bool, str]:
    facts = ray_nodes.answer(ray, reference, max(1.0, end - time.monotonic()))
    name = f"node {node.host}"
    why = ray_nodes.misfit(node, facts, mine)
    if why or isinstance(facts, str):
        return name, False, why
    versions = ", ".join(f"{key} {facts[key]}" for key in mine)
    devices = facts.get("devices") or f"{node.gpus} GPUs"
    return name, True, f"{versions}; {node.cores} cores, {devices}, {facts.get('processor', '')}"


if __name__ == "__main__":
    sys.exit(main())

"""What the nodes of a Ray cluster are, and whether a run fits there, in words.

Ray is handed in, never imported here. What a node says of itself comes as a text of JSON.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import memlab
from memlab import strict_json
from memlab.text import plain

#: What results depend on to the last bit, or what the machines speak with each other through.
PACKAGES = ("torch", "numpy", "ray")
MOST_FACTS = 1 << 16


@dataclass(frozen=True)
class Node:
    """A machine of the cluster; `gpus` and `cores` are those that Ray may lend."""

    id: str
    host: str
    cores: int
    gpus: int

    def slots(self, threads: int, on_gpu: bool) -> int:
        """How many hands of `threads` threads, or of a GPU each, it has room for."""
        return self.gpus if on_gpu else self.cores // threads


def alive(ray: Any) -> list[Node]:
    """The living nodes."""
    found = []
    for each in ray.nodes():
        if each.get("Alive"):
            resources = each.get("Resources", {})
            cores, gpus = (int(resources.get(name, 0)) for name in ("CPU", "GPU"))
            host = plain(str(each.get("NodeManagerAddress")), 80)
            found.append(Node(str(each["NodeID"]), host, cores, gpus))
    return sorted(found, key=lambda node: (node.host, node.id))


def here() -> dict[str, str]:
    """The versions of this machine that have to be those of every node."""
    found = {"memlab": memlab.__version__, "Python": platform.python_version()}
    return found | {name: metadata.version(name) for name in PACKAGES}


def facts_of_node() -> Callable[[], str]:
    """The function that tells a node's facts; it needs nothing of memlab to be loaded there."""

    def facts() -> str:
        import json
        import platform
        import subprocess
        from importlib import metadata

        found = {"Python": platform.python_version(), "processor": platform.machine()}
        for name in ("torch", "numpy", "ray"):
            try:
                found[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                found[name] = ""
        try:
            import memlab

            found["memlab"] = memlab.__version__
        except ImportError:
            found["memlab"] = ""
        try:
            told = subprocess.run(
                ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=10, check=True
            ).stdout
            found["devices"] = ", ".join(line.partition(" (UUID")[0] for line in told.splitlines())
        except (OSError, subprocess.SubprocessError):
            found["devices"] = ""
        return json.dumps(found)

    return facts


def probe(ray: Any, node: Node) -> Any:
    """Asks a node for its facts; the reference to its answer."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    there = NodeAffinitySchedulingStrategy(node.id, soft=False)
    task = ray.remote(num_cpus=0, max_retries=0)(facts_of_node())
    return task.options(scheduling_strategy=there).remote()


def answer(ray: Any, reference: Any, seconds: float) -> dict[str, str] | str:
    """A node's facts, or in words why there are none."""
    try:
        text = ray.get(reference, timeout=seconds)
    except ray.exceptions.GetTimeoutError:
        return f"it does not answer within {seconds:g} s"
    except ray.exceptions.RayError as error:
        return reason(error)
    try:
        found = strict_json.loads(text) if len(text) <= MOST_FACTS else None
    except (ValueError, TypeError):
        found = None
    if not isinstance(found, dict):
        return "its answer is none of memlab's"
    return {str(name): plain(str(value), 200) for name, value in found.items()}


def misfit(node: Node, facts: Mapping[str, str] | str, mine: Mapping[str, str]) -> str:
    """Why a node cannot train for this machine, in a sentence; empty where it can."""
    if isinstance(facts, str):
        return f"{node.host} cannot be used: {facts.rstrip('.')}."
    for name, version in mine.items():
        theirs = facts.get(name, "")
        if not theirs:
            return f"{node.host} cannot be used: it has no {name}; install {name} {version} there."
        if theirs != version:
            return (
                f"{node.host} cannot be used: it has {name} {theirs}, this machine {version}; "
                "install the same."
            )
    return ""


def reason(error: BaseException) -> str:
    """Ray's error as one line for people."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    known = [line for line in lines if "Error: " in line or line.startswith("The ")]
    said = (known or lines or [type(error).__name__])[-1]
    return plain(said.partition(" Some common causes")[0], 300)


def document(found: object) -> str:
    """As a doctor prints it for the command line."""
    return json.dumps(found)

"""A Ray cluster as a `Cluster`: hands are actors, placed on nodes that have been asked first.

Actors belong to the run's leader: when it dies, Ray ends them. The data go into the object store
once, and from there to each node once. Ray is imported when a run asks for it.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import memlab
from memlab.engines import ray_nodes
from memlab.engines.elsewhere import Remote
from memlab.engines.hand import Hand, Parcel
from memlab.engines.outgoing import Message
from memlab.engines.ray_nodes import Node
from memlab.errors import PackageMissing, TrainingFailed

MOST_HANDS = 256
EXCHANGE_SECONDS, PROBE_SECONDS, ANSWER_SECONDS, LEAVE_SECONDS = 0.2, 60.0, 60.0, 3.0
#: Of a cluster that is started for one run, on this machine.
LOCAL_STORE_BYTES = 1 << 30
#: Where that one listens. Ray takes 127.0.0.1 for a name of the machine's address on its network.
LOOPBACK = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"
#: Hands that may die on a node before they have answered once; more are not tried there.
MOST_STILLBORN = 2


def imported() -> Any:
    """Ray; raises PackageMissing where it is not installed."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise PackageMissing(
            "Ray is not installed here: `pip install 'memlab[ray]'` installs it."
        ) from error
    return ray


def connect(engine: str, cores: int) -> Any:
    """Ray, connected to the cluster that `--on ENGINE` names; for `ray` to that of RAY_ADDRESS,
    or to one of `cores` cores started here and ended with this process.

    Raises:
        PackageMissing: without Ray.
        TrainingFailed: if there is no such cluster, in a sentence.
    """
    ray = imported()
    address = engine if engine != "ray" else os.environ.get("RAY_ADDRESS", "")
    asked: dict[str, Any] = {"address": address or "local"}
    if not address:
        asked |= {
            "num_cpus": cores,
            "include_dashboard": False,
            "object_store_memory": LOCAL_STORE_BYTES,
            "_node_ip_address": LOOPBACK,
        }
    code = Path(memlab.__file__).resolve().parent
    shipped = {"py_modules": [str(code)], "excludes": ["**/__pycache__"]}
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        ray.init(**asked, runtime_env=shipped, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray raises of every kind here, plain RuntimeError too
        raise TrainingFailed(
            f"The Ray cluster {address or 'of this machine'} cannot be reached: "
            f"{ray_nodes.reason(error)}"
        ) from error
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)  # Ray has put its own in their place
    return ray


def is_here(engine: str) -> bool:
    """Whether the cluster is started on this machine, for the one run."""
    return engine == "ray" and not os.environ.get("RAY_ADDRESS")


@dataclass(eq=False)
class RayHand:
    """An actor; `pending` is the answer that is waited for."""

    where: str
    node: str
    actor: Any
    pending: Any = None
    answered: bool = False

    def train(self, stack: int, base: Mapping[str, bytes]) -> None:
        """See `Remote`."""
        self.actor.train.remote(stack, base)

    def exchange(self, orders: Sequence[str]) -> None:
        """See `Remote`."""
        self.pending = self.actor.exchange.remote(list(orders), EXCHANGE_SECONDS)


class RayCluster:
    """Hands of `parcel.plan.threads` threads, or of a GPU each, on the nodes that fit."""

    def __init__(self, ray: Any, parcel: Parcel) -> None:
        self._ray = ray
        self._threads = parcel.plan.threads
        self._gpu = parcel.device.startswith("cuda")
        self._parcel = self._stored(parcel)
        self._mine = ray_nodes.here()
        self._hands: list[RayHand] = []
        self._probes: dict[str, tuple[Any, float]] = {}
        self._misfits: dict[str, str] = {}
        self._stillborn: dict[str, int] = {}
        self._notes: list[str] = []
        self._leaving: list[Any] = []

    def _stored(self, parcel: Parcel) -> Any:
        try:
            return self._ray.put(parcel)
        except self._ray.exceptions.RayError as error:
            raise TrainingFailed(
                "The run's data do not fit into the cluster's object store: "
                f"{ray_nodes.reason(error)} Start Ray with a larger --object-store-memory."
            ) from error

    def hire(self, most: int) -> Sequence[RayHand]:
        """See `Cluster`; nodes that are new are asked what they are, and hired later."""
        with self._connected():
            return self._hire(most)

    def _hire(self, most: int) -> Sequence[RayHand]:
        hired: list[RayHand] = []
        for node in ray_nodes.alive(self._ray):
            if not self._fits(node):
                continue
            there = sum(hand.node == node.id for hand in self._hands)
            room = min(node.slots(self._threads, self._gpu) - there, most - len(hired))
            for _ in range(min(room, MOST_HANDS - len(self._hands))):
                hired.append(self._hired(node))
        return hired

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """Turns the loss of the whole cluster into a sentence."""
        try:
            yield
        except (self._ray.exceptions.RayError, ConnectionError, RuntimeError) as error:
            raise TrainingFailed(
                f"The Ray cluster is gone: {ray_nodes.reason(error)} Everything up to the newest "
                "checkpoints is kept; resuming goes on from there."
            ) from error

    def _fits(self, node: Node) -> bool:
        """Whether it has answered that it is as this machine is."""
        if node.id in self._misfits:
            return not self._misfits[node.id]
        if node.id not in self._probes:
            self._probes[node.id] = (ray_nodes.probe(self._ray, node), time.monotonic())
        reference, since = self._probes[node.id]
        ready, _ = self._ray.wait([reference], timeout=0)
        if not ready and time.monotonic() - since < PROBE_SECONDS:
            return False
        facts = ray_nodes.answer(self._ray, reference, 1.0)
        self._misfits[node.id] = ray_nodes.misfit(node, facts, self._mine)
        if self._misfits[node.id]:
            self._notes.append(self._misfits[node.id])
        return not self._misfits[node.id]

    def _hired(self, node: Node) -> RayHand:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        actor = self._ray.remote(Hand).options(
            num_cpus=0 if self._gpu else self._threads,
            num_gpus=1 if self._gpu else 0,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False),
        )
        hand = RayHand(node.host, node.id, actor.remote(self._parcel))
        self._hands.append(hand)
        return hand

    def answers(self, seconds: float) -> Sequence[tuple[RayHand, list[Message] | str]]:
        """See `Cluster`."""
        waiting = {hand.pending: hand for hand in self._hands if hand.pending is not None}
        if not waiting:
            time.sleep(seconds)
            return []
        references = list(waiting)
        with self._connected():
            self._ray.wait(references, num_returns=1, timeout=seconds)
            ready, _ = self._ray.wait(references, num_returns=len(references), timeout=0)
        return [(waiting[reference], self._answer(waiting[reference])) for reference in ready]

    def _answer(self, hand: RayHand) -> list[Message] | str:
        reference, hand.pending = hand.pending, None
        try:
            found: list[Message] = self._ray.get(reference, timeout=ANSWER_SECONDS)
        except (self._ray.exceptions.RayError, OSError) as error:
            why = ray_nodes.reason(error)
            if not hand.answered:
                self._give_up(hand, why)
            return why
        hand.answered = True
        return found

    def _give_up(self, hand: RayHand, why: str) -> None:
        """Tries a node no more where hands die before they say anything."""
        self._stillborn[hand.node] = self._stillborn.get(hand.node, 0) + 1
        if self._stillborn[hand.node] >= MOST_STILLBORN:
            self._misfits[hand.node] = f"{hand.where} cannot be used: {why}"
            self._notes.append(self._misfits[hand.node])

    def dismiss(self, hand: Remote) -> None:
        """See `Cluster`."""
        if isinstance(hand, RayHand) and hand in self._hands:
            self._hands.remove(hand)
            self._leaving.append(hand.actor.leave.remote())
            hand.actor.__ray_terminate__.remote()

    def close(self) -> None:
        """Waits a moment for hands that are to end."""
        if self._leaving:
            self._ray.wait(self._leaving, num_returns=len(self._leaving), timeout=LEAVE_SECONDS)

    def notes(self) -> Sequence[str]:
        """See `Cluster`."""
        told, self._notes = self._notes, []
        return told

    def why_nobody(self) -> str:
        """See `Cluster`."""
        nodes = ray_nodes.alive(self._ray)
        said = [why for node in nodes if (why := self._misfits.get(node.id))]
        if said:
            more = f" (and {len(said) - 1} more nodes)" if len(said) > 1 else ""
            return f"No node of the Ray cluster can train this: {said[0]}{more}"
        if any(node.id not in self._misfits for node in nodes):
            return "The nodes of the Ray cluster do not answer."
        what = "GPU" if self._gpu else f"{self._threads} cores"
        return f"None of the {len(nodes)} nodes of the Ray cluster has {what} for this run."

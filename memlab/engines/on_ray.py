"""A run that trains on a Ray cluster: what its leader decides differently there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from memlab.engines import planner, ray_cluster, ray_nodes
from memlab.engines.elsewhere import Elsewhere
from memlab.engines.engine import Leader
from memlab.engines.hand import Parcel
from memlab.engines.planner import Candidate
from memlab.engines.shared_folder import Letters
from memlab.errors import DeviceUnavailable
from memlab.runs.plan import RunPlan
from memlab.runs.run_folder import RunFolder
from memlab.training.plan import Group
from memlab.worker.shard import Work

#: The widest stack on a processor where nothing was measured; wide enough to pay, small enough
#: that little is lost with a machine.
WIDTH = 64


class OnRay:
    """The cluster of a run whose environment asks for it."""

    def __init__(self, environment: Mapping[str, object], cores: int) -> None:
        """Connects; raises as `ray_cluster.connect`."""
        engine = str(environment["requested_engine"])
        shared = environment.get("shared_folder")
        self._shared = shared if isinstance(shared, str) else None
        self._ray = ray_cluster.connect(engine, cores)
        self._nodes = ray_nodes.alive(self._ray)
        self._letters: Letters | None = None
        self._cluster: ray_cluster.RayCluster | None = None
        #: How many of this machine's cores it takes from other runs.
        self.lent = cores if ray_cluster.is_here(engine) else 0

    def device(self, requested: str) -> torch.device:
        """Where its hands train: `auto` is a GPU each where the cluster has any.

        Raises:
            DeviceUnavailable: if there is no such device in the cluster.
        """
        gpus = sum(node.gpus for node in self._nodes)
        if requested == "cpu" or (requested == "auto" and not gpus):
            return torch.device("cpu")
        if requested == "mps" or not gpus:
            raise DeviceUnavailable(
                f"There is no {requested} in the Ray cluster: its {len(self._nodes)} nodes lend "
                f"{gpus} GPUs."
            )
        return torch.device("cuda:0")  # of the GPUs that a hand sees, its own

    def plan(self, groups: Sequence[Group], device: torch.device) -> RunPlan:
        """A plan for as many hands as the cluster has room for now; at most a few hundred."""
        on_gpu = device.type == "cuda"
        slots = sum(node.slots(1, on_gpu) for node in self._nodes)
        width = max(group.widest for group in groups) if on_gpu else WIDTH
        hands = max(1, min(slots, ray_cluster.MOST_HANDS))
        return planner.spread(groups, Candidate(width, hands, 1))

    def words(self) -> str:
        """The machines, for people."""
        nodes = len(self._nodes)
        cores, gpus = (
            math.fsum(getattr(n, name) for n in self._nodes) for name in ("cores", "gpus")
        )
        return f"Ray, {nodes} node{'' if nodes == 1 else 's'}, {cores:.0f} cores, {gpus:.0f} GPUs"

    def engine(self, work: Work, leader: Leader, device: torch.device) -> Elsewhere:
        """The engine; raises as `RayCluster`, and InvalidExperiment without the shared folder."""
        where = None
        if self._shared is not None:
            self._letters, where = Letters.made(self._shared, work.folder.id)
        packed = work.material.packed(work.members)
        toml = work.folder.experiment_bytes()
        parcel = Parcel(toml, work.plan, packed, str(device), where)
        self._cluster = ray_cluster.RayCluster(self._ray, parcel)
        return Elsewhere(work, leader, self._cluster, self._letters)

    def close(self) -> None:
        """Leaves the cluster; one that was started for this run ends."""
        if self._cluster is not None:
            self._cluster.close()
        if self._letters is not None:
            self._letters.close()
        self._ray.shutdown()


def wanted(folder: RunFolder) -> bool:
    """Whether the run asks for a Ray cluster."""
    engine: Any = folder.environment().get("requested_engine")
    return isinstance(engine, str) and engine.startswith("ray")

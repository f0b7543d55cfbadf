"""Which runs the claims need, and which of them are there already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from memlab.claims.claim import Check, Claim, FollowUp, Size
from memlab.claims.finished_run import SPLITS, FinishedRun
from memlab.claims.replicates import replicates_of
from memlab.errors import MemlabError
from memlab.experiment import presets, reading
from memlab.experiment.spec import Experiment
from memlab.runs.origin import is_ours
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder, list_runs

#: What says nothing about the networks.
WORDS: Final = frozenset(
    {"title", "question", "look_for", "source", "deviations", "claims", "checkpoints"}
)
#: So many networks at most have a split; a board's begin where those of the one before end.
NETWORKS: Final = 100_000
RANK: Final = {"finished": 0, "running": 1, "paused": 1, "stopping": 1, "starting": 1, "queued": 1}


@dataclass(frozen=True)
class Needed:
    """A run that claims need: its preset without the size, and what is in it."""

    preset: str
    size: Size
    experiment: Experiment
    content: str

    @property
    def name(self) -> str:
        """The preset's full name, `labels-laptop`."""
        return f"{self.preset}-{self.size}"


def content_of(experiment: Experiment) -> str:
    """A hash of all that decides the networks: the experiment without its words."""
    tree = experiment.model_dump(mode="json", exclude=set(WORDS))
    if tree["recorded"] is None:  # as it was before there were recorded runs
        del tree["recorded"]
    tree["seeds"] = experiment.seed_list
    text = json.dumps(tree, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def presets_of(claim: Claim) -> tuple[str, ...]:
    """The presets of the claim, of its control and of its calibrations, without the size."""
    if claim.measure is None:
        return ()
    arms = (claim.control, claim.sensitivity, *claim.calibrations)
    others = [name for arm in arms if arm is not None for name in arm.presets]
    return tuple(dict.fromkeys((*claim.presets, *others)))


def needed(
    claims: Sequence[Claim], size: Size, replicates: Sequence[int], checks: Sequence[Check] = ()
) -> tuple[Needed, ...]:
    """The runs of these claims and checks, each once, in the order of the claims.

    A run has as many replicates as the most demanding of its claims asks for. A preset that is not
    there at this size is left out: its claims are then not run. What other runs decide is not
    among them (`FollowUps`).

    Raises:
        InvalidExperiment: if a preset is not valid.
    """
    names: dict[str, int] = {}
    later = {one.preset for one in _follow_ups(claims)}
    for claim in claims:
        for name in presets_of(claim):
            if name not in later:
                names[name] = max(claim.least, names.get(name, 0))
    for check in checks:
        names |= {name: names.get(name, 0) for name in check.presets}
    known = known_presets(claims)
    made = []
    for name, least in names.items():
        preset = known.get(f"{name}-{size}")
        if preset is not None:
            tree = replicated(preset.tree, replicates_of(least, replicates))
            experiment = reading.experiment(tree, preset.path.name)
            made.append(Needed(name, size, experiment, content_of(experiment)))
    return tuple(made)


def known_presets(claims: Sequence[Claim]) -> dict[str, presets.Preset]:
    """All presets by their full names, those in third parties' folders among them."""
    folders = dict.fromkeys(claim.folder for claim in claims if claim.folder is not None)
    found = [*presets.find_all(), *(p for f in folders for p in presets.in_folder(f, "claims"))]
    return {preset.name: preset for preset in found}


def _follow_ups(claims: Sequence[Claim]) -> dict[FollowUp, int]:
    """Each once, with the replicates that the most demanding of its claims asks for."""
    found: dict[FollowUp, int] = {}
    for claim in claims:
        for one in claim.follow_ups:
            found[one] = max(claim.least, found.get(one, 0))
    return found


class FollowUps:
    """The runs that finished runs decide; what they decided is kept."""

    def __init__(self, claims: Sequence[Claim], size: Size, replicates: Sequence[int]) -> None:
        """Reads nothing yet."""
        self._wanted = _follow_ups(claims)
        self._known = known_presets(claims) if self._wanted else {}
        self._size, self._replicates = size, tuple(replicates)
        self._made: dict[tuple[str, str], Needed | None] = {}
        #: Why one is not there, by preset.
        self.problems: dict[str, str] = {}

    def __call__(self, folders: Mapping[str, RunFolder]) -> tuple[Needed, ...]:
        """Those that can be started.

        Args:
            folders: finished runs by preset without the size.
        """
        found = []
        for one, least in self._wanted.items():
            folder = folders.get(one.after)
            if folder is None:
                continue
            key = one.preset, folder.id
            if key not in self._made:
                self._made[key] = self._filled(one, folder, replicates_of(least, self._replicates))
            found.append(self._made[key])
        return tuple(each for each in found if each is not None)

    def _filled(self, one: FollowUp, folder: RunFolder, replicates: Sequence[int]) -> Needed | None:
        preset = self._known.get(f"{one.preset}-{self._size}")
        if preset is None:
            return None
        try:
            source = FinishedRun(folder).only(replicates)
            tree = one.fill(replicated(preset.tree, replicates), source)
            experiment = reading.experiment(tree, preset.path.name)
        except MemlabError as error:
            self.problems[one.preset] = f"It follows from {folder.id}: {error}"
            return None
        return Needed(one.preset, self._size, experiment, content_of(experiment))


def replicated(tree: reading.Tree, replicates: Sequence[int]) -> reading.Tree:
    """The preset with `replicates` as its units of replication.

    Each is a split of the data and a seed; what a procedure makes is made anew. Of a preset with
    an axis over splits they are the splits alone: the networks of each, which are then its sample,
    are as many as the preset has, with seeds that no other board uses.
    """
    axes, dataset = tree.get("axes", {}), tree.get("dataset", {}) | {"fresh": True}
    if SPLITS in axes:
        seeds = tree.get("seeds", 1)
        networks = seeds if isinstance(seeds, int) else len(seeds)
        first = NETWORKS * replicates[0]
        return tree | {
            "dataset": dataset,
            "axes": axes | {SPLITS: list(replicates)},
            "seeds": list(range(first, first + networks)),
        }
    return tree | {"dataset": dataset | {"split_per_seed": True}, "seeds": list(replicates)}


def existing(runs_folder: Path, wanted: Sequence[Needed]) -> dict[str, RunFolder]:
    """The best run of each content: a finished one, else a living, else one to be resumed."""
    names, contents = {one.name for one in wanted}, {one.content for one in wanted}
    found: dict[str, tuple[int, RunFolder]] = {}
    for folder in list_runs(runs_folder):
        content = _content(folder, names)
        if content in contents:
            rank = RANK.get(folder.state.state, 2)
            if content not in found or rank < found[content][0]:
                found[content] = (rank, folder)
    return {content: folder for content, (_, folder) in found.items()}


def _content(folder: RunFolder, names: set[str]) -> str:
    """The content of a run of ours that may be one of these presets; empty where it is not.

    What the folder says of its preset only saves reading it; the content is computed.
    """
    facts = folder.environment()
    told = facts.get("replication")
    if not isinstance(told, dict) and facts.get("preset") not in names:
        return ""
    try:
        if not is_ours(folder):
            return ""
        return content_of(Run(folder).experiment)
    except MemlabError:
        return ""

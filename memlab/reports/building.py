"""From a run folder to its findings: tables, events, experiment and environment, put together.

Works for a run in any state, also one without a single row. Reads only; writing is `json.py`.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime

import numpy as np

from memlab.errors import RunFolderError
from memlab.estimate import over_seeds
from memlab.experiment import grid
from memlab.experiment.recorded import KEY
from memlab.experiment.spec import Experiment
from memlab.reports.baseline_findings import baseline_findings
from memlab.reports.findings import QUANTITIES, SCHEMA_VERSION, ClaimFindings, Findings, Row
from memlab.reports.instrument_findings import instrument_findings
from memlab.reports.measurements import Figures, measure
from memlab.reports.memorization_findings import memorization_findings
from memlab.reports.sentences import sentences
from memlab.reports.suspects_findings import suspects_findings
from memlab.runs.baselines import read_baselines
from memlab.runs.documents import LARGE_BYTES
from memlab.runs.environment import own_networks
from memlab.runs.event_log import Event
from memlab.runs.recorded import recorded_from
from memlab.runs.run import Run, opened
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import StateName
from memlab.runs.view import RunView
from memlab.strict_json import loads, number, whole
from memlab.text import plain


def build(run: RunFolder | Run, state: StateName | None = None) -> Findings:
    """The findings as of now.

    Args:
        state: the state to report in place of the folder's, for a worker about to end.

    Raises:
        RunFolderError: if the run's experiment cannot be read.
        InvalidExperiment: if it is none that this version knows.
    """
    of = opened(run)
    run, view, made, groups, events = of.folder, of.view, of.experiment, of.groups, of.events
    figures = measure(view.stacks, grid.member_count(made))
    diverged = set(view.diverged)
    if made.recorded is None:
        diverged |= _diverged(view, figures, made.evaluation.parts)
    finished = set(view.finished) - diverged
    rows = _rows(made, figures, diverged, finished, events)
    epochs = figures.epoch[np.isfinite(figures.epoch)]
    said = state or view.state.state
    suspects = suspects_findings(of, said == "finished")
    findings = Findings(
        run=run.id,
        title=made.title,
        question=made.question,
        source=made.source,
        deviations=made.deviations,
        state=said,
        state_message=view.state.message if state is None else "",
        complete=said == "finished",
        epoch=float(epochs.max()) if epochs.size else None,
        sentences=[],
        axes=list(made.axes),
        seeds=made.seed_list,
        members=grid.member_count(made),
        diverged=len(diverged),
        chance=view.guessing.chance,
        classes=view.guessing.classes,
        rows=rows,
        baselines=baseline_findings(read_baselines(run), groups, [row.axis_values for row in rows]),
        instruments=instrument_findings(
            view, groups, [row.axis_values for row in rows], diverged, events
        ),
        claims=_claims(of, said),
        reproduce=reproduce(run),
        memorization=memorization_findings(of) if suspects is None else [],
        suspects=suspects,
        problems=list(view.problems),
        experiment=_told(made),
        started=_iso(events[0].time) if events else None,
        duration_seconds=view.worked_seconds,
        **_made_with(view),
    )
    return findings.model_copy(update={"sentences": sentences(findings)})


def load_or_build(run: RunFolder | Run) -> Findings:
    """The run's report.json where it has finished and has one that holds, else findings as of now.

    Raises:
        RunFolderError, InvalidExperiment: as `build`.
    """
    if run.state.state == "finished":
        folder = opened(run).folder
        try:
            found = Findings.model_validate(loads(folder.report.read(LARGE_BYTES)))
        except (RunFolderError, ValueError):
            return build(run)
        known = found.schema_version <= SCHEMA_VERSION
        if found.run == run.id and found.complete and known:
            return found.model_copy(update={"reproduce": reproduce(folder)})
    return build(run)


def _told(made: Experiment) -> dict[str, object]:
    """The experiment as the report has it; of a recorded run what is known, and no default."""
    if made.recorded is None:
        tree: dict[str, object] = made.model_dump(mode="json")
        return tree
    known = made.model_dump(mode="json", exclude_defaults=True)
    return known | {KEY: made.recorded.model_dump(mode="json")}


def _claims(run: Run, state: StateName) -> list[ClaimFindings]:
    """Verdicts on the claims that the experiment names, once the run has finished."""
    if not run.experiment.claims or state != "finished":
        return []
    from memlab.reports.claim_findings import claim_findings  # few runs need all claims' code

    return claim_findings(run)


def reproduce(run: RunFolder) -> str:
    """The command that runs the same again, from where the folder lies now; none if recorded."""
    if recorded_from(run) is not None:
        return ""
    return f"memlab run {shlex.quote(str(run.path / 'experiment.toml'))}"


def _diverged(view: RunView, figures: Figures, parts: Collection[str]) -> set[int]:
    """Members that are marked diverged, and those evaluated without a finite accuracy."""
    accuracy = figures.train_accuracy if "train" in parts else figures.test_accuracy
    silent = np.isfinite(figures.epoch) & ~np.isfinite(accuracy)
    return set(view.diverged) | {int(member) for member in np.flatnonzero(silent)}


def _rows(
    made: Experiment,
    figures: Figures,
    diverged: set[int],
    finished: set[int],
    events: Sequence[Event],
) -> list[Row]:
    told = [e.data for e in events if e.type == "corruption"]
    changed = {whole(data.get("group")): number(data.get("changed"), 0, 1) for data in told}
    sizes = _sizes(events)
    names = {field.name for field in fields(Figures)}.intersection(QUANTITIES)
    rows = []
    for group in grid.groups(made):
        cell = grid.with_values(made, group.axis_values)
        kept = [member for member in group.members if member not in diverged]
        size = next((sizes[member] for member in group.members if member in sizes), {})
        examples, parameters = size.get("train_examples"), size.get("parameters")
        updates, epochs = figures.updates[kept], figures.epoch[kept]
        values: dict[str, object] = {
            name: over_seeds(getattr(figures, name)[kept]).or_none() for name in names
        }
        values |= {name: _plain(value) for name, value in group.axis_values.items()}
        rows.append(
            Row.model_validate(
                {
                    **values,
                    "label": group.label or "all",
                    "members": len(group.members),
                    "finished": len(finished.intersection(group.members)),
                    "diverged": len(diverged.intersection(group.members)),
                    "corruption_kind": cell.corruption.kind,
                    "corruption_fraction": cell.corruption.fraction,
                    "fraction_changed": changed.get(group.index),
                    "epoch": float(np.nanmax(epochs)) if np.isfinite(epochs).any() else None,
                    "updates": float(np.nanmean(updates)) if np.isfinite(updates).any() else None,
                    "train_examples": examples,
                    "parameters": parameters,
                    "parameters_per_example": (
                        parameters / examples if parameters and examples else None
                    ),
                }
            )
        )
    return rows


def _plain(value: object) -> object:
    """An axis value as JSON; a table as its label."""
    if isinstance(value, Mapping):
        return grid.show(value)
    return list(value) if isinstance(value, tuple) else value


def _sizes(events: Sequence[Event]) -> dict[int, dict[str, int]]:
    """Training examples and parameters by member, from the stacks' announcements."""
    sizes: dict[int, dict[str, int]] = {}
    for event in events:
        listed = event.data.get("members") if event.type == "stack-started" else None
        for member in listed if isinstance(listed, list) else ():
            if whole(member) is not None:
                sizes[member] = {
                    name: value
                    for name in ("train_examples", "parameters")
                    if (value := whole(event.data.get(name), 1)) is not None
                }
    return sizes


def _made_with(view: RunView) -> dict[str, object]:
    """What is known of the machine and the software."""
    facts = view.environment
    packages = facts.get("packages")
    versions = dict(packages) if isinstance(packages, Mapping) else {}
    ahead = {name: facts[name] for name in ("memlab", "python", "torch") if facts.get(name)}
    device = plain(facts.get("device") or view.state.device or "")
    name = plain(facts.get("device_name") or "")
    command = facts.get("command")
    commit = facts.get("commit")
    return {
        "device": name if device in name else f"{device}, {name}" if name else device,
        "versions": {
            plain(name): plain(value) for name, value in (ahead | versions | ahead).items()
        },
        "own_networks": own_networks(facts),
        "commit": plain(commit) if commit else None,
        "command": shlex.join(map(plain, command))
        if isinstance(command, list)
        else plain(command or ""),
    }


def _iso(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

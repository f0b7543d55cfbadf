"""Loading the findings of a run for the Report screen, and exporting them; used in a thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memlab.atomic import storing, write_atomically
from memlab.experiment.spec import Experiment
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import RunState
from memlab.strict_json import dumps

if TYPE_CHECKING:
    from memlab.tui.report_sections import Sections


@dataclass(frozen=True)
class Loaded:
    """Findings as of a state; `findings` is what the renderers of `memlab.reports` take."""

    folder: RunFolder
    state: RunState
    experiment: Experiment
    findings: Any
    document: Mapping[str, Any]
    sections: Sections
    epoch: float | None = None
    stamp: tuple[object, ...] = ()


def load(folder: RunFolder, before: Loaded | None = None) -> Loaded:
    """The findings now; `before` itself where nothing can have changed since.

    Raises:
        MemlabError: if the run cannot be read, with the reason.
    """
    from memlab import reports
    from memlab.experiment.reading import experiment, from_toml
    from memlab.tui.report_sections import sections

    state = folder.state
    stamp = _stamp(folder, state)
    if before is not None and before.stamp == stamp:
        return before
    where = str(folder.path / "experiment.toml")
    made = experiment(from_toml(folder.experiment_toml(), where), where)
    findings = reports.load_or_build(folder)
    document, shown = reports.document(findings), sections(findings, made)
    return Loaded(folder, state, made, findings, document, shown, _epoch(folder), stamp)


def export(loaded: Loaded, into: Path) -> list[Path]:
    """Writes `report.md`, `.html` and `.json` into a folder named like the run.

    Raises:
        StorageError: if they cannot be written.
    """
    from memlab import reports

    folder = into / loaded.folder.id
    texts = {
        "report.md": reports.markdown(loaded.findings),
        "report.html": reports.html(loaded.findings, loaded.folder),
        "report.json": dumps(loaded.document, indent=1) + "\n",
    }
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write_atomically(folder / name, text.encode())
    return [folder / name for name in texts]


def _stamp(folder: RunFolder, state: RunState) -> tuple[object, ...]:
    sizes = []
    for path in (*sorted(folder.series.glob("*.rows")), folder.report):
        try:
            found = path.stat()
            sizes.append((found.st_size, found.st_mtime_ns))
        except OSError:
            sizes.append((0, 0))
    return state.state, state.since, *sizes


def _epoch(folder: RunFolder) -> float | None:
    from memlab.runs.view import RunView

    progress = RunView(folder).progress
    return progress.epoch if progress is not None else None

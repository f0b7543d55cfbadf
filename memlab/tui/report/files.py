"""Loading the findings of a run for the Report screen, and exporting them; used in a thread."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from memlab import export as user_files
from memlab.atomic import storing
from memlab.errors import RunFolderError
from memlab.experiment.spec import Experiment
from memlab.runs.run import Run
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import RunState
from memlab.strict_json import dumps

if TYPE_CHECKING:
    from memlab.reports.findings import Findings
    from memlab.tui.report.sections import Sections


@dataclass(frozen=True)
class Loaded:
    """Findings as of a state; `findings` is what every rendering is made of.

    `judges_labels` says whether there are suspects to review.
    """

    folder: RunFolder
    state: RunState
    experiment: Experiment
    findings: Findings
    sections: Sections
    epoch: float | None = None
    stamp: tuple[object, ...] = ()
    judges_labels: bool = False


def load(folder: RunFolder, before: Loaded | None = None) -> Loaded:
    """The findings now; `before` itself where nothing can have changed since.

    Raises:
        MemlabError: if the run cannot be read, with the reason.
    """
    from memlab import reports
    from memlab.reports.review_list import judges_labels
    from memlab.tui.report.sections import sections

    state = folder.state
    stamp = _stamp(folder, state)
    if before is not None and before.stamp == stamp:
        return before
    run = Run(folder)
    made = run.experiment
    findings = reports.load_or_build(run)
    shown = sections(findings, made)
    progress = run.view.progress
    epoch = progress.epoch if progress is not None else None
    judges = judges_labels(run)
    return Loaded(folder, state, made, findings, shown, epoch, stamp, judges)


def export(loaded: Loaded, into: Path, *, replace: bool = False) -> list[Path]:
    """Writes `report.md`, `.html` and `.json` into a folder named like the run.

    Raises:
        FileIsThere: if one is there and may not be replaced; then none is written.
        ExportRefused, StorageError: if they cannot be written.
    """
    from memlab import reports

    folder = into / loaded.folder.id
    texts = {
        "report.md": reports.markdown(loaded.findings),
        "report.html": reports.html(loaded.findings, loaded.folder),
        "report.json": dumps(reports.document(loaded.findings), indent=1) + "\n",
    }
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name in texts:
        user_files.target(folder / name, replace=replace)
    return [
        user_files.export(folder / name, text.encode(), replace=replace)
        for name, text in texts.items()
    ]


def _stamp(folder: RunFolder, state: RunState) -> tuple[object, ...]:
    try:
        tables = [folder.series / name for name in folder.series.list() if name.endswith(".rows")]
        found = [place.info() for place in (*tables, folder.report)]
    except RunFolderError as error:
        return state.state, state.since, str(error)
    sizes = [(info.st_size, info.st_mtime_ns) if info is not None else (0, 0) for info in found]
    return state.state, state.since, *sizes

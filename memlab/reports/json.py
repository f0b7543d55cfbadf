"""report.json: the findings as they are kept in a run folder."""

from __future__ import annotations

from memlab import strict_json
from memlab.reports.building import build
from memlab.reports.findings import Findings, document
from memlab.runs.door import Place
from memlab.runs.run_folder import RunFolder
from memlab.runs.state import StateName


def dumps(findings: Findings) -> str:
    """The document as text; strict JSON, without NaN and in ASCII."""
    return strict_json.dumps(document(findings), indent=1) + "\n"


def write(run: RunFolder, state: StateName | None = None) -> Place:
    """Builds the findings and replaces the run's report.json.

    Args:
        state: the state that the worker is about to enter.

    Raises:
        RunFolderError: if the run cannot be read.
        StorageError: if the file cannot be written; an older one stays.
    """
    run.report.replace(dumps(build(run, state)).encode())
    return run.report

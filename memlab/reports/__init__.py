"""From a run folder to findings, and from findings to what people read. No torch.

`build` or `load_or_build` gives `Findings`; `document`, `text`, `markdown` and `html` render them.
What a report says is `run_report`, in blocks; how blocks look is `renderers`.
Nothing heavy is imported before it is needed: matplotlib with `html` only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

    from memlab.reports.findings import Findings
    from memlab.runs.run import Run
    from memlab.runs.run_folder import RunFolder
    from memlab.runs.state import StateName

__all__ = ["build", "document", "html", "load_or_build", "markdown", "report_schema", "text"]


def build(run: RunFolder | Run, state: StateName | None = None) -> Findings:
    """The findings as of now; `state` in place of the folder's for a worker about to end.

    Raises:
        RunFolderError, InvalidExperiment: if the run cannot be read.
    """
    from memlab.reports import building

    return building.build(run, state)


def load_or_build(run: RunFolder | Run) -> Findings:
    """The run's report.json where it has finished and has one, else findings as of now.

    Raises:
        RunFolderError, InvalidExperiment: if the run cannot be read.
    """
    from memlab.reports import building

    return building.load_or_build(run)


def document(findings: Findings) -> dict[str, Any]:
    """The findings as plain data, as report.json has them."""
    from memlab.reports import findings as module

    return module.document(findings)


def report_schema() -> dict[str, Any]:
    """JSON schema of report.json, with every field described."""
    from memlab.reports import findings as module

    return module.report_schema()


def text(findings: Findings) -> RenderableType:
    """The report for a console, as wide as that is (80 columns and more)."""
    from memlab.reports import run_report
    from memlab.reports.renderers import console

    return console.ConsolePage(run_report.blocks(findings))


def markdown(findings: Findings) -> str:
    """The report as Markdown."""
    from memlab.reports import run_report
    from memlab.reports.renderers import markdown

    return markdown.page(run_report.blocks(findings))


def html(findings: Findings, run: RunFolder | Run | None = None) -> str:
    """The report as one self-contained HTML page; with curves where the run folder is given."""
    from memlab.reports import run_report
    from memlab.reports.renderers import html

    return html.page(run_report.blocks(findings, run))

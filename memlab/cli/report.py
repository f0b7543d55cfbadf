"""`memlab report RUN`: the findings, in any of their renderings."""

from __future__ import annotations

import argparse

from memlab.cli.control import found, run_argument
from memlab.cli.output import console, page, print_json


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    run_argument(parser, by_path=True)
    parser.add_argument(
        "--format", choices=("text", "md", "html", "json"), default="text", help="default: text"
    )
    parser.add_argument("--json", action="store_true", help="the same as --format json")


def run(options: argparse.Namespace) -> int:
    """Prints the report on standard output."""
    from memlab import reports

    folder = found(options.run, by_path=True)
    findings = reports.load_or_build(folder)
    kind = "json" if options.json else options.format
    if kind == "json":
        print_json(reports.document(findings))
    elif kind == "text":
        console().print(reports.text(findings))
    elif kind == "md":
        page(reports.markdown(findings))
    else:
        page(reports.html(findings, folder))
    return 0

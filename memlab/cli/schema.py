"""`memlab schema`: every field of an experiment, for editors and for people."""

from __future__ import annotations

import argparse

from memlab.cli.output import add_row, console, print_json


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--report", action="store_true", help="the schema of report.json instead")
    parser.add_argument("--table", action="store_true", help="a table of fields for people")


def run(options: argparse.Namespace) -> int:
    """Prints a JSON schema, or the table."""
    from memlab.experiment.fields import all_declared
    from memlab.experiment.spec import Experiment

    if options.report:
        from memlab.reports import report_schema

        print_json(report_schema())
        return 0
    if not options.table:
        print_json(
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                **Experiment.model_json_schema(),
            }
        )
        return 0
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("field", "default", "what it is"):
        table.add_column(name, no_wrap=name != "what it is")
    for field in all_declared():
        default = "" if field.default is None else f"{field.default} {field.unit}".strip()
        add_row(table, field.name, default, field.help)
    console().print(table)
    return 0

"""`memlab presets`: what can be run."""

from __future__ import annotations

import argparse

from memlab.cli.output import add_row, console, page, print_json, tell


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("preset", nargs="?", help="show this preset's file")
    parser.add_argument("--all", action="store_true", help="those of `memlab replicate` too")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Lists the presets, or prints one."""
    from memlab import settings
    from memlab.experiment import grid, presets
    from memlab.experiment.network_sizes import network_sizes

    own = settings.presets_folder()
    if options.preset:
        preset = presets.find(options.preset, own)
        if options.json:
            print_json(preset.experiment().model_dump(mode="json"))
        else:
            page(preset.path.read_text(encoding="utf-8").rstrip() + "\n\n")
            for size in network_sizes(preset.experiment()):
                tell(f"# {size.sentence()}")
        return 0
    rows = []
    for preset in presets.find_all(own):
        if preset.replicates and not options.all:
            continue
        experiment = preset.experiment()
        rows.append(
            {
                "name": preset.name,
                "group": preset.group,
                "title": experiment.title,
                "question": experiment.question,
                "source": experiment.source,
                "members": grid.member_count(experiment),
                "path": str(preset.path),
            }
        )
    if options.json:
        print_json(rows)
        return 0
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("preset", no_wrap=True)
    table.add_column("networks", justify="right")
    table.add_column("question")
    for row in rows:
        add_row(table, str(row["name"]), str(row["members"]), str(row["question"]))
    console().print(table)
    return 0

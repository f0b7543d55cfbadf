"""`memlab`: parses the command line, runs one command, and turns errors into sentences."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final, NoReturn

from memlab import __version__
from memlab.cli.output import any_encoding, complain
from memlab.errors import MemlabError

#: Command → (module under memlab.cli, one line of help), in the order of `memlab --help`.
COMMANDS: Final = {
    "run": ("run", "train a preset or experiment file, headless, and print the report"),
    "presets": ("presets", "list the presets, or show one"),
    "schema": ("schema", "the experiment's JSON schema, or a table of its fields"),
    "data": ("data", "list, fetch or verify datasets"),
    "runs": ("runs", "list all runs"),
    "watch": ("watch", "follow a run until it ends"),
    "stop": ("stop", "stop a run, with a checkpoint"),
    "resume": ("resume", "go on with a run that was stopped, interrupted or failed"),
    "fork": ("fork", "the same run up to an epoch, then with other settings"),
    "adopt": ("adopt", "let runs from elsewhere be resumed, forked and reused"),
    "rm": ("rm", "delete runs"),
    "report": ("report", "print a run's report"),
    "compare": ("compare", "compare runs with the first, cell by cell, paired over seeds"),
    "export": ("export", "write what a run measured as csv, parquet or npz"),
    "import": ("importing", "make a run to look at of a log of TensorBoard or a csv table"),
    "probe": ("probe", "measure a run with instruments, from its checkpoints"),
    "inspect": ("inspect", "one example's life: labels, margins, memorization, whom it helps"),
    "suspects": ("suspects", "rank the examples that are most surely mislabelled"),
    "memorize": ("memorize", "who is memorized and whom it helps, by training many networks"),
    "replicate": ("replicate", "check the claims of five papers by running them"),
    "bench": ("bench", "measure training speed against plain PyTorch loops"),
    "doctor": ("doctor", "check device, versions, data, folders and terminal"),
}
INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without a page of usage before it."""

    def error(self, message: str) -> NoReturn:
        """Exits with 2."""
        complain(f"{self.prog}: {message}\nSee {self.prog} --help.")
        self.exit(2)


def parser(chosen: str | None) -> Parser:
    """The parser; only the chosen command's own module is imported."""
    top = Parser(
        prog="memlab",
        description="A laboratory, in a terminal, for what neural networks memorize and what they "
        "learn. Without a command it opens the app.",
        epilog="RUN is a run's id, the start of one, or `last`. MEMLAB_HOME moves every folder.",
    )
    top.add_argument("--version", action="version", version=f"memlab {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    for name, (module, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        if name == chosen:
            import_module(f"memlab.cli.{module}").arguments(command)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; 0 done, 1 failed, 2 bad input, 130 by Ctrl-C, 143 by SIGTERM."""
    any_encoding()
    words = list(sys.argv[1:] if argv is None else argv)
    chosen = next((word for word in words if word in COMMANDS), None)
    try:
        parsed = parser(chosen).parse_args(words)
        if parsed.command is None:
            from memlab.cli import app

            return app.run()
        module = import_module(f"memlab.cli.{COMMANDS[parsed.command][0]}")
        return int(module.run(parsed))
    except MemlabError as error:
        complain(f"memlab: {error}")
        return error.exit_code
    except KeyboardInterrupt as error:
        return int(getattr(error, "exit_code", INTERRUPTED))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())

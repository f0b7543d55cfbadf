"""What is done to a stranger's run rather than looked at: stop, resume, fork, adopt, delete.

Once it is ours, its review is applied too, to a file that is there and must stay as it is.

A worker is never started: what `lifecycle` would launch is only noted. Before the run is adopted,
nothing may be launched and nothing in it changed; at no time anything outside it.
"""

from __future__ import annotations

from typing import Any

from tests.torture import viewers
from tests.torture.forked import Say

RUN = viewers.RUN
STRANGE = {
    "stop": ("stop", RUN),
    "resume": ("resume", RUN, "--detach"),
    "fork": ("fork", RUN, "--at", "1", "--set", "learning_rate=0.1", "--detach"),
}
OURS = {
    "adopt": ("adopt", RUN),
    "apply adopted": ("suspects", RUN, "--apply", "--seeds", "0", "--to", "/dev/null"),
    "resume adopted": ("resume", RUN, "--detach"),
    "rm": ("rm", "--yes", RUN),
}


def warm_up() -> None:
    """Imports what applying a review needs."""

    import memlab.library.correcting  # noqa: F401


def act(run: str, commands: dict[str, tuple[str, ...]], say: Say) -> None:
    """Calls the commands in turn; says what is wrong with each."""
    from memlab.cli.main import COMMANDS
    from memlab.runs import lifecycle

    launched: list[str] = []

    def launch(folder: Any, *more: Any) -> int:
        launched.append(str(folder))
        return 0

    lifecycle.launch = launch
    for name, words in commands.items():
        if words[0] not in COMMANDS:
            continue
        say({"begin": name})
        printed = viewers.call_words(words, run)
        wrong = viewers.complaints(name, printed, "")
        if launched and commands is STRANGE:
            wrong.append("a stranger's run was given a worker")
            launched.clear()
        say({"end": name, "complaints": wrong})

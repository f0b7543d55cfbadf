"""`make shots`: pictures (SVG) of the real app on a real run, into docs/shots/.

Trains the default preset in a folder of its own, takes Watch while it runs, and the other screens
once it has finished. `--invented` uses invented figures in place of training, for a quick look;
`--board HOME` takes the Scoreboard with the runs of `memlab replicate` in that home.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "tui")]
SHOTS = ROOT / "docs" / "shots"
SIZES = ((160, 45), (80, 24))
WAIT_SECONDS = 300.0
SETTLE_BOARD = 60  # looks until all claims are measured
LIVE_FROM = 0.45  # of the run, where the lies are being learned

# screen, keys to press on it
AFTER = {
    "report": ("report", ()),
    "library": ("library", ()),
    "members": ("watch", ("down", "down", "enter")),
    "member": ("watch", ("down", "down", "enter", "enter")),
    "zoom": ("watch", ("z",)),
    "finished": ("watch", ()),
    "help": ("watch", ("question_mark",)),
    "instruments": ("watch", ("i", *8 * ("down",))),
    "instruments-report": ("report", ("tab", "enter")),
}
#: With a home that has the runs of `memlab replicate`; the keys lead to the claim F1.
BOARD = {
    "scoreboard": ("scoreboard", ()),
    "claim": ("scoreboard", (*29 * ("down",), "enter")),
}


async def shot(
    name: str, screen: str, keys: tuple[str, ...], run_id: str, into: Path, looks: int = 8
) -> None:
    """One picture per size, after so many looks; the wide one has the plain name."""
    from settle import settle

    from memlab.tui.app import MemlabApp

    class Quiet(MemlabApp):
        """Starts no worker ahead of need."""

        prewarm = False

    for size in SIZES:
        app = Quiet(open_run=run_id, screen=screen)
        async with app.run_test(size=size) as pilot:
            await settle(pilot, looks)
            for key in keys:
                await pilot.press(key)
                await settle(pilot, 4)
            suffix = "" if size == SIZES[0] else f"-{size[0]}x{size[1]}"
            path = into / f"{name}{suffix}.svg"
            path.write_text(app.export_screenshot(title="memlab"), encoding="utf-8")
            print(path)


def train(home: Path) -> str:
    """Starts the default preset; its run id once the lies are being learned."""
    from memlab.runs.run_folder import find
    from memlab.runs.view import RunView

    command = [sys.executable, "-m", "memlab", "run", "noise-ladder", "--detach"]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    view = RunView(find(home / "runs", "last"))
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        view.refresh()
        progress = view.progress
        if view.state.final or (progress is not None and progress.fraction >= LIVE_FROM):
            return view.folder.id
        time.sleep(0.05)
    raise SystemExit("the run never got that far")


def wait_for_end(home: Path, run_id: str) -> None:
    """Until the run has finished."""
    from memlab.runs.run_folder import RunFolder

    folder = RunFolder(home / "runs" / run_id)
    end = time.monotonic() + WAIT_SECONDS
    while not folder.state.final and time.monotonic() < end:
        time.sleep(0.2)
    if folder.state.state != "finished":
        raise SystemExit(f"the run is {folder.state.state}: {folder.state.message}")


def main() -> None:
    """Parses the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--invented", action="store_true", help="invented figures, no training")
    parser.add_argument("--board", type=Path, help="a home with the runs of memlab replicate")
    parser.add_argument("--into", type=Path, default=SHOTS, help="folder of the pictures")
    arguments = parser.parse_args()
    arguments.into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ |= {"MEMLAB_HOME": folder, "COLORTERM": "truecolor", "TERM": "xterm-256color"}
        asyncio.run(shot("compose", "compose", (), "", arguments.into))
        if arguments.invented:
            from synthetic_run import start

            run = start(home / "runs")
            run.grow(64)
            run_id = run.folder.id
        else:
            run_id = train(home)
        asyncio.run(shot("watch", "watch", (), run_id, arguments.into))
        if arguments.invented:
            run.grow(37)
            run.end("finished")
        else:
            wait_for_end(home, run_id)
        for name, (screen, keys) in AFTER.items():
            asyncio.run(shot(name, screen, keys, run_id, arguments.into))
    if arguments.board is not None:
        os.environ["MEMLAB_HOME"] = str(arguments.board)
        for name, (screen, keys) in BOARD.items():
            asyncio.run(shot(name, screen, keys, "", arguments.into, SETTLE_BOARD))


if __name__ == "__main__":
    main()

"""Every screen as text at both sizes, compared with a file of `snapshots/`.

`MEMLAB_RENEW=1 make test` (or pytest on this file alone) writes the files anew; look at the
difference before keeping it. Text, not SVG, so that another version of Textual changes nothing.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import count, groupby
from pathlib import Path

import pytest
from instrumented_run import ladder
from memorized_run import memorized
from settle import settle, until
from synthetic_run import LADDER, SyntheticRun, start
from textual.pilot import Pilot

from memlab.experiment import presets
from memlab.runs import run_folder
from memlab.text import slug
from memlab.tui.app import MemlabApp
from memlab.tui.compose import cost
from memlab.tui.compose.noise_pane import NoisePane
from memlab.tui.compose.preview_client import PreviewClient

SNAPSHOTS = Path(__file__).parent / "snapshots"
STAND_IN = str(Path(__file__).parent / "preview_stand_in.py")
SIZES = [(80, 24), (160, 45)]
START = 1795425300.0  # 23 November 2026, 09:15 UTC
WIDTHS = LADDER.replace("Noise ladder", "Widths").replace(
    '"corruption.fraction" = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]', '"model.width" = [16, 64]'
)


class Quiet(MemlabApp):
    """Starts no worker ahead of need."""

    prewarm = False


@dataclass
class World:
    """A folder with a finished, an interrupted and a living run, at a fixed time.

    A run with instruments and baselines, living or finished, joins them where it is asked for.
    """

    home: Path
    finished: SyntheticRun
    interrupted: SyntheticRun
    living: SyntheticRun

    @cached_property
    def measuring(self) -> SyntheticRun:
        """Still running."""
        return ladder(Path("runs"))

    @cached_property
    def measured(self) -> SyntheticRun:
        """Finished."""
        run = ladder(Path("runs"))
        run.end("finished")
        return run

    @cached_property
    def memorized(self) -> SyntheticRun:
        """Finished, with scores by retraining."""
        return memorized(Path("runs"))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The same to the last letter, whenever and wherever it is made."""
    numbers = count()
    monkeypatch.setattr(time, "time", lambda: START + next(numbers) / 64)
    monkeypatch.setattr(secrets, "choice", lambda letters: letters[0])
    monkeypatch.setattr(run_folder, "_reserve", _numbered(count(1)))
    monkeypatch.setattr(cost, "NVIDIA", ())
    monkeypatch.setattr(presets, "shipped_folder", lambda: SNAPSHOTS.parent / "presets")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(PreviewClient.__init__, "__defaults__", ((), (sys.executable, STAND_IN)))
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    time.tzset()
    finished = start(Path("runs"))
    finished.grow(101)
    finished.end("finished")
    interrupted = start(Path("runs"), WIDTHS)
    interrupted.grow(10)
    interrupted.end("interrupted")
    living = start(Path("runs"))
    living.grow(64)
    monkeypatch.setattr(time, "time", lambda: START + 600)
    return World(tmp_path, finished, interrupted, living)


def _numbered(numbers: count) -> Callable[[Path, str], Path]:
    def reserve(runs_folder: Path, name: str) -> Path:
        number = next(numbers)
        path = runs_folder / f"20261123-09{15 + number}-{slug(name, 'run')}-k3f{number}"
        path.mkdir()
        return path

    return reserve


Keys = tuple[str, ...]
WITHIN, CLASSES, CURVATURE, DENSITY = 7, 20, 31, 41  # rows of the list
CASES: dict[str, tuple[str, str, Keys]] = {
    "compose": ("compose", "", ()),
    "compose-form": ("compose", "", ("tab",)),
    "compose-noise": ("compose", "", ("tab", "tab")),
    "compose-error": ("compose", "", ("tab", "down", "enter", *"many", "enter")),
    "compose-values": ("compose", "", ("tab", "t")),
    "compose-save": ("compose", "", ("s",)),
    "watch": ("watch", "living", ()),
    "watch-highlighted": ("watch", "living", ("down", "down")),
    "watch-pictures": ("watch", "living", ("m",)),
    "watch-zoom": ("watch", "living", ("z",)),
    "watch-losses": ("watch", "living", ("a",)),
    "watch-instruments": ("watch", "measuring", ()),
    "instruments": ("watch", "measuring", ("i", *["down"] * WITHIN)),
    "instruments-matrix": ("watch", "measuring", ("i", *["down"] * CLASSES, "right")),
    "instruments-spectrum": ("watch", "measuring", ("i", *["down"] * DENSITY)),
    "instruments-ledger": ("watch", "measuring", ("i",)),
    "instruments-failed": ("watch", "measuring", ("i", *["down"] * CURVATURE)),
    "watch-stop": ("watch", "living", ("s",)),
    "watch-finished": ("watch", "finished", ()),
    "watch-interrupted": ("watch", "interrupted", ()),
    "watch-nothing": ("watch", "", ()),
    "members": ("watch", "finished", ("down", "down", "enter")),
    "member": ("watch", "finished", ("down", "down", "enter", "enter")),
    "log": ("watch", "finished", ("l",)),
    "help": ("watch", "living", ("question_mark",)),
    "report": ("report", "finished", ()),
    "report-sides": ("report", "measured", ()),
    "report-unfolded": ("report", "measured", ("tab", "tab", "enter")),
    "report-baselines": ("report", "measured", ("end", "pageup")),
    "report-no-sides": ("report", "finished", ("end",)),
    "report-unfinished": ("report", "living", ()),
    "report-memorized": ("report", "memorized", ("end", "pageup")),
    "microscope": ("report", "memorized", ("v", "slash", *"104", "enter")),
    "microscope-lie": ("watch", "memorized", ("v", "l", "right")),
    "microscope-margins": ("report", "memorized", ("v", "p")),
    "microscope-others": ("report", "memorized", ("v", "p", "p", "slash", *"104", "enter", "tab")),
    "microscope-find": ("report", "memorized", ("v", "slash", *"7", "enter")),
    "library": ("library", "", ()),
    "library-marked": ("library", "", ("space", "end", "space")),
    "library-delete": ("library", "", ("end", "x")),
    "compare": ("library", "", ("down", "space", "end", "space", "v")),
}

WITHOUT_RUNS = ("watch-nothing",)


async def pictured(pilot: Pilot[None], screen: str, keys: Keys) -> str:
    app = pilot.app
    await until(
        pilot, lambda: app.current_mode == screen and bool(app.screen.query("KeyLine")), 2000
    )
    if screen == "compose":
        pane = app.screen.query_one(NoisePane)
        await until(pilot, lambda: pane.preview is not None, 4000)
    await settle(pilot, 8)
    for _, same in groupby(keys):  # moving along needs no look at each place
        await pilot.press(*same)
        await settle(pilot)
    await settle(pilot, 8)
    return "\n".join(line.text.rstrip() for line in app.screen._compositor.render_strips()) + "\n"


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("case", CASES)
async def test_screen_looks_as_it_did(world: World, case: str, size: tuple[int, int]) -> None:
    screen, which, keys = CASES[case]
    run_id = getattr(world, which).folder.id if which else None
    app = Quiet(open_run=run_id, screen=screen)
    app.runs_folder = Path("runs") if case not in WITHOUT_RUNS else Path("none")
    async with app.run_test(size=size) as pilot:
        text = await pictured(pilot, screen, keys)
    path = SNAPSHOTS / f"{case}-{size[0]}x{size[1]}.txt"
    if os.environ.get("MEMLAB_RENEW"):
        path.write_text(text, encoding="utf-8")
    assert text.splitlines() == path.read_text(encoding="utf-8").splitlines()

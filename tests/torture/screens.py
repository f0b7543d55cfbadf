"""The app's Library, Watch, Report, Log and Review on one run, headless, driven by a Pilot."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.torture.forked import Say
from tests.torture.viewers import FORBIDDEN

if TYPE_CHECKING:
    from textual.pilot import Pilot

SIZE = (120, 40)
SCREENS = ("library", "watch", "log", "report", "review")


def warm_up() -> None:
    """Imports the app and its screens."""
    import memlab.tui.app
    import memlab.tui.library.screen
    import memlab.tui.report.screen
    import memlab.tui.review.screen
    import memlab.tui.watch.log
    import memlab.tui.watch.screen  # noqa: F401
    from memlab.tui.app import MemlabApp

    MemlabApp.prewarm = False


def visit(run: str, say: Say) -> None:
    """Opens every screen on `run`, says what is wrong with each, and quits."""
    asyncio.run(_visit(run, say))


async def _visit(run: str, say: Say) -> None:
    from memlab.tui.app import MemlabApp
    from memlab.tui.watch.log import LogScreen

    app = MemlabApp(open_run=run, screen="library")
    async with app.run_test(size=SIZE) as pilot:
        for name in SCREENS:
            say({"begin": f"app {name}"})
            app.selected_run = run
            if name == "log":
                app.push_screen(LogScreen())
            elif name == "review":
                app.show_review(run)
            else:
                app.action_mode(name)
            await _settled(pilot)
            found = _unclean(pilot)
            if name == "library" and "neighbour" not in _shown(pilot):
                found.append("does not list the good run beside it")
            say({"end": f"app {name}", "complaints": found})
        say({"begin": "app quit"})
        await app.action_quit()
    say({"end": "app quit", "complaints": []})


async def _settled(pilot: Pilot[None]) -> None:
    """Until no thread reads any more; that a reader hangs is for the parent to see."""
    for _ in range(3):
        while not all(worker.is_finished for worker in pilot.app.workers):
            await asyncio.sleep(0.05)
        await pilot.pause()


def _shown(pilot: Pilot[None]) -> str:
    """What is on the screen, as one text."""
    size = pilot.app.size
    lines = pilot.app.screen._compositor.render_strips(size)
    return "\n".join("".join(segment.text for segment in strip) for strip in lines)


def _unclean(pilot: Pilot[None]) -> list[str]:
    text = _shown(pilot)
    if bad := FORBIDDEN.search(text):
        around = text[max(0, bad.start() - 30) : bad.end() + 20]
        return [f"shows U+{ord(bad[0]):04X}: {around!a}"]
    return []

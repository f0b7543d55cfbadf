"""The app with a real worker, and apps that end in every way while the worker goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from real_run import ended, launched
from settle import settle, until_process
from terminal import Terminal

from memlab.runs import lifecycle
from memlab.runs.run_folder import RunFolder
from memlab.runs.view import RunView
from memlab.tui.app import MemlabApp
from tests.patience import SECONDS, wait_for

PROGRAM = Path(__file__).parent / "launch_to_report.py"


class Quiet(MemlabApp):
    """Starts no worker ahead of need."""

    prewarm = False


def epochs_of(folder: RunFolder) -> float:
    view = RunView(folder)
    progress = view.progress
    return progress.epoch if progress is not None else -1.0


def test_keys_alone_lead_from_launch_to_the_report_and_the_app_never_imports_torch(home) -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM)], capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["said"].startswith("Finished")
    assert seen["points"] == [5]
    assert seen["same_sentence"]
    assert seen["rows"] == 2
    assert seen["library"] == [seen["run"]]
    assert seen["torch"] == []


def state_in(app: MemlabApp) -> str:
    state = getattr(app.screen, "run_state", None)
    return state.state if state is not None else ""


async def test_worker_obeys_the_keys_of_one_app_and_another_app_sees_it(home) -> None:
    folder = launched(home, epochs=1_000_000)
    one, other = (Quiet(open_run=folder.id, screen="watch") for _ in range(2))
    async with (
        one.run_test(size=(80, 24)) as first,
        other.run_test(size=(160, 45)) as second,
    ):

        async def both(state: str) -> None:
            await until_process(second, lambda: {state_in(one), state_in(other)} == {state})

        await both("running")
        await until_process(first, lambda: epochs_of(folder) >= 1)
        await first.press("space")
        await both("paused")
        stood = epochs_of(folder)
        await settle(first)
        assert epochs_of(folder) == stood
        await second.press("space")
        await both("running")
        await until_process(first, lambda: epochs_of(folder) > stood)
        await second.press("s", "enter")
        await both("interrupted")
        assert list((folder.path / "checkpoints").iterdir())
        stood = epochs_of(folder)
        await first.press("4")
        await until_process(first, lambda: first.app.screen.check_action("resume", ()))
        await first.press("u")
        await both("running")
        await until_process(first, lambda: epochs_of(folder) > stood)


def test_an_app_killed_and_an_app_hung_up_leave_the_run_to_its_end(home) -> None:
    folder = launched(home, epochs=200)
    lifecycle.request(folder, "pause")
    wait_for(lambda: folder.state.state == "paused")
    killed = Terminal("watch", folder.id)
    dropped = Terminal("watch", folder.id, term="screen")
    try:
        killed.until(b"paused")
        dropped.until(b"paused")
        killed.process.kill()
        assert killed.process.wait(SECONDS) == -signal.SIGKILL
        dropped.hang_up()
        assert dropped.process.wait(SECONDS) == 0
        assert folder.state.living
        lifecycle.request(folder, "resume")
        assert ended(folder).state.state == "finished"
        assert epochs_of(folder) == 200
    finally:
        killed.close()
        dropped.close()

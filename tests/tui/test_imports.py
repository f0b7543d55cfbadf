from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from synthetic_run import start

from tests.patience import SECONDS

HEAVY = ("torch", "torchvision", "scipy", "sklearn", "matplotlib", "pandas", "PIL")
PROGRAM = """
import asyncio, sys
from memlab.tui.app import MemlabApp
MemlabApp.prewarm = False
before = set(sys.modules)

async def main():
    app = MemlabApp()
    async with app.run_test(size=(120, 40)) as pilot:
        while not app.screen.query("#presets") or app.screen._shelf is None:
            await pilot.pause()
        composed = set(sys.modules)
        app.selected_run = sys.argv[1]
        for key in ("4", "2", "3", "5", "1"):
            await pilot.press(key)
            for _ in range(4):
                await app.workers.wait_for_complete()
                await pilot.pause()
    return composed

composed = asyncio.run(main())
names = lambda modules: sorted({name.partition(".")[0] for name in modules})
print(*names(before)); print(*names(composed)); print(*names(sys.modules))
"""


def test_the_app_process_never_imports_torch_and_numpy_only_after_the_first_screen(
    tmp_path: Path,
) -> None:
    run = start(tmp_path / "runs")
    run.grow(5, pictures=0)
    run.end("finished")
    environment = {**os.environ, "MEMLAB_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, run.folder.id],
        capture_output=True,
        text=True,
        env=environment,
        timeout=SECONDS,
        check=True,
    )
    first, composed, later = (set(line.split()) for line in done.stdout.splitlines()[-3:])
    assert not first & {"pydantic", "numpy", *HEAVY}
    assert "pydantic" in composed
    assert not composed & {"numpy", *HEAVY}
    assert not later & {*HEAVY} - {"scipy"}  # Report needs Student's t


def test_help_and_commands_of_the_line_import_no_textual() -> None:
    program = (
        "import sys; from memlab.cli.main import parser; parser(None);"
        "print('textual' in sys.modules, 'pydantic' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=SECONDS, check=True
    )
    assert done.stdout.split() == ["False", "False", "False"]

"""What the screens show of a run that a loop of its own recorded, live and ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from settle import settle
from stand_in import StandIn

from memlab.experiment.metrics import METRICS, TRAIN_ACCURACY, TRAIN_LOSS, VALIDATION_ACCURACY
from memlab.experiment.reading import validate
from memlab.runs.recorded_files import Attempt, RunFiles, create
from memlab.settings import HOME_VARIABLE
from memlab.tui.library.screen import LibraryScreen
from memlab.tui.report.screen import ReportScreen
from memlab.tui.watch.screen import WatchScreen
from memlab.tui.watch.steering import STEERING
from memlab.tui.widgets.chart import BrailleChart
from memlab.tui.widgets.progress import ProgressLine


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunFiles]:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    tree = {
        "title": "my loop",
        "recorded": {"network": "ResNet", "optimizer": "AdamW", "examples": 1437, "ledger": True},
        "evaluation": {"parts": ["train", "validation"]},
    }
    folder, lock = create("my loop", validate(tree, "test"))
    files = RunFiles(folder, lock, Attempt())
    files.say("running", device="cpu")
    files.events.append("stack-started", stack=0, members=[0], classes=10, train_examples=1437)
    for epoch in range(1, 9):
        figures = {TRAIN_LOSS: 1 / epoch, TRAIN_ACCURACY: 1 - 1 / epoch, VALIDATION_ACCURACY: 0.5}
        files.row(epoch, epoch, float(epoch), 32, dict.fromkeys(METRICS, np.nan) | figures)
        files.logged("grad norm", float(epoch), epoch, float(epoch))
    files.progress(8, 8, 100.0, 8.0, (0, 0.0))
    yield files
    files.close()


def charts(app: StandIn) -> list[str]:
    return [str(chart.id) for chart in app.screen.query(BrailleChart) if chart.display]


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
async def test_watch_shows_it_live_and_no_key_that_a_worker_answers(
    recorded: RunFiles, size: tuple[int, int]
) -> None:
    folder = recorded.folder
    app = StandIn(folder.path.parent, WatchScreen(), folder.id)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, WatchScreen)
        assert not any(screen.check_action(action, ()) for action in STEERING)
        assert "lies" not in charts(app)
        assert len(charts(app)) == (1 if size[0] == 80 else 3)
        progress = screen.query_one(ProgressLine).progress
        assert (progress.state, progress.epoch) == ("running", 8.0)
        assert progress.fraction is progress.remaining is None
        text = app.export_screenshot().replace("&#160;", " ")
        for word in ("ResNet", "1,437", "AdamW", "unseen"):
            assert word in text
        for word in ("digits", "mlp", "left", "lies", "truth"):
            assert word not in text
        assert size[0] == 80 or "grad" in text


async def test_the_library_offers_no_resuming_of_what_no_worker_led(recorded: RunFiles) -> None:
    recorded.say("interrupted", "The loop was ended by KeyboardInterrupt.")
    app = StandIn(recorded.folder.path.parent, LibraryScreen())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert app.screen.check_action("review", ())  # the run is under the cursor
        assert not app.screen.check_action("resume", ())


async def test_the_report_shows_what_there_is(recorded: RunFiles) -> None:
    recorded.events.append("finished", message="")
    recorded.say("finished")
    folder = recorded.folder
    app = StandIn(folder.path.parent, ReportScreen(), folder.id)
    async with app.run_test(size=(160, 45)) as pilot:
        await settle(pilot)
        text = app.export_screenshot().replace("&#160;", " ")
        assert "validation" in text
        for word in ("baselines", "run it again", "lies", "memorizing cost", "digits"):
            assert word not in text, word
        assert not app.screen.query_one("#instruments-heading").display
        assert not app.screen.check_action("copy", ())

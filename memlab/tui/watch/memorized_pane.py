"""The pictures that are being memorized at this moment, repainted once a second at most."""

from __future__ import annotations

import time

from textual.app import ComposeResult
from textual.containers import Vertical

from memlab.tui.plain_lines import framed
from memlab.tui.watch.reader import WatchFrame
from memlab.tui.widgets.picture import PictureStrip

PICTURE_SECONDS = 1.0
SMALL_SIDE = 8  # pixels of what counts as small
SMALL, LARGE = 5, 8  # lines of a row of pictures of 8 × 8 pixels, and of larger ones


class MemorizedPane(Vertical):
    """A framed row of pictures; its title says of which axis value."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown_at = 0.0
        self._frame: WatchFrame | None = None
        self._titles: tuple[str, str] | None = None

    def compose(self) -> ComposeResult:
        yield PictureStrip(id="pictures", empty="no lie has been memorized yet")

    def prepare(self, small: bool) -> None:
        """Gives the pictures the room they need."""
        self.query_one(PictureStrip).styles.height = SMALL if small else LARGE

    def forget(self) -> None:
        """Another run is coming."""
        self.hurry()
        self.query_one(PictureStrip).set_pictures([])

    def hurry(self) -> None:
        """The next frame is shown at once."""
        self._shown_at = 0.0

    def show(self, frame: WatchFrame, label: str) -> None:
        """The pictures of a frame, unless others came just before; `label` is the axis value's."""
        now = time.monotonic()
        if not self.display or now - self._shown_at < PICTURE_SECONDS:
            return
        if frame is self._frame and self._shown_at:
            return
        self._shown_at, self._frame = now, frame
        where = f" ({label})" if label else ""
        title = f"{'memorized last' if frame.state.final else 'being memorized now'}{where}"
        if self._titles != (title, frame.pictures_note):
            self._titles = title, frame.pictures_note
            self.border_title, self.border_subtitle = framed(title), framed(frame.pictures_note)
        self.query_one(PictureStrip).set_pictures(frame.pictures)

"""The last line of a screen: its keys, as many as fit; the rest are behind `? more`.

One widget on the line API in place of Textual's footer, whose widgets are made anew whenever a
key appears or goes, and which cuts off what does not fit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.dom import DOMNode
from textual.screen import Screen

from memlab.tui.widgets.painted_lines import PaintedLines, Piece

HELP, PALETTE = "help", "command_palette"
GAP = 2


@dataclass(frozen=True)
class Key:
    """A key with its word, and what it does on which node."""

    key: str
    word: str
    action: str
    node: DOMNode | None = None

    @property
    def width(self) -> int:
        """Cells of both."""
        return cell_len(self.key) + (1 + cell_len(self.word) if self.word else 0)


def fitting(keys: Iterable[Key], width: int) -> tuple[list[Key], bool]:
    """As many of the first keys as fit into so many cells, and whether all did."""
    shown: list[Key] = []
    for key in keys:
        width -= key.width + GAP
        if width < 0:
            return shown, False
        shown.append(key)
    return shown, True


class KeyLine(PaintedLines):
    """The keys of the focused widget, then of the screen; help and commands always at the end."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"keys--key", "keys--word"}
    DEFAULT_CSS = """
    KeyLine {
        dock: bottom;
        height: 1;
        background: $footer-background;
        & > .keys--key { color: $footer-key-foreground; text-style: bold; }
        & > .keys--word { color: $footer-description-foreground; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._keys: list[Key] = []
        self._placed: list[tuple[int, Key]] = []  # first column, key

    @property
    def shown(self) -> list[str]:
        """The words on the line, from left to right."""
        return [key.word for _, key in self._placed]

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)
        self._changed(self.screen)

    def on_unmount(self) -> None:
        self.screen.bindings_updated_signal.unsubscribe(self)

    def _changed(self, screen: Screen[object]) -> None:
        keys = list(self._active()) if screen is self.screen else self._keys
        if keys != self._keys:
            self._keys = keys
            self.repaint()

    def _active(self) -> Iterable[Key]:
        seen: set[str] = set()
        for node, binding, enabled, _ in self.screen.active_bindings.values():
            here = binding.show and enabled and node is not self.app
            if here and binding.action not in seen:
                seen.add(binding.action)
                display = self.app.get_key_display(binding)
                yield Key(display, binding.description, binding.action, node)

    def _arranged(self, width: int) -> list[tuple[int, Key]]:
        last = [Key("?", "help", HELP), Key("^p", "commands", PALETTE)]
        room = width - 2 - sum(key.width + GAP for key in last)
        shown, all_fit = fitting(self._keys, room)
        if not all_fit:
            last = [Key("?", "more", HELP), Key("^p", "commands" if width >= 110 else "", PALETTE)]
            shown, _ = fitting(self._keys, width - 1 - sum(key.width + GAP for key in last))
        line: list[tuple[int, Key]] = []
        x = 1
        for key in shown:
            line.append((x, key))
            x += key.width + GAP
        x = max(x, width - 1 - sum(key.width for key in last) - GAP)
        for key in last:
            line.append((x, key))
            x += key.width + GAP
        return line

    def line(self, y: int) -> list[Piece]:
        key_style, word_style = self.style_of("keys--key"), self.style_of("keys--word")
        self._placed = self._arranged(self.size.width)
        pieces, x = list[Piece](), 0
        for start, key in self._placed:
            pieces += [(" " * (start - x), word_style), (key.key, key_style)]
            if key.word:
                pieces.append((f" {key.word}", word_style))
            x = start + key.width
        return pieces

    def on_click(self, event: events.Click) -> None:
        """Does what the key would."""
        for start, key in self._placed:
            if start <= event.x < start + key.width:
                self.app.call_later(self.app.run_action, key.action, key.node or self.app)

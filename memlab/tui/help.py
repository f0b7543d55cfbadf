"""Help: what the screen it was asked on is about (`ABOUT`), and the keys of its own bindings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from memlab.tui.plain_lines import framed

FAMILIAR = (
    "scroll",
    "cursor",
    "page_",
    "screen.copy",
    "focus",
    "app.focus",
    "help_quit",
    "suspend",
)


class Help(ModalScreen[None]):
    """A sheet over the screen; escape or ? closes it."""

    DEFAULT_CSS = """
    Help {
        align: center middle;
        & > VerticalScroll {
            width: 76;
            max-width: 96%;
            height: auto;
            max-height: 92%;
            padding: 1 3;
            scrollbar-size-vertical: 1;
            border: round $border;
            border-title-color: $accent;
            border-title-style: bold;
            border-subtitle-color: $foreground 65%;
            background: $surface;
        }
        & Static { height: auto; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,q", "dismiss", "close", key_display="esc"),
    ]

    def __init__(self, title: str, content: Content) -> None:
        super().__init__()
        self._title, self._content = title, content

    def compose(self) -> ComposeResult:
        with VerticalScroll() as sheet:
            sheet.border_title = framed(f"{self._title} ")
            sheet.border_subtitle = "esc closes"
            yield Static(self._content)


def help_on(screen: Screen[object]) -> Help:
    """The sheet for a screen as it stands: its keys, then those of what has the focus."""
    title = str(screen.title or type(screen).__name__.removesuffix("Screen"))
    parts: list[Content] = []
    if about := getattr(screen, "ABOUT", ""):
        parts += [Content(about), Content("")]
    for heading, keys in _sections(screen):
        parts.append(Content.styled(heading, "bold"))
        width = max(len(key) for key, _ in keys)
        parts += [
            Content.assemble((f"  {key.ljust(width)}", "$accent"), "   ", text)
            for key, text in keys
        ]
        parts.append(Content(""))
    return Help(title, Content("\n").join(parts[:-1]))


def _sections(screen: Screen[object]) -> list[tuple[str, list[tuple[str, str]]]]:
    groups: dict[str, list[ActiveBinding]] = {
        "this screen": [],
        "in the list": [],
        "everywhere": [],
    }
    for active in screen.active_bindings.values():
        groups[_place(active.node, screen)].append(active)
    made = []
    for heading, bindings in groups.items():
        keys = _lines(screen, bindings)
        if keys:
            made.append((heading, keys))
    return made


def _place(node: DOMNode, screen: Screen[object]) -> str:
    if node is screen.app:
        return "everywhere"
    return "this screen" if node is screen else "in the list"


def _lines(screen: Screen[object], bindings: Iterable[ActiveBinding]) -> list[tuple[str, str]]:
    found: dict[str, list[str]] = {}
    for _, binding, enabled, _ in bindings:
        familiar = binding.action.startswith(FAMILIAR) or not binding.description
        if enabled and not familiar and not binding.system:
            keys = found.setdefault(binding.description, [])
            shown = screen.app.get_key_display(binding)
            if shown not in keys:
                keys.append(shown)
    return [("  ".join(keys), text) for text, keys in found.items()]

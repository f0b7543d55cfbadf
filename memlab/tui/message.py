"""Lines of text on a screen, updated only where they change; `#message` is where it says things."""

from __future__ import annotations

from rich.text import Text
from textual.dom import DOMNode
from textual.widgets import Static

from memlab.text import lines


def put(node: DOMNode, selector: str, text: Text | str) -> None:
    """Shows `text` in the line of that selector."""
    line, text = node.query_one(selector, Static), lines(text) if isinstance(text, str) else text
    if line.content != text:
        line.update(text)


def say(node: DOMNode, text: str, error: bool = False) -> None:
    """Says something in the message line; it is hidden where there is nothing to say."""
    put(node, "#message", text)
    line = node.query_one("#message", Static)
    line.set_class(bool(text), "-shown")
    line.set_class(error, "-error")

"""The one door for text from files, folder names and data on its way to a person.

Whatever a run folder, a dataset or a folder's name says may carry escape sequences, bidirectional
overrides, invisible characters or half a surrogate pair. Text goes out through `plain` (one line)
or `lines` (several); `painted` stands behind both, where whole screens go out. What Python does
not call printable becomes `�`, any kind of space a space; nothing is dropped where it could be
seen. What a number or a file's structure may be is not known here: that is `strict_json`.
"""

from __future__ import annotations

import re

LINE = 4_000  # characters of one line
REPLACEMENT = "\ufffd"
CUT = "…"
NO_BREAK_SPACE = "\u00a0"  # not printable to Python, and harmless
#: Printable to Python, and yet nothing to see: fillers, variation selectors, tags.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\U000e0000-\U000e0fff]")
_ODD = re.compile("[^ -~]")


def plain(value: object, limit: int = LINE) -> str:
    """The value as one line that is safe to show, at most `limit` characters (from 1).

    >>> plain("a\\x1b]0;b\\n\\u202ec")
    'a�]0;b �c'
    """
    text = value if isinstance(value, str) else _worded(value)
    if len(text) > limit:
        text = text[: limit - 1] + CUT
    if text.isprintable() and (text.isascii() or _UNSEEN.search(text) is None):
        return text
    return _ODD.sub(_shown, text)


def lines(value: object, limit: int | None = None) -> str:
    """The value as safe text that keeps its line breaks (`\\r\\n` is one), whole without a limit.

    >>> lines("one\\r\\ntwo\\x07")
    'one\\ntwo�'
    """
    text = value if isinstance(value, str) else _worded(value)
    if limit is not None and len(text) > limit:
        text = text[: limit - 1] + CUT
    return "\n".join(plain(line, len(line) + 1) for line in text.replace("\r\n", "\n").split("\n"))


def slug(title: str, otherwise: str) -> str:
    """A title as part of a file's name: lower case letters, digits and hyphens, 40 at most.

    >>> slug("Noise ladder, again!", "run"), slug("…", "run")
    ('noise-ladder-again', 'run')
    """
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40].strip("-") or otherwise


def painted(text: str, keep: str = "") -> str:
    """The text in as many cells of a terminal as before, without what could steer one.

    The last door of a screen, where layout is done: what takes no cell goes, what takes some is
    replaced by as many `�`. Characters of `keep`, such as line breaks, stay.
    """
    if text.isprintable():
        return text
    from rich.cells import cell_len

    return "".join(
        each
        if each.isprintable() or each in keep or each == NO_BREAK_SPACE
        else (" " if each.isspace() else REPLACEMENT) * cell_len(each)
        for each in text
    )


def _shown(found: re.Match[str]) -> str:
    character = found[0]
    if character.isspace():
        return " "
    seen = character.isprintable() and _UNSEEN.match(character) is None
    return character if seen else REPLACEMENT


def _worded(value: object) -> str:
    """As `str`, but for what has no words: an integer of thousands of digits, a nest too deep."""
    try:
        return str(value)
    except (ValueError, RecursionError, OverflowError):
        return f"{type(value).__name__} too large to show"

"""Values that nobody sane would write: in JSON, in TOML, and as texts."""

from __future__ import annotations

import json
import math
import random
from typing import Any

DEEP = "\0deep:"  # stands for raw text that the encoders would not write
ESCAPES = (
    "\x1b[2J\x1b[31mred",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]0;title\x07",
    "\x9b31m",
    "\x90q\x9c",
    "a\rb",
    "a\x08\x08b",
    "a\x00b",
    "tab\tand\x0bvertical\x0cfeed",
    "\x7f",
    "line\nand\nline",
)
DIRECTIONS = ("\u202egnp.exe", "\u2066a\u2067b\u2069", "\u200fright", "\u061c", "\u2028sep\u2029")
MARKUP = (
    "[/x]",
    "[bold]bold[/bold]",
    "photo[copy].png",
    "[@click=app.quit]quit[/]",
    "[link=http://evil.example]x[/link]",
    "[/",
    "\\[",
    "{0.__class__}",
    "%s%n",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "]]>",
    "`rm -rf`",
    "| a | b |",
    "$(touch pwned)",
    "../../../../etc/passwd",
    "/dev/zero",
)
LONG = ("x" * 5000, "é" * 70000, "界" * 3000, "🏴" * 500, "a\u0301" * 1000, "e" + "\u0301" * 5000)
SURROGATES = ("\ud800", "x\udcff", "\udc80\ud800")
TEXTS = (*ESCAPES, *DIRECTIONS, *MARKUP, *LONG, "", " ", "nan", "-0", "\ufeff", "\ufffe")
WHOLE = (0, -1, -5, 1, 2, 7, 255, 10**6, 10**8, 2**31, 2**63, 2**64, -(2**63), 10**15, 10**400)
REAL = (math.nan, math.inf, -math.inf, 1e300, -1e300, 1e15, 1e-320, -0.0, 0.5, 1.5e308)


def text(rng: random.Random) -> str:
    """A hostile text; it can hold lone surrogates."""
    return rng.choice(TEXTS if rng.random() < 0.9 else SURROGATES)


def number(rng: random.Random) -> int | float:
    """A huge, odd or negative number."""
    return rng.choice((*WHOLE, *REAL))


def value(rng: random.Random) -> Any:
    """A JSON value of another type, size or depth than expected."""
    kind = rng.randrange(10)
    if kind < 3:
        return text(rng)
    if kind < 6:
        return number(rng)
    choices = (
        None,
        True,
        False,
        [],
        {},
        [[]],
        [None],
        [1, "two", None, [3]],
        {"": ""},
        {"a": {"b": [1]}},
        [text(rng)] * 3,
        {text(rng): number(rng)},
        [number(rng)] * 50,
        list(range(20_000)),
        {str(i): i for i in range(5_000)},
        DEEP + "[" * 500 + "]" * 500,
        DEEP + "[" * 50_000 + "]" * 50_000,
        DEEP + '{"a":' * 2_000 + "1" + "}" * 2_000,
        DEEP + "1" * 400,
        DEEP + "1" * 5_000,
        DEEP + "1e999",
        DEEP + "-",
    )
    return rng.choice(choices)


def to_json(document: Any) -> bytes:
    """The document as JSON, NaN and raw texts included."""
    written = json.dumps(document, ensure_ascii=True, allow_nan=True)
    mark = json.dumps(DEEP)[1:-1]
    while (at := written.find('"' + mark)) >= 0:
        end = at + 1 + len(mark)
        while written[end] != '"' or written[end - 1] == "\\":
            end += 1
        raw = json.loads(written[at : end + 1])[len(DEEP) :]
        written = written[:at] + raw + written[end + 1 :]
    return written.encode()


def to_toml(given: Any) -> str:
    """A value as a TOML literal; what TOML does not have becomes something close to it."""
    if isinstance(given, str) and given.startswith(DEEP):
        return given[len(DEEP) :].replace('{"a":', "{a=")
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, str):
        return _toml_text(given)
    if isinstance(given, float):
        if math.isnan(given):
            return "nan"
        return ("-inf" if given < 0 else "inf") if math.isinf(given) else repr(given)
    if isinstance(given, list):
        return "[" + ", ".join(to_toml(part) for part in given) + "]"
    if isinstance(given, dict):
        parts = (f"{_toml_text(key)} = {to_toml(part)}" for key, part in given.items())
        return "{" + ", ".join(parts) + "}"
    return "1979-05-27T07:32:00Z" if given is None else str(given)


def _toml_text(given: str) -> str:
    escaped = "".join(
        c if " " <= c <= "~" and c not in '"\\' else f"\\U{ord(c):08x}" for c in given
    )
    return f'"{escaped}"'


def shown(given: Any) -> str:
    """A value in the description of a mutation, short and without control characters."""
    try:
        whole = ascii(given)
    except (ValueError, RecursionError):
        whole = f"<{type(given).__name__}>"
    return whole if len(whole) <= 60 else f"{whole[:50]}…({len(whole)})"

"""TOML from people and strangers: small files, few levels, numbers of 64 bits.

`tomllib` reads anything that is TOML: a kilobyte of brackets ends in RecursionError, a dotted key
of 30,000 parts takes gigabytes, an integer of 5,000 digits is a ValueError. Here each is a
TOMLDecodeError with a sentence.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

MOST_BYTES = 1 << 20
MOST_LEVELS = 32
MOST_KEY_PARTS = 16
LARGEST_INTEGER = 2**63

#: Strings and comments, which may hold anything; unclosed ones reach to the end.
_TEXTS = re.compile(
    r'''"""(?:[^\\]|\\.)*?(?:""""{0,2}|\Z)|"(?:[^"\\\n]|\\.)*"?|#[^\n]*'''
    r"""|'''.*?(?:''''{0,2}|\Z)|'[^'\n]*'?""",
    re.DOTALL,
)
_BETWEEN_KEYS = re.compile(r"[=\[\]{},]")


def read_text(path: Path) -> str:
    """The text of a TOML file.

    Raises:
        OSError: if it cannot be read, or is no regular file.
        UnicodeDecodeError: if it is not UTF-8.
        tomllib.TOMLDecodeError: if it is larger than `MOST_BYTES`.
    """
    # Non-blocking: a named pipe would otherwise wait for its writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        data = b""
        while piece := os.read(descriptor, MOST_BYTES + 1 - len(data)):
            data += piece
    finally:
        os.close(descriptor)
    if len(data) > MOST_BYTES:
        raise tomllib.TOMLDecodeError(f"It has more than {MOST_BYTES:,} bytes (at line 1)")
    return data.decode("utf-8")


def parse(text: str) -> dict[str, Any]:
    """The document as plain data.

    Raises:
        tomllib.TOMLDecodeError: if it is no TOML, or beyond the limits above.
    """
    _check_keys(text)
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:  # an integer of thousands of digits
        raise tomllib.TOMLDecodeError("A number has too many digits") from error
    _check_values(tree)
    return tree


def _too_deep() -> tomllib.TOMLDecodeError:
    return tomllib.TOMLDecodeError(f"Values are nested more than {MOST_LEVELS} levels deep")


def _check_keys(text: str) -> None:
    """Refuses dotted keys of many parts: the parser's time and memory grow with their square."""
    if all(line.count(".") < MOST_KEY_PARTS for line in text.split("\n")):
        return
    plain = _TEXTS.sub(lambda found: "\n" * found[0].count("\n"), text)
    for number, line in enumerate(plain.split("\n"), 1):
        # Without texts, nothing but a key has more than one point.
        if any(part.count(".") >= MOST_KEY_PARTS for part in _BETWEEN_KEYS.split(line)):
            raise tomllib.TOMLDecodeError(
                f"A key has more than {MOST_KEY_PARTS} parts (at line {number}, column 1)"
            )


def _check_values(tree: dict[str, Any]) -> None:
    """Refuses deep nesting and integers that TOML does not promise."""
    waiting: list[tuple[object, int]] = [(tree, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MOST_LEVELS:
            raise _too_deep()
        if isinstance(value, dict):
            waiting.extend((item, depth + 1) for item in value.values())
        elif isinstance(value, list):
            waiting.extend((item, depth + 1) for item in value)
        elif isinstance(value, int) and not -LARGEST_INTEGER <= value < LARGEST_INTEGER:
            raise tomllib.TOMLDecodeError("An integer has more than 64 bits")

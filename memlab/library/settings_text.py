"""Settings given as Python values, written as the `key=value` that the command line takes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

#: Its whole number is a count of seeds, its list the seeds themselves.
COUNTED = "seeds"


def settings_text(settings: Mapping[str, object] | None, seeds: object = None) -> list[str]:
    """A `key=value` for each setting; a sequence is several values, None restores the default.

    >>> settings_text({"corruption.fraction": [0, 0.4], "corruption.kind": "labels"}, seeds=5)
    ['corruption.fraction=[0, 0.4]', 'corruption.kind=["labels"]', 'seeds=5']
    """
    given = dict(settings or {})
    if seeds is not None:
        given[COUNTED] = seeds
    return [f"{key}={_value(key, value)}" for key, value in given.items()]


def _value(key: str, value: object) -> str:
    """The text of a setting; a list is not split at commas that stand in a name."""
    if value is None:
        return ""
    plain = _plain(value)
    if isinstance(plain, list) or (key == COUNTED and not isinstance(plain, str)):
        return _toml(plain)
    return f"[{_toml(plain)}]" if isinstance(plain, (str, Mapping)) else _toml(plain)


def _plain(value: Any) -> Any:
    """Arrays and numbers of numpy, tuples and ranges as Python has them."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, Mapping):
        inner = ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items())
        return f"{{{inner}}}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)

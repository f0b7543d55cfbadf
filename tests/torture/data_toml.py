"""Mutations of presets and settings: values, keys, nesting, text."""

from __future__ import annotations

from functools import cache

import numpy as np

from memlab.experiment import presets

Draws = np.random.Generator
SETTINGS = 'theme = "nord"\ndataset_folders = ["/data", "~/x"]\ndevice = "auto"\nconfirm = true\n'
VALUES = (
    *("1", "0", "-1", "1.5", "nan", "inf", "-inf", "1e308", "1e-308", "true", "''", '"x"', "[]"),
    *("{}", "[[]]", "[1, 2, 3]", "[1, 'a', {}]", "1979-05-27T07:32:00Z", "07:32:00", "0x7fffffff"),
    *("9223372036854775807", "9223372036854775808", "9" * 400, "9" * 5000, "-" + "9" * 30),
    *(
        "100000000",
        "1000000",
        '"\\u001b]52;c;aGk=\\u0007"',
        '"\\u202e"',
        '"a\\nb"',
        '"' + "x" * 9000 + '"',
    ),
    *("[" * 60 + "]" * 60, "[" * 9000, "{a = " * 60 + "1" + "}" * 60, "[" + "1, " * 12_000 + "]"),
    *("{at = 1, learning_rate = 9}", '"npz:/dev/zero"', '"folder:/"', '"npz:\\u0000"', "[0, 0]"),
)
KEYS = (
    *("seeds", "title", "axes", "x", '"\'"', '"\\u001b[2J"', "'a.b'", '""', ".".join("a" * 300)),
    *("dataset", "model.width", "dataset.name", "corruption.fraction", "axes.'model.width'"),
    *("axes.x", "schedule.milestones", "claims", "instruments.on", "instruments.settings.x.y"),
    *("theme", "dataset_folders", "device", "confirm", "preset", "optimizer.batch_size", "fork.at"),
)


@cache
def originals() -> tuple[str, ...]:
    """The shipped presets."""
    return tuple(found.path.read_text(encoding="utf-8") for found in presets.find_all())


def _one(draws: Draws, options: tuple[str, ...]) -> str:
    return options[int(draws.integers(len(options)))]


def mutated(draws: Draws, text: str) -> bytes:
    """One to three changes of a document."""
    lines = text.split("\n")
    for _ in range(int(draws.integers(1, 4))):
        at = int(draws.integers(len(lines)))
        kind = int(draws.integers(6))
        if kind <= 1 and "=" in lines[at]:
            lines[at] = lines[at].partition("=")[0] + "= " + _one(draws, VALUES)
        elif kind == 2:
            lines.insert(0, f"{_one(draws, KEYS)} = {_one(draws, VALUES)}")
        elif kind == 3:
            lines.insert(
                at, _one(draws, ("[axes]", f"[{_one(draws, KEYS)}]", "[[axes]]", "[", '"""'))
            )
        elif kind == 4:
            lines.insert(at, lines[int(draws.integers(len(lines)))])
        else:
            del lines[at]
            lines = lines or [""]
    data = bytearray("\n".join(lines).encode())
    if draws.random() < 0.2 and data:
        place = int(draws.integers(len(data)))
        if draws.random() < 0.5:
            data[place] ^= 1 << int(draws.integers(8))
        else:
            del data[place:]
    if draws.random() < 0.005:
        data += b"#" * (2 << 20)
    return bytes(data)


def preset(draws: Draws) -> bytes:
    """A shipped preset, changed."""
    return mutated(draws, originals()[int(draws.integers(len(originals())))])


def settings(draws: Draws) -> bytes:
    """A settings file, changed."""
    return mutated(draws, SETTINGS)

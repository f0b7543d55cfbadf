"""Structure-aware mutation of a run folder: each takes a generator and a folder, and changes it.

What a mutation did is returned in words; together with seed and number it repeats.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.torture import hostile, mutated_arrays, mutated_files
from tests.torture.mutated_files import own

Mutation = Callable[[random.Random, Path, Path], str]

HEADER, END = "# memlab run, schema version 1\n", "# end of experiment\n"


def mutate(rng: random.Random, folder: Path, canary: Path) -> str:
    """One to three mutations; links lead to the tree `canary`."""
    told: list[str] = []
    wanted = rng.choice((1, 1, 1, 1, 2, 2, 3))
    for _ in range(20):
        one = rng.choices([m for m, _ in MUTATIONS], [w for _, w in MUTATIONS])[0]
        try:
            told.append(f"{one.__name__}({one(rng, folder, canary)})")
        except Exception:  # there is no such thing in this run, or an earlier mutation broke it
            continue
        if len(told) == wanted:
            break
    return " + ".join(told)


def json_value(rng: random.Random, folder: Path, canary: Path) -> str:
    """Another value, key or list in one of the documents."""
    path = own(rng.choice(_plain(folder, "*.json")))
    document = json.loads(path.read_bytes())
    told, document = _changed(rng, document)
    path.write_bytes(hostile.to_json(document))
    return f"{path.relative_to(folder)}: {told}"


def state_value(rng: random.Random, folder: Path, canary: Path) -> str:
    """The same in what every viewer reads first."""
    names = ("state.json", "state.json", "environment.json", "report.json", "plan.json")
    path = own(folder / rng.choice(names))
    told, document = _changed(rng, json.loads(path.read_bytes()))
    path.write_bytes(hostile.to_json(document))
    return f"{path.name}: {told}"


def _changed(rng: random.Random, document: Any) -> tuple[str, Any]:
    nodes = list(_nodes(document, ()))
    if not nodes:
        return "all of it", hostile.value(rng)
    parent, key, place = rng.choice(nodes)
    where = ".".join(map(str, place))
    kind = rng.random()
    if kind < 0.1:
        del parent[key]
        return f"without {where}", document
    if kind < 0.2 and isinstance(parent[key], list):
        parent[key] = parent[key] * rng.choice((0, 2, 500))
        return f"{where} repeated", document
    if kind < 0.25 and isinstance(parent, dict):
        parent[hostile.text(rng)] = hostile.value(rng)
        return f"{where} has a neighbour", document
    given: Any = hostile.text(rng) if isinstance(parent[key], str) else hostile.value(rng)
    parent[key] = hostile.value(rng) if rng.random() < 0.3 else given
    return f"{where} = {hostile.shown(parent[key])}", document


def _nodes(node: Any, place: tuple[Any, ...]) -> Any:
    pairs = (
        list(node.items())
        if isinstance(node, dict)
        else list(enumerate(node))[:40]
        if isinstance(node, list)
        else []
    )
    for key, value in pairs:
        yield node, key, (*place, key)
        yield from _nodes(value, (*place, key))


def experiment(rng: random.Random, folder: Path, canary: Path) -> str:
    """The experiment: a value, a line, its frame, or its depth."""
    path = folder / "experiment.toml"
    lines = own(path).read_text().splitlines(keepends=True)
    settings = [i for i, line in enumerate(lines) if "=" in line and not line.startswith("#")]
    at = rng.choice(settings)
    key = lines[at].partition("=")[0].strip()
    kind = rng.randrange(12)
    if kind < 7:
        given = hostile.text(rng) if kind < 3 else hostile.value(rng)
        lines[at] = f"{key} = {hostile.to_toml(given)}\n"
        told = f"{key} = {hostile.shown(given)}"
    elif kind == 7:
        given = rng.choice((-5, 10**8, 10**12, [1] * 5000, [], "many", 0, [-1], 1.5))
        lines = [
            f"seeds = {hostile.to_toml(given)}\n" if li.startswith("seeds") else li for li in lines
        ]
        told = f"seeds = {hostile.shown(given)}"
    elif kind == 8:
        del lines[at]
        told = f"without {key}"
    elif kind == 9:
        version = rng.choice(("0", "2", "999999999", "1" * 400, "-1", "one", "\x1b[2J"))
        lines[0] = f"# memlab run, schema version {version}\n"
        told = f"schema {version[:20]!a}"
    elif kind == 10:
        deep = rng.choice(("[" * 3000 + "]" * 3000, "{a=" * 1000 + "1" + "}" * 1000))
        lines.insert(at, f"deep = {deep}\n")
        told = "deep"
    else:
        axis = hostile.to_toml([hostile.value(rng) for _ in range(rng.choice((1, 3, 3000)))])
        name = rng.choice(("nonsense", "seeds", "model.width", "title", "\x1b[31m"))
        lines.insert(-1, f"[axes.{json.dumps(name)}]\n[[axes]]\n" if rng.random() < 0.3 else "")
        lines.insert(
            -1, f"[axes]\n{json.dumps(name)} = {axis}\n" if "[axes]\n" not in lines else ""
        )
        told = f"axis {name!a}"
    path.write_bytes("".join(lines).encode("utf-8", "surrogatepass"))
    return told


def texts(rng: random.Random, folder: Path, canary: Path) -> str:
    """One hostile text in the place of title, question and every message, at once."""
    given = hostile.text(rng)
    path = own(folder / "experiment.toml")
    state_file, events = own(folder / "state.json"), own(folder / "events.jsonl")
    log = own(folder / "worker.log")
    body = path.read_text().removeprefix(HEADER).removesuffix(END)
    lines = [
        line
        for line in body.splitlines(keepends=True)
        if not line.startswith(("title", "question", "source"))
    ]
    fields = "".join(f"{k} = {hostile.to_toml(given)}\n" for k in ("title", "question", "source"))
    path.write_text(HEADER + fields + "".join(lines) + END)
    state = json.loads(state_file.read_bytes())
    state |= {"message": given, "device": given}
    state_file.write_bytes(hostile.to_json(state))
    kept = events.read_bytes()
    event = {"seq": 10**6, "time": 1.0, "type": rng.choice((given, "failed")), "message": given}
    events.write_bytes(kept + hostile.to_json(event | {"reason": given}) + b"\n")
    log.write_bytes((given + "\n").encode("utf-8", "surrogatepass"))
    return hostile.shown(given)


def event_line(rng: random.Random, folder: Path, canary: Path) -> str:
    """A line of the log: a value of it, or what is no event."""
    return _line(rng, folder / "events.jsonl", ("time", "seq", "type"))


def review_line(rng: random.Random, folder: Path, canary: Path) -> str:
    """The same in what a person said of the run's suspects."""
    keys = ("seq", "type", "index", "verdict", "label", "of", "schema")
    return f"review {_line(rng, folder / 'review.jsonl', keys)}"


def _line(rng: random.Random, path: Path, keys: Sequence[str]) -> str:
    lines = own(path).read_bytes().splitlines(keepends=True)
    at = rng.randrange(len(lines))
    kind = rng.randrange(9)
    if kind < 5:
        document = json.loads(lines[at])
        told, document = _changed(rng, document)
        if rng.random() < 0.4:
            key = rng.choice(keys)
            document[key] = hostile.value(rng)
            told = f"{key} = {hostile.shown(document[key])}"
        lines[at] = hostile.to_json(document) + b"\n"
        told = f"line {at}: {told}"
    elif kind == 5:
        lines[at] = rng.choice((b"\xff\xfe\x00\n", b"{" * 20_000 + b"\n", b"\x1b[2J\n", b"null\n"))
        told = f"line {at} is none"
    elif kind == 6:
        lines = lines * rng.choice((2, 3000))
        told = f"{len(lines)} lines"
    elif kind == 7:
        lines = [b"".join(lines).replace(b"\n", b" ") * rng.choice((1, 1000))]
        told = "no newline"
    else:
        rng.shuffle(lines)
        told = "shuffled"
    path.write_bytes(b"".join(lines))
    return told


def worker_log(rng: random.Random, folder: Path, canary: Path) -> str:
    """What the worker printed: escapes, garbage, or much of it."""
    given = rng.choice(
        (hostile.text(rng).encode("utf-8", "surrogatepass"), rng.randbytes(5000), b"x" * (8 << 20))
    )
    own(folder / "worker.log").write_bytes(given)
    return hostile.shown(given)


def _plain(folder: Path, pattern: str) -> list[Path]:
    return sorted(p for p in folder.rglob(pattern) if p.is_file() and not p.is_symlink())


#: With how often they are chosen.
MUTATIONS: tuple[tuple[Mutation, float], ...] = (
    (json_value, 4),
    (state_value, 3),
    (experiment, 4),
    (texts, 2),
    (event_line, 3),
    (review_line, 1.5),
    (worker_log, 0.5),
    (mutated_files.size, 2),
    (mutated_files.link, 3),
    (mutated_files.special, 2),
    (mutated_files.misplaced, 2),
    (mutated_files.missing, 1.5),
    (mutated_files.extra, 1.5),
    (mutated_arrays.description, 3),
    (mutated_arrays.cells, 3),
    (mutated_arrays.flipped, 1.5),
    (mutated_arrays.npy_header, 2),
    (mutated_arrays.npy_values, 2),
)

"""One example's life in words and as plain data, for `memlab inspect` and the Microscope."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from memlab.numbers import IMPOSSIBLE, number, stated
from memlab.runs.example_life import Band, Effect, Life, Near
from memlab.runs.examples import CLASS, LEARNED, MEMORIZED, SUSPECTS, Examples

#: What a list is called.
LIST_WORDS = {MEMORIZED: "most memorized", SUSPECTS: "most suspect", LEARNED: "learned last"}
Z = 1.96


def list_words(name: str) -> str:
    """What a list is called: `most memorized`, `class 3`."""
    return LIST_WORDS.get(name) or f"class {name.removeprefix(CLASS)}"


def name_of(examples: Examples, position: int) -> str:
    """`417`, or `test 88`."""
    index = int(examples.index[position])
    return f"test {index}" if position >= examples.train else str(index)


def heading(examples: Examples, position: int, place: tuple[str, int, int] | None) -> str:
    """Which example it is, and where it stands in a list: its words, rank (0: nowhere), length.

    The index is a row of the whole file, of which a run has trained on a part.
    """
    text = f"example {name_of(examples, position)}"
    if position < examples.train:
        text += f", one of {examples.train:,}"
    if place is None:
        return text
    words, rank, count = place
    return f"{text} · {words}, {rank:,} of {count:,}" if rank else f"{text} · not among the {words}"


def label_of(examples: Examples, position: int) -> str:
    """`8`, or `3→8` of a lie."""
    given, true = int(examples.given[position]), int(examples.true[position])
    names = examples.class_names
    return names[given] if given == true else f"{names[true]}→{names[given]}"


def suggestion(examples: Examples, life: Life) -> str:
    """`3 (.81)`: what the networks that had not seen it answer, and how many of them do."""
    if life.suggested is None:
        return IMPOSSIBLE
    name = examples.class_names[life.suggested]
    return name if life.suggested_share is None else f"{name} ({number(life.suggested_share, 2)})"


def facts(examples: Examples, life: Life) -> list[tuple[str, str]]:
    """The numbers on an example, each with its name."""
    names = examples.class_names
    told = [
        ("given", names[life.given]),
        ("true", IMPOSSIBLE if life.true is None else names[life.true]),
        ("suggested", suggestion(examples, life)),
    ]
    if life.file is not None:
        told.append(("file", life.file))
    found = life.memorized
    if found is None:
        told.append(("memorization", IMPOSSIBLE))
        return told
    interval = f"{number(found.value, 2)} [{number(found.low, 2)}, {number(found.high, 2)}]"
    return [
        *told,
        ("memorization", interval),
        ("rank", f"{found.rank:,} of {found.of:,}"),
        ("right, trained on", number(found.inside, 2)),
        ("right, not", number(found.outside, 2)),
        ("margin gained", with_error(found.margin, found.margin_standard_error, 1)),
        ("networks", f"{found.networks:,}"),
    ]


def with_error(value: float, error: float, decimals: int = 2) -> str:
    """A value ± half its 95 % interval, where it has one."""
    if not math.isfinite(error):
        return number(value, decimals)
    return f"{number(value, decimals)} ± {number(Z * error, decimals)}"


def learned(life: Life) -> str:
    """When it was learned and how often forgotten, beside half of all."""
    if life.test:
        return "a test example: no network was trained on it"
    if "learned" in life.missing:
        return f"when it was learned is not known: {life.missing['learned']}"
    if life.first_learned is None:
        when = "never learned"
    else:
        when = f"learned at epoch {_mean(life.first_learned)}"
    if life.first_learned_of_all is not None:
        when += f" (half of all: {_mean(life.first_learned_of_all)})"
    if life.forgotten is None:
        return when
    times = _mean(life.forgotten)
    return f"{when} · never forgotten" if times == "0" else f"{when} · forgotten {times} times"


def _mean(value: float) -> str:
    """A mean over networks, a whole number without decimals: of one network it is a count."""
    tenths = round(value, 1)
    return number(tenths, 0 if tenths.is_integer() else 1, zero=True)


def band_words(life: Life) -> str:
    """How many networks the bands are of."""
    if life.saw is None and life.did_not is None:
        return life.missing.get("margins", "no margins were kept")
    counts = [
        f"{band.networks} {'network' if band.networks == 1 else 'networks'} {words}"
        for band, words in ((life.saw, "saw it"), (life.did_not, "did not"))
        if band is not None
    ]
    return ", ".join(counts)


def effect_words(effect: Effect) -> str:
    """`+.41` by correctness; where only the margin tells, `+4.1 m`."""
    sign = "+" if (effect.influence if effect.by_correctness else effect.margin) > 0 else ""
    if effect.by_correctness:
        return f"{sign}{number(effect.influence, 2)}"
    return f"{sign}{number(effect.margin, 1)} m"


def groups(life: Life) -> list[tuple[str, str, Sequence[Effect | Near], str]]:
    """Other examples: key, title, the examples, and what is said where there are none."""
    alone = "none beyond chance" if life.memorized or life.test else life.missing["memorized"]
    nothing = "a test example is trained on by nobody" if life.test else alone
    by_nobody = "none beyond chance" if "memorized" not in life.missing or life.test else alone
    return [
        ("helps", "whom it helps", life.helps, nothing),
        ("hurts", "whom it hurts", life.hurts, nothing),
        ("helped_by", "who helps it", life.helped_by, by_nobody),
        ("hurt_by", "who hurts it", life.hurt_by, by_nobody),
        ("near", "nearest in input", life.near, life.missing.get("near", "none")),
        (
            "near_hidden",
            "nearest in the last layer",
            life.near_hidden,
            life.missing.get("near_hidden", "none"),
        ),
    ]


def document(examples: Examples, life: Life) -> dict[str, Any]:
    """The example as plain data, null for what was not recorded."""
    names = examples.class_names
    memorized = life.memorized
    made: dict[str, Any] = {
        "run": examples.run_id,
        "index": life.index,
        "part": "test" if life.test else "train",
        "file": life.file,
        "given": names[life.given],
        "true": None if life.true is None else names[life.true],
        "corrupted": life.corrupted if examples.truth_known else None,
        "suggested": None if life.suggested is None else names[life.suggested],
        "suggested_share": life.suggested_share,
        "first_learned": life.first_learned,
        "first_learned_median": life.first_learned_of_all,
        "forgotten": life.forgotten,
        "forgotten_median": life.forgotten_of_all,
        "margin_in_networks_that_saw_it": _band(life.saw),
        "margin_in_networks_that_did_not": _band(life.did_not),
        "memorization": None
        if memorized is None
        else {name: _finite(value) for name, value in asdict(memorized).items()},
    }
    for key, _, others, _ in groups(life):
        made[key] = [_other(examples, other) for other in others]
    return made | {"missing": dict(life.missing)}


def _band(band: Band | None) -> dict[str, Any] | None:
    return (
        None
        if band is None
        else {n: list(v) if isinstance(v, tuple) else v for n, v in asdict(band).items()}
    )


def _other(examples: Examples, other: Effect | Near) -> dict[str, Any]:
    at = other.position
    made: dict[str, Any] = {
        "index": int(examples.index[at]),
        "part": "test" if at >= examples.train else "train",
        "given": examples.class_names[int(examples.given[at])],
    }
    rest = {name: _finite(value) for name, value in asdict(other).items() if name != "position"}
    return made | rest


def _finite(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def summary(examples: Examples, position: int) -> str:
    """What a list says of one example, behind its index and label."""
    if examples.scores is not None and position < examples.train:
        row = examples.scores.examples[position]
        return (
            f"memorization {stated(float(row['memorization']), 2)}, "
            f"margin unseen {stated(float(row['margin_outside']), 1)}"
        )
    return ""

"""The report's section on who is memorized and whom it helps, in blocks for every renderer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from memlab.estimate import Estimate
from memlab.numbers import IMPOSSIBLE, percent, stated
from memlab.reports.blocks import (
    Block,
    Bullets,
    Column,
    Figure,
    Heading,
    Medium,
    Paragraph,
    Table,
)
from memlab.reports.findings import Findings
from memlab.reports.memorization_document import (
    Bounded,
    CheapScore,
    InfluenceSide,
    MemorizationFindings,
    MemorizedTail,
)
from memlab.reports.picture_figures import Captioned, Drawn, svg

SHOWN = 10
#: Where pictures can be shown.
WITH_PICTURES: Final[frozenset[Medium]] = frozenset(("console", "html"))
NOTES = (
    "memorization: share right of the networks trained on the example − of those not trained on it"
    " (Feldman and Zhang 2020, arXiv 2008.03703), with Newcombe's 95 % interval",
    "memorized: at least 0.25 in both halves of the networks; ± 95 % over drawn networks",
    "by chance: pairs beyond the same threshold when the masks are handed to other networks"
    " (false discovery rate 5 %)",
    "one class: share of the pairs within one given class, beside that of all pairs; distance:"
    " mean distance in input space, beside that of pairs of one class and of all pairs",
    "early: of as many strongest pairs by correctness of the same networks after one epoch",
    "members found: by LiRA (arXiv 2112.03570) at 1 % false positives, all other networks shadows",
)


def memorization_section(findings: Findings) -> Iterator[Block]:
    """Nothing where the run was not made for it."""
    for found in findings.memorization:
        yield Heading(
            "Who is memorized, and whom does it help"
            + (f": {found.label}" if len(findings.memorization) > 1 else "")
        )
        yield Paragraph(_said(found), "verdict")
        yield _distribution(found)
        if found.most_memorized:
            yield _most_memorized(found)
            yield from _tail_pictures(found)
        if found.tail is not None:
            yield _tail(found.tail, found.networks)
        yield _influence(found)
        if found.strongest_pairs:
            yield _strongest(found)
            yield from _pair_pictures(found)
        yield _agreement(found)
        yield _rivals(found)
        yield Bullets(NOTES)


def _said(found: MemorizationFindings) -> str:
    everything = found.groups[0]
    memorized = _estimate(everything.memorized, found.networks)
    test = [s for s in found.influence if (s.target, s.by) == ("test", "correctness")]
    helps = next((side.pairs for side in test if side.sign > 0), 0)
    return (
        f"Of {found.train_examples:,} training examples "
        f"{percent(memorized.mean, 1)} ± {100 * memorized.half:.1f} are memorized; "
        f"{helps:,} times one of them measurably helps an example of the test set. From "
        f"{found.networks:,} networks, each trained on its own {percent(found.share)}; "
        f"{percent(found.decided, 1)} of the examples are decided."
    )


def _estimate(number: Bounded, n: int) -> Estimate:
    ends = [float("nan") if x is None else x for x in (number.value, number.low, number.high)]
    return Estimate(ends[0], ends[1], ends[2], n)


def _distribution(found: MemorizationFindings) -> Table:
    groups, points = found.groups, ("0.5", "0.95", "0.99")
    titles = ("median", "95th percentile", "99th percentile")
    return Table(
        "examples",
        tuple(f"{group.name} ({group.examples:,})" for group in groups),
        (
            Column(
                "mean memorization", tuple(_estimate(g.mean, found.networks) for g in groups), 4
            ),
            Column("memorized", tuple(_estimate(g.memorized, found.networks) for g in groups)),
            *(
                Column(title, tuple(_number(g.quantiles.get(point)) for g in groups), spare=True)
                for title, point in zip(titles, points, strict=True)
            ),
            Column("members found", tuple(_number(found.membership.get(g.name)) for g in groups)),
        ),
        title="How much is memorized",
    )


def _most_memorized(found: MemorizationFindings) -> Table:
    rows = found.most_memorized[:SHOWN]
    return Table(
        "index",
        tuple(str(row.index) for row in rows),
        (
            Column("label", tuple(row.given for row in rows), words=True),
            Column(
                "memorization",
                tuple(
                    f"{stated(r.memorization, 2)} [{stated(r.ci95[0], 2)}, {stated(r.ci95[1], 2)}]"
                    for r in rows
                ),
            ),
            Column("right, trained on", tuple(stated(row.inside, 2) for row in rows)),
            Column("right, not", tuple(stated(row.outside, 2) for row in rows)),
            Column(
                "margin gained",
                tuple(_with_error(row.margin, row.margin_standard_error) for row in rows),
                spare=True,
            ),
            Column(
                "neighbours of its label",
                tuple(IMPOSSIBLE if r.neighbours is None else percent(r.neighbours) for r in rows),
                spare=True,
            ),
        ),
        title="The most memorized truths",
        about="The index counts from 0 in the dataset's training file.",
    )


def _tail(tail: MemorizedTail, networks: int) -> Table:
    rows = (
        ("the memorized truths", tail.together),
        ("as many others of their classes", tail.others),
        ("difference", tail.difference),
    )
    return Table(
        f"{tail.examples:,.0f} examples",
        tuple(name for name, _ in rows),
        (Column("test accuracy", tuple(_estimate(value, networks) for _, value in rows), 4),),
        title="What the memorized truths bring",
        about="Sums of the effects of single examples; memorized by one half of the networks, "
        "measured by the other.",
    )


def _influence(found: MemorizationFindings) -> Table:
    sides = found.influence
    words = {1: "helps", -1: "hurts"}
    return Table(
        "pairs, by",
        tuple(f"{s.by}: {words.get(s.sign, '?')} a {s.target} example" for s in sides),
        (
            Column("significant", tuple(f"{side.pairs:,}" for side in sides)),
            Column("by chance", tuple(f"{side.by_chance:,.1f}" for side in sides)),
            Column("beyond", tuple(_number(side.threshold) for side in sides)),
            Column("one class", tuple(_percent(side.same_class) for side in sides)),
            Column("of all", tuple(_percent(s.same_class_of_all) for s in sides)),
            *_likeness(sides),
            *_early(sides),
        ),
        title="Whom it helps and hurts",
    )


def _likeness(sides: Sequence[InfluenceSide]) -> tuple[Column, ...]:
    """How like the pairs are, where inputs were kept."""
    if all(side.distance_of_all is None for side in sides):
        return ()
    return (
        Column("distance", _numbers([side.distance for side in sides], 1)),
        Column("in a class", _numbers([side.distance_same_class for side in sides], 1)),
        Column("of all", _numbers([side.distance_of_all for side in sides], 1)),
    )


def _early(sides: Sequence[InfluenceSide]) -> tuple[Column, ...]:
    """How like the strongest pairs are after one epoch, where that was kept."""
    if all(side.early_same_class is None for side in sides):
        return ()
    made = [Column("early: one class", tuple(_percent(side.early_same_class) for side in sides))]
    if any(side.early_distance is not None for side in sides):
        made.append(Column("distance", _numbers([side.early_distance for side in sides], 1)))
    return tuple(made)


def _strongest(found: MemorizationFindings) -> Table:
    rows = found.strongest_pairs[:SHOWN]
    return Table(
        "of → to",
        tuple(f"{row.of} → {row.target} {row.to}" for row in rows),
        (
            Column("labels", tuple(f"{r.of_label} → {r.to_label}" for r in rows), words=True),
            Column(
                "influence",
                tuple(_with_error(row.influence, row.standard_error) for row in rows),
            ),
            Column(
                "margin gained",
                tuple(_with_error(row.margin_influence, row.margin_standard_error) for row in rows),
            ),
        ),
        title="The strongest pairs",
    )


def _tail_pictures(found: MemorizationFindings) -> Iterator[Figure]:
    cells = [
        Captioned(
            (row.picture.pixels(),),
            (f"{row.index}: {row.given}", stated(row.memorization, 2)),
        )
        for row in found.most_memorized
        if row.picture is not None
    ]
    yield from _pictures(cells, "The long tail: the most memorized truths, with index and label.")


def _pair_pictures(found: MemorizationFindings) -> Iterator[Figure]:
    cells = [
        Captioned(
            (row.of_picture.pixels(), row.to_picture.pixels()),
            (
                f"{row.of}: {row.of_label} → {row.target} {row.to}: {row.to_label}",
                f"{'helps' if row.influence > 0 else 'hurts'} {stated(row.influence, 2)}",
            ),
        )
        for row in found.strongest_pairs
        if row.of_picture is not None and row.to_picture is not None
    ]
    yield from _pictures(
        cells, "The strongest pairs: on the left the example that helps or hurts the one beside it."
    )


def _pictures(cells: list[Captioned], caption: str) -> Iterator[Figure]:
    if cells:
        drawn = Drawn(tuple(cells))
        yield Figure(
            "",
            lambda: svg(cells),
            caption,
            narrow=True,
            drawn=drawn,
            coloured=True,
            on=WITH_PICTURES,
        )


def _agreement(found: MemorizationFindings) -> Table:
    rows = found.agreement
    return Table(
        "networks",
        tuple(f"{row.networks:,}" for row in rows),
        (
            Column("by correctness", tuple(_number(row.by_correctness) for row in rows)),
            Column("by margin", tuple(_number(row.by_margin) for row in rows)),
        ),
        title="Agreement of one half of the networks with the other",
        about=_deciding(found.networks_to_decide),
    )


def _deciding(quantiles: Mapping[str, float | None]) -> str:
    half, most = quantiles.get("0.5"), quantiles.get("0.9")
    if half is None or most is None:
        return ""
    return (
        f"Half of the examples are decided with {half:,.0f} networks, nine in ten with {most:,.0f}."
    )


def _rivals(found: MemorizationFindings) -> Table:
    scores: dict[str, CheapScore] = dict(found.baselines.scores)
    if all(score.lies_auc is None for score in scores.values()):
        scores.pop("memorization", None)
    columns = [
        Column(
            "rank correlation with memorization",
            tuple(_number(score.rank_correlation) for score in scores.values()),
        )
    ]
    areas = [score.lies_auc for score in scores.values()]
    if any(area is not None for area in areas):
        columns.append(Column("finds the lies (AUC)", _numbers(areas)))
    return Table("score", tuple(scores), tuple(columns), title="Beside cheaper scores")


def _with_error(value: float, standard_error: float | None) -> str:
    """A value with half its 95 % interval, where it has one."""
    if standard_error is None:
        return stated(value, 2)
    return f"{stated(value, 2)} ± {stated(1.96 * standard_error, 2)}"


def _numbers(values: Sequence[float | None], decimals: int = 3) -> tuple[str, ...]:
    return tuple(_number(value, decimals) for value in values)


def _number(value: float | None, decimals: int = 3) -> str:
    return IMPOSSIBLE if value is None else stated(value, decimals)


def _percent(value: float | None) -> str:
    return IMPOSSIBLE if value is None else percent(value)

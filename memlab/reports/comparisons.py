"""Sentences that compare axis values: optimizers, schedules, widths, regularizers, kinds of data.

Values count as different where their intervals do not overlap, as not told apart where they do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from memlab.estimate import Estimate
from memlab.numbers import accuracy, estimate, points, share, stated
from memlab.reports.findings import Findings, Row, clock_of
from memlab.reports.naming import (
    is_label_noise,
    is_noise,
    kind,
    listed,
    noise,
    prose,
    together,
)

FITTED, EVERY = 0.99, 0.995
MOST = 3  # sentences
FALLEN = 0.005  # below its best, from which on the best is told


def plain(findings: Findings, rows: Sequence[Row]) -> list[str]:
    """Without noise: what was reached, or which axis value did better."""
    if len(rows) == 1 or not findings.axes:
        return _single(findings, rows[0])
    made = [_best_and_worst(findings, rows, "") or _no_test(rows)]
    made += _updates(findings, rows)
    return made + _gaps(findings, rows)


def _single(findings: Findings, row: Row) -> list[str]:
    train, test, gap = row.train_accuracy, row.test_accuracy, row.generalization_gap
    assert train is not None
    first = f"The network reached a train accuracy of {estimate(train)}"
    if test is None or gap is None:
        return [f"{first}{validated(findings, row)}."]
    made = [
        f"{first} and an accuracy of {estimate(test)} on data it had not seen, "
        f"a gap of {points(gap.mean)}."
    ]
    if row.best_test_accuracy is not None and row.best_epoch is not None:
        made.append(
            f"Its best on data it had not seen was {accuracy(row.best_test_accuracy)}, "
            f"at {clock_of(findings)} {stated(row.best_epoch.mean, 0)}."
        )
    return made


def validated(findings: Findings, row: Row, verb: str = "") -> str:
    """The clause on validation data, where nothing was tested."""
    last, best, epoch = (
        row.validation_accuracy,
        row.best_validation_accuracy,
        row.best_validation_epoch,
    )
    if last is None or best is None or epoch is None:
        return ""
    told = f", and {verb}an accuracy of {accuracy(last)} on validation data"
    if best.mean - last.mean < FALLEN:
        return told
    return f"{told} (at best {accuracy(best)}, at {clock_of(findings)} {stated(epoch.mean, 0)})"


def _no_test(rows: Sequence[Row]) -> str:
    found = [row.train_accuracy.mean for row in rows if row.train_accuracy is not None]
    return (
        f"Train accuracy was {stated(min(found), 2)} to {stated(max(found), 2)}; there are no "
        "test figures."
    )


def _best_and_worst(findings: Findings, rows: Sequence[Row], opening: str) -> str | None:
    """Highest and lowest test accuracy, and whether this run tells them apart."""
    pair = extremes(rows, lambda row: row.test_accuracy)
    if pair is None:
        return None
    (worst, low), (best, high) = pair
    names = [prose(row, findings.axes) for row in (best, worst)]
    verb = "ended with" if findings.complete else "is at"
    if low.bounded and high.bounded and not low.apart(high):
        count = sum(row.test_accuracy is not None for row in rows)
        return _capital(
            f"{opening}this run does not tell the {count} apart by their accuracy on data not "
            f"seen: it goes from {stated(low.mean, 3)} ({names[1]}) to {stated(high.mean, 3)} "
            f"({names[0]}), and the intervals overlap."
        )
    made = _capital(
        f"{opening}{names[0]} {verb} the highest accuracy on data not seen, {estimate(high)}, and "
        f"{names[1]} with the lowest, {estimate(low)}"
    )
    sure = "; their 95 % intervals do not overlap" if low.bounded and high.bounded else ""
    return f"{made}{sure}."


def extremes(
    rows: Sequence[Row], of: Callable[[Row], Estimate | None]
) -> tuple[tuple[Row, Estimate], tuple[Row, Estimate]] | None:
    """The rows with the lowest and the highest mean; None with fewer than two."""
    found = [(row, quantity) for row in rows if (quantity := of(row)) is not None]
    if len(found) < 2:
        return None
    ordered = sorted(found, key=lambda item: item[1].mean)
    return ordered[0], ordered[-1]


def _updates(findings: Findings, rows: Sequence[Row]) -> list[str]:
    """Where schedules change the batch size, what they save in updates."""
    found = [(row.updates, row) for row in rows if row.updates]
    scheduled = any(name.startswith("schedule") for name in findings.axes)
    if len(found) < 2 or not findings.complete or not scheduled:
        return []
    few, many = min(found, key=lambda item: item[0]), max(found, key=lambda item: item[0])
    if few[0] > 0.95 * many[0]:
        return []
    names = [prose(row, findings.axes) for _, row in (few, many)]
    return [
        f"{_capital(names[0])} made {stated(few[0], 0)} updates, {names[1]} {stated(many[0], 0)}."
    ]


def _gaps(findings: Findings, rows: Sequence[Row]) -> list[str]:
    pair = extremes(rows, lambda row: row.generalization_gap)
    if pair is None or not pair[0][1].apart(pair[1][1]):
        return []
    (low_row, low), (high_row, high) = pair
    return [
        f"The gap between train and test accuracy was smallest with "
        f"{prose(low_row, findings.axes)} ({estimate(low)}) and largest with "
        f"{prose(high_row, findings.axes)} ({estimate(high)})."
    ]


def under_noise(findings: Findings, rows: Sequence[Row]) -> list[str]:
    """The same noise everywhere, something else varied: who generalizes, who repeats lies."""
    opening = f"With {noise(rows[0])}, "
    made = [_best_and_worst(findings, rows, opening) or _no_test(rows)]
    made += _updates(findings, rows) + _lies(findings, rows)
    seen = extremes(rows, lambda row: row.recovered_true_labels)
    if seen is not None and seen[0][1].apart(seen[1][1]):
        (few_row, few), (many_row, many) = seen
        made.append(
            f"Most lies were seen through with {prose(many_row, findings.axes)} "
            f"({share(many.mean)}), fewest with {prose(few_row, findings.axes)} "
            f"({share(few.mean)})."
        )
    return made[:MOST]


def _lies(findings: Findings, rows: Sequence[Row]) -> list[str]:
    what = "lies" if is_label_noise(rows[0]) else "corrupted examples"
    lies = extremes(rows, lambda row: row.train_accuracy_corrupted)
    if lies is None:
        return []
    (few_row, few), (many_row, many) = lies
    names = [prose(row, findings.axes) for row in (few_row, many_row)]
    if share(few.mean) == share(many.mean):
        return [f"Of the {what}, {share(few.mean)} were fitted with each of them."]
    if few.apart(many) or not few.bounded:
        return [
            f"Fewest {what} were fitted with {names[0]} ({share(few.mean)}), most with "
            f"{names[1]} ({share(many.mean)})."
        ]
    return [
        f"Of the {what}, {share(few.mean)} to {share(many.mean)} were fitted; the intervals "
        "of the extremes overlap."
    ]


def of_kinds(findings: Findings, rows: Sequence[Row]) -> list[str]:
    """Different kinds of data: which are fitted, and what is learned from them."""
    fits = [row for row in rows if row.train_accuracy and row.train_accuracy.mean >= FITTED]
    names = [prose(row, findings.axes) if _crowded(findings) else kind(row) for row in rows]
    missed = [
        f"{name} ({accuracy(row.train_accuracy)})"
        for row, name in zip(rows, names, strict=True)
        if row not in fits and row.train_accuracy is not None
    ]
    level = "train accuracy of 0.99 or more"
    if not missed:
        made = [f"The network fitted all {len(rows)} kinds of data ({level})."]
    else:
        made = [
            f"The network fitted {len(fits)} of {len(rows)} kinds of data ({level}); not fitted "
            f"{'was' if len(missed) == 1 else 'were'} {listed(missed)}."
        ]
    reached = [
        f"{stated(row.test_accuracy.mean, 2)} with {name}"
        for row, name in zip(rows, names, strict=True)
        if row.test_accuracy is not None
    ]
    guess = "" if findings.chance is None else f" (guessing gives {stated(findings.chance, 2)})"
    if reached:
        made.append(f"On data it had not seen it reached {listed(reached)}{guess}.")
    return made + _soonest(rows, names)


def _crowded(findings: Findings) -> bool:
    return findings.axes != ["corruption.kind"]


def _soonest(rows: Sequence[Row], names: Sequence[str]) -> list[str]:
    pair = extremes(rows, lambda row: row.epochs_to_fit)
    if pair is None or not pair[0][1].apart(pair[1][1]):
        return []
    called = {id(row): name for row, name in zip(rows, names, strict=True)}
    (quick_row, quick), (slow_row, slow) = pair
    return [
        f"Fitting took longest with {called[id(slow_row)]} ({stated(slow.mean, 0)} epochs) and "
        f"was quickest with {called[id(quick_row)]} ({stated(quick.mean, 0)})."
    ]


def crossed(
    findings: Findings, rows: Sequence[Row], example: Row, others: Sequence[str]
) -> list[str]:
    """Noise crossed with something else: does each value fit it, how much longer does it take."""
    noisy = [
        row
        for row in rows
        if is_noise(row)
        and row.corruption_fraction == example.corruption_fraction
        and row.corruption_kind == example.corruption_kind
    ]
    clean = {_key(row, others): row for row in rows if not is_noise(row)}
    pairs = [(row, clean[_key(row, others)]) for row in noisy if _key(row, others) in clean]
    return [
        _who_fits(noisy, example, others),
        *_how_much_longer(pairs),
        *_ranges(findings, noisy, list(clean.values())),
    ]


def _key(row: Row, others: Sequence[str]) -> str:
    return repr([row.axis_values.get(name) for name in others])


def _who_fits(noisy: Sequence[Row], example: Row, others: Sequence[str]) -> str:
    what = "lies" if is_label_noise(example) else "corrupted examples"
    measured = [(row, q) for row in noisy if (q := row.train_accuracy_corrupted) is not None]
    fit = [row for row, q in measured if q.mean >= EVERY]
    short = [(row, f" ({share(q.mean)})") for row, q in measured if q.mean < EVERY]
    opening = f"With {noise(example)}, "
    if not short:
        many = f"all {len(fit)} networks compared" if len(fit) > 1 else "the network"
        return f"{opening}{many} fitted {share(EVERY)} or more of the {what}."
    missed = together([row for row, _ in short], others, [share for _, share in short])
    if not fit:
        return f"{opening}no network fitted all {what}: {missed}."
    return (
        f"{opening}{share(EVERY)} or more of the {what} were fitted with "
        f"{together(fit, others)}, but not with {missed}."
    )


def _how_much_longer(pairs: Sequence[tuple[Row, Row]]) -> list[str]:
    found = [
        (many.mean / few.mean, many.apart(few))
        for noisy, clean in pairs
        if (many := noisy.epochs_to_fit) is not None
        and (few := clean.epochs_to_fit) is not None
        and few.mean > 0
    ]
    if not found:
        return []
    low, high = min(found)[0], max(found)[0]
    span = stated(low, 1) if high - low < 0.05 else f"{stated(low, 1)} to {stated(high, 1)}"
    doubt = "" if all(sure for _, sure in found) else " (not every one of these is certain)"
    where = "Where both got there, reaching" if len(found) < len(pairs) else "Reaching"
    return [
        f"{where} a train accuracy of {FITTED} took {span} times as many epochs as without "
        f"noise{doubt}."
    ]


def _ranges(findings: Findings, noisy: Sequence[Row], clean: Sequence[Row]) -> list[str]:
    spans = []
    for rows, words in ((clean, "without noise"), (noisy, "with it")):
        means = [row.test_accuracy.mean for row in rows if row.test_accuracy is not None]
        if not means:
            return []
        low, high = stated(min(means), 2), stated(max(means), 2)
        spans.append(f"{low if low == high else f'{low} to {high}'} {words}")
    guess = "" if findings.chance is None else f" (guessing gives {stated(findings.chance, 2)})"
    return [f"Accuracy on data not seen was {spans[0]} and {spans[1]}{guess}."]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

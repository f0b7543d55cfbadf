"""The findings in plain words: a verdict and one or two more sentences that follow from figures.

Nothing is called certain that an interval does not support. Which story is told depends on what
was varied: the noise itself, something else under the same noise, or something without noise.
Comparisons of axis values are `comparisons.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from memlab.numbers import accuracy, points, share, stated
from memlab.reports import comparisons
from memlab.reports.committee import judges, verdict
from memlab.reports.findings import Findings, Row, clock_of, is_recorded, recorded
from memlab.reports.naming import is_label_noise, is_noise, noise, prose

TOLD_FRACTION = 0.4
NEAR_CHANCE = 0.05
SMALL = 0.01  # a difference of accuracies not worth a sentence without an interval


def sentences(findings: Findings) -> list[str]:
    """The verdict first; at least one sentence, whatever the state of the run."""
    rows = [row for row in findings.rows if row.train_accuracy is not None]
    judged = findings.suspects
    if not rows and judged is None:
        return _of_a_log(findings) or [_nothing(findings)]
    said = _story(findings, rows) if judged is None else [verdict(judged), judges(judged)]
    if not findings.complete:
        at = (
            "" if findings.epoch is None else f" ({clock_of(findings)} {stated(findings.epoch, 0)})"
        )
        said[0] = f"So far{at}: {said[0][0].lower()}{said[0][1:]}"
    said += _unequal(rows)
    if findings.diverged:
        verb = "is" if findings.diverged == 1 else "are"
        said.append(
            f"{findings.diverged:,} of {findings.members:,} networks diverged and {verb} left out."
        )
    if len(findings.seeds) == 1:
        one = "network" if is_recorded(findings) else "seed"
        said.append(f"With one {one} there is no interval, so no difference here is certain.")
    return said


def _unequal(rows: Sequence[Row]) -> list[str]:
    """A warning where axis values are compared that were not trained equally far."""
    epochs = [row.epoch for row in rows if row.epoch is not None]
    ended = all(row.finished + row.diverged == row.members for row in rows)
    if ended or len(epochs) < 2 or min(epochs) == max(epochs):
        return []
    low, high = stated(min(epochs), 0), stated(max(epochs), 0)
    return [f"Not all have come equally far, some to epoch {low}, some to {high}: compare later."]


def _of_a_log(findings: Findings) -> list[str]:
    """What a recorded run reached that has no accuracy on what it was trained on."""
    known = recorded(findings)
    if known is None or not any(row.updates is not None for row in findings.rows):
        return []
    row = findings.rows[0]
    found = row.validation_accuracy or row.test_accuracy
    if found is None:
        return ["No accuracies were recorded; the curves are in Watch."]
    where = "validation data" if row.validation_accuracy else "test data"
    return [f"The network ended with an accuracy of {accuracy(found)} on {where}."]


def _nothing(findings: Findings) -> str:
    if findings.diverged and findings.diverged == findings.members:
        who = "The network" if findings.members == 1 else f"All {findings.members:,} networks"
        return f"{who} diverged: the loss became infinite, and there is nothing to compare."
    if any(row.test_accuracy is not None for row in findings.rows):
        return "What a comparison needs was left out of evaluation.parts: the tables have the rest."
    if findings.complete:
        return "The run finished without a single evaluation; there is nothing to report."
    return f"The run is {findings.state} and has not been evaluated yet; there are no figures."


def _story(findings: Findings, rows: list[Row]) -> list[str]:
    noisy = [row for row in rows if is_noise(row)]
    others = [name for name in findings.axes if not name.startswith("corruption")]
    if not noisy:
        return comparisons.plain(findings, rows)
    amounts = {row.corruption_fraction if is_noise(row) else 0.0 for row in rows}
    kinds = {row.corruption_kind for row in rows}
    if others and len(amounts) > 1:
        return comparisons.crossed(findings, rows, told(noisy), others)
    if others:
        return comparisons.under_noise(findings, rows)
    if len(kinds) > 1:
        return comparisons.of_kinds(findings, rows)
    return ladder(findings, rows, told(noisy))


def told(noisy: Sequence[Row]) -> Row:
    """The row to tell of: noise nearest 0.4, where truth and lies are both many."""
    return min(noisy, key=lambda row: abs(row.corruption_fraction - TOLD_FRACTION))


def ladder(findings: Findings, rows: Sequence[Row], row: Row) -> list[str]:
    """What happened at one noise level, and what changes along the levels."""
    made = [_verdict(findings, row)]
    if is_label_noise(row):
        made += _seen_through(findings, row)
    return made + _along(findings, rows)


def _verdict(findings: Findings, row: Row) -> str:
    fitted = _fitted(row)
    corruption = findings.experiment.get("corruption", {})
    opening = f"With {noise(row, corruption.get('input_fraction'))}, the network {fitted}"
    price = _price(findings, row) or comparisons.validated(findings, row, "reached ")
    return f"{opening}{price}."


def _fitted(row: Row) -> str:
    what, one = (
        ("lies", "lie") if is_label_noise(row) else ("corrupted examples", "corrupted example")
    )
    fit = row.train_accuracy_corrupted
    if fit is None:
        assert row.train_accuracy is not None
        return f"reached a train accuracy of {accuracy(row.train_accuracy)}"
    if fit.mean >= 0.9995:
        return f"fitted every {one}"
    if fit.mean >= 0.995:
        return f"fitted practically every {one} ({share(fit.mean)})"
    if fit.mean < 0.02:
        return f"fitted hardly any {one} ({share(fit.mean)})"
    spread = f" (± {points(fit.half)})" if fit.half > 0.05 else ""
    return f"fitted {share(fit.mean)}{spread} of the {what}"


def _price(findings: Findings, row: Row) -> str:
    """The clause on data it had not seen."""
    best, final, cost = row.best_test_accuracy, row.test_accuracy, row.memorization_cost
    gain, epoch = row.early_stopping_gain, row.best_epoch
    if best is None or final is None or cost is None or epoch is None:
        return ""
    unseen = "data it had not seen"
    if _near_chance(findings, row):
        guess = stated(findings.chance or 0.0, 2)
        return (
            f", while on {unseen} it stayed near chance ({accuracy(final)}; guessing gives {guess})"
        )
    decimals = 3 if abs(cost.mean) < 0.02 else 2
    now = "at the end" if findings.complete else "now"
    figures = (
        f"{stated(best.mean, decimals)} at {clock_of(findings)} {stated(epoch.mean, 0)}, "
        f"{stated(final.mean, decimals)} {now}"
    )
    if gain is not None and gain.low > 0 and cost.mean >= SMALL / 2:
        much = row.train_accuracy_corrupted is not None and row.train_accuracy_corrupted.mean > 0.5
        verb = "paid with" if much else "lost"
        return f", and {verb} {points(cost.mean)} of accuracy on {unseen} ({figures})"
    if gain is not None and gain.high < 0:
        return (
            f", and stopping it early would have cost {points(gain.mean)} of accuracy on {unseen} "
            f"({figures})"
        )
    if cost.mean >= SMALL:
        doubt = (
            ""
            if gain is None or not gain.bounded
            else (f"; {gain.n} seeds do not make certain that stopping early would have helped")
        )
        return f", and ended {points(cost.mean)} below its best on {unseen} ({figures}){doubt}"
    return f", and stayed within {points(SMALL)} of its best accuracy on {unseen} ({figures})"


def _near_chance(findings: Findings, row: Row) -> bool:
    early, final = row.early_stopped_test_accuracy, row.test_accuracy
    if findings.chance is None or final is None:
        return False
    reached = max(final.mean, early.mean if early is not None else final.mean)
    return reached - findings.chance < NEAR_CHANCE


def _seen_through(findings: Findings, row: Row) -> list[str]:
    """How many lies it saw through when stopped early, and since when it repeats them."""
    early = row.early_stopped_recovered
    if early is None:
        return []
    level = findings.chance
    if level is not None and early.low <= level:
        return [
            f"Even at its best validation accuracy it saw through no more lies than guessing "
            f"would ({share(early.mean)}; guessing gives {share(level)})."
        ]
    clause = f"Stopped early, it saw through {share(early.mean)} of the lies"
    if level is not None and early.low > level:
        clause += ": it is not a lookup table"
    return [f"{clause}{_later(findings, row)}."]


def _later(findings: Findings, row: Row) -> str:
    onset, end = row.memorization_onset, row.recovered_true_labels
    fit = row.train_accuracy_corrupted
    kept = row.members - row.diverged
    if onset is not None and onset.n == kept and end is not None:
        clause = (
            f"; from epoch {stated(onset.mean, 0)} on it repeated more lies than it saw through"
        )
        if fit is not None and fit.mean >= 0.995:
            return clause
        now = "at the end it saw through" if findings.complete else "now it sees through"
        return f"{clause}, and {now} {share(end.mean)}"
    if onset is None and fit is not None and end is not None and fit.apart(end):
        now = "To the end" if findings.complete else "Until now"
        return (
            f". {now} it saw through more lies than it repeated "
            f"({share(end.mean)} against {share(fit.mean)})"
        )
    return ""


def _along(findings: Findings, rows: Sequence[Row]) -> list[str]:
    """How the generalization gap changes from the least noise to the most."""
    ordered = sorted(rows, key=lambda row: row.corruption_fraction if is_noise(row) else 0.0)
    least, most = ordered[0], ordered[-1]
    low, high = least.generalization_gap, most.generalization_gap
    if len(ordered) < 2 or low is None or high is None:
        return []
    names = [prose(row, ["corruption.fraction"]) for row in (least, most)]
    ends = f"{accuracy(low)} with {names[0]} and {accuracy(high)} with {names[1]}"
    subject = "The gap between train and test accuracy"
    if low.apart(high):
        verb = "grew" if high.mean > low.mean else "shrank"
        return [
            f"{subject} {verb} from {accuracy(low)} with {names[0]} to {accuracy(high)} "
            f"with {names[1]}."
        ]
    if not (low.bounded and high.bounded):
        return [f"{subject} was {ends}."]
    return [f"{subject} was {ends}; the intervals overlap, so noise made no certain difference."]

"""What the Review screen says, in words. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from rich.text import Text

from memlab.numbers import count, number
from memlab.reports.review_list import ReviewList
from memlab.runs.review import Review
from memlab.text import plain
from memlab.tui.review.reader import Frame, Question

NAME = 24  # characters of a class's name
MOST_IN_TABLE = 14  # values of an example that is shown as a table
CHANGES = 8  # lines of what will change


def named(listed: ReviewList, label: int) -> str:
    """A class as it is called."""
    return plain(listed.class_names[label], NAME)


def asked(frame: Frame, question: Question) -> Text:
    """The line above the picture."""
    where = (
        f"   {plain(question.file, 40)}" if question.file else f"   row {question.example.index}"
    )
    return Text.assemble(
        ("given ", ""), (named(frame.listed, question.given), "bold"), (where, "dim")
    )


def suggestion(frame: Frame, question: Question) -> Text:
    """The line below the picture."""
    if question.suggested < 0:
        return Text("the networks suggest no other class", "dim")
    sure = "" if math.isnan(question.confidence) else f" ({number(question.confidence, 2)})"
    return Text.assemble(
        ("the networks say ", ""), (named(frame.listed, question.suggested), "bold"), (sure, "")
    )


def standing(frame: Frame) -> str:
    """How far the review is, and whether it is worth going on.

    `23 of 60 judged, 19 were wrong; the next ten: about half`.
    """
    listed, review = frame.listed, frame.review
    issues = listed.issues
    judged, wrong = review.judged, review.wrong
    if not judged:
        said = f"{_labels(issues)} of {count(len(listed))} held for wrong, none judged yet"
    else:
        of = f"{count(judged)} of {count(issues)}" if judged <= issues else count(judged)
        said = f"{of} judged, {_were_wrong(wrong, judged)}"
    if review.damaged:
        lines = "1 line" if review.damaged == 1 else f"{review.damaged} lines"
        said += f" ({lines} could not be read)"
    return f"{said}; {ahead(frame.ahead, frame.wrong_ahead)}" if frame.ahead else said


def _labels(issues: int) -> str:
    return "1 label" if issues == 1 else f"{count(issues)} labels"


def _were_wrong(wrong: int, judged: int) -> str:
    if wrong == 0:
        return "none was wrong"
    if wrong == judged:
        return "it was wrong" if judged == 1 else "all were wrong"
    return "1 was wrong" if wrong == 1 else f"{count(wrong)} were wrong"


def ahead(examples: int, wrong: float) -> str:
    """What to expect of the next few: `the next ten: about half`.

    >>> ahead(10, 4.8), ahead(10, 0.2), ahead(3, 2.9)
    ('the next ten: about half', 'the next ten: hardly any', 'the next 3: nearly all')
    """
    those = "the next one" if examples == 1 else f"the next {'ten' if examples == 10 else examples}"
    share = wrong / examples
    if examples == 1:
        return f"{those}: wrong with a chance of {number(share, 2)}"
    if share < 0.05:
        return f"{those}: hardly any"
    if share > 0.95:
        return f"{those}: nearly all"
    if abs(share - 0.5) < 0.07:
        return f"{those}: about half"
    return f"{those}: about {max(1, round(wrong))}"


def end(frame: Frame) -> Text:
    """What stands in place of the picture where nothing more is asked."""
    left = frame.question is not None
    heading = "All labels held for wrong were shown." if left else "Every label was shown."
    if not frame.listed.issues and not frame.review.judged:
        heading = "No label is held for wrong: there is nothing to find."
    text = Text(heading, "bold")
    skipped = sum(not verdict.decided for verdict in frame.review.verdicts.values())
    if skipped:
        told = "1 was skipped" if skipped == 1 else f"{count(skipped)} were skipped"
        text.append(f" {told}.", "not bold")
    text.append("\n\n")
    text.append("\n".join(changes(frame.listed, frame.review)), "not bold")
    text.append("\n\n")
    if frame.review.wrong:
        text.append("w", "bold")
        text.append(" writes the corrected copy", "not bold")
    if left:
        text.append("    g" if frame.review.wrong else "g", "bold")
        text.append(" goes on down the list", "not bold")
    text.append("    u", "bold")
    text.append(" takes back the last", "not bold")
    return text


def changes(listed: ReviewList, review: Review) -> list[str]:
    """What the corrected copy will have changed, most frequent first.

    A verdict that confirms what was given changes nothing.
    """
    given = {
        int(index): int(label) for index, label in zip(listed.index, listed.given, strict=True)
    }
    moved: Counter[tuple[int, int]] = Counter()
    dropped = 0
    for verdict in review.verdicts.values():
        if verdict.kind == "drop":
            dropped += 1
        elif verdict.label is not None and verdict.label != given[verdict.index]:
            moved[given[verdict.index], verdict.label] += 1
    if not moved and not dropped:
        return ["Nothing will be changed."]
    total = moved.total()
    lines = []
    if total:
        told = "1 label changes" if total == 1 else f"{count(total)} labels change"
        lines.append(f"{told}:")
    order = sorted(moved.items(), key=lambda each: (-each[1], each[0]))
    for (old, new), times in order[:CHANGES]:
        lines.append(f"  {named(listed, old)} → {named(listed, new)}  {count(times)}")
    if len(order) > CHANGES:
        rest = sum(times for _, times in order[CHANGES:])
        lines.append(f"  others  {count(rest)}")
    if dropped:
        lines.append("1 example goes." if dropped == 1 else f"{count(dropped)} examples go.")
    return lines


def legend(listed: ReviewList) -> str:
    """Which digit is which class, where classes have names."""
    if not listed.named:
        return ""
    first = [f"{digit} {plain(name, 12)}" for digit, name in enumerate(listed.class_names[:10])]
    more = ["= types a name"] if len(listed.class_names) > 10 else []
    return "   ".join([*first, *more])


def tabled(question: Question) -> bool:
    """Whether an example that is no picture has few enough values for a table."""
    return len(question.example.values) <= MOST_IN_TABLE


def table(frame: Frame, question: Question) -> Text:
    """The values of an example beside the means of its nearest in both classes."""
    heads = ["value", "here", f"of {named(frame.listed, question.given)}"]
    columns = [question.example.values, mean([each.values for each in question.of_given])]
    if question.suggested >= 0:
        heads.append(f"of {named(frame.listed, question.suggested)}")
        columns.append(mean([each.values for each in question.of_suggested]))
    names = frame.value_names or tuple(map(str, range(len(columns[0]))))
    rows = [
        [plain(names[at], NAME), *(_value(column, at) for column in columns)]
        for at in range(len(columns[0]))
    ]
    widths = [max(len(head), *(len(row[at]) for row in rows)) for at, head in enumerate(heads)]
    text = Text("  ".join(h.rjust(w) for h, w in zip(heads, widths, strict=True)), "bold")
    for row in rows:
        text.append(
            "\n" + "  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)), "not bold"
        )
    return text


def mean(rows: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of these rows of values; empty for none."""
    return np.asarray(np.mean(rows, axis=0)) if rows else np.array([], np.float32)


def _value(column: np.ndarray, at: int) -> str:
    return f"{column[at]:.4g}".replace("-", "−") if at < len(column) else "–"

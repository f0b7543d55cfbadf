"""What the Scoreboard says of a claim, in cells and sentences. Pure; reading and measuring are
`reader`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rich.text import Text

from memlab.claims.claim import Claim, Size
from memlab.experiment.cost import about
from memlab.numbers import bracketed, count, percent
from memlab.reports import lookup_question
from memlab.reports.claim_lines import BRIEF, MARKS
from memlab.reports.scoreboard import NOT_RUN, CheckEntry, Entry, Scoreboard
from memlab.reports.scoreboard_chance import after_holm
from memlab.reports.scoreboard_words import (
    arm_words,
    check_words,
    condition_words,
    error_rate,
    explanation,
    first_lines,
    history_words,
    power_words,
    span,
)
from memlab.tui import palette
from memlab.tui.widgets.columns import Coloured, Column, Heading

UNDER_WAY: Final = ("queued", "starting", "running", "paused", "stopping")
COLUMNS: Final = (
    Column("mark", "", 1, sortable=False),
    Column("id", "", 3, sortable=False),
    Column("title", "claim", flexible=True, width=26, sortable=False),
    Column("verdict", "verdict", 14, sortable=False, priority=3),
    Column("holm", "after Holm", 14, sortable=False, priority=4),
    Column("effect", "effect [95 %]", 26, sortable=False),
    Column("asked", "asked", 22, sortable=False, priority=1),
    Column("replicates", "n", 3, "right", sortable=False, priority=2),
    Column("runs", "runs", 13, sortable=False),
)
LOOKUP_COLUMNS: Final = (
    Column("mark", "", 1, sortable=False),
    Column("id", "", 3, sortable=False),
    Column("says", "a smoothed table?", 27, sortable=False),
    Column("namely", "namely", flexible=True, width=40, sortable=False),
    Column("effect", "effect [95 %]", 26, sortable=False, priority=2),
    Column("runs", "runs", 13, sortable=False, priority=1),
)
RUN_COLUMNS: Final = (
    Column("state", "state", 13, sortable=False),
    Column("run", "runs of this claim", flexible=True, width=20, sortable=False),
)


@dataclass(frozen=True)
class RunLine:
    """One needed run, `labels-laptop`: no id and state where there is none yet; `waiting` is due
    to be started. `progress` in [0, 1]."""

    name: str
    run_id: str = ""
    state: str = ""
    problem: str = ""
    progress: float | None = None

    @property
    def share(self) -> float:
        """How far it is, in [0, 1]."""
        return 1.0 if self.state == "finished" else self.progress or 0.0


@dataclass(frozen=True, eq=False)
class Standing:
    """A claim as it stands: measured with its control or not yet (None), and its runs."""

    claim: Claim
    entry: Entry | None
    runs: tuple[RunLine, ...]

    @property
    def shown(self) -> str:
        """The verdict, or that there is none."""
        return self.entry.shown if self.entry is not None else NOT_RUN

    @property
    def problem(self) -> str:
        """Why a run of it is not there, if something went wrong."""
        return next((line.problem for line in self.runs if line.problem), "")

    @property
    def under_way(self) -> bool:
        """Whether a run of it lives."""
        return any(line.state in UNDER_WAY for line in self.runs)


@dataclass(frozen=True, eq=False)
class Frame:
    """The whole scoreboard at one moment: `going` while a batch is carried on, `more` while
    there are finished runs to measure; `launched` are the ids of runs that the app has started.

    `holm` has the adjusted p of each claim's primary condition, by its id."""

    size: Size
    replicates: tuple[int, ...]
    standings: tuple[Standing, ...]
    going: bool = False
    more: bool = False
    launched: tuple[str, ...] = field(default=())
    checks: tuple[CheckEntry, ...] = ()
    holm: Mapping[str, float] = field(default_factory=dict)

    @property
    def board(self) -> Scoreboard:
        """What is measured so far, as it is printed."""
        return Scoreboard(self.size, self.replicates, tuple(self.entries), self.checks, 0.0)

    @property
    def entries(self) -> list[Entry]:
        """What is measured, or known not to be."""
        return [standing.entry for standing in self.standings if standing.entry is not None]

    @property
    def busy(self) -> bool:
        """Whether anything will change by itself."""
        return self.more or self.under_way

    @property
    def under_way(self) -> bool:
        """Whether runs live or are due to be started."""
        return self.going or any(one.under_way for one in self.standings)

    def find(self, claim_id: str) -> Standing | None:
        """The claim of that id."""
        return next((one for one in self.standings if one.claim.id == claim_id), None)


@dataclass(frozen=True)
class Price:
    """What starting costs: runs and networks to train, seconds on `device` (`cpu` or `cuda`)."""

    runs: int
    networks: int
    seconds: float
    device: str

    @property
    def words(self) -> str:
        """The price in a sentence."""
        where = "the GPU" if self.device == "cuda" else "this machine's processor"
        runs = f"{self.runs} run{'s' if self.runs != 1 else ''}"
        networks = f"{count(self.networks)} network{'s' if self.networks != 1 else ''}"
        return f"{runs}, {networks}: {about(self.seconds)} on {where}."


def heading(title: str, standings: Sequence[Standing], opens: bool, dark: bool) -> list[object]:
    """A paper's row: its title and how its claims stand."""
    found = [standing.shown for standing in standings]
    told = "  ".join(f"{MARKS[name][0]} {found.count(name)}" for name in MARKS if name in found)
    words = f"{title}   {told}" + ("   ⏎ the whole page" if opens else "")
    return [Heading(words, palette.palette(dark).truth, True)] + [""] * (len(COLUMNS) - 1)


def in_short(dark: bool) -> list[object]:
    """The first row, which opens the board's first page."""
    words = "The board in short, its checks and its error rate   ⏎ the first page"
    return [Heading(words, palette.palette(dark).truth, True)] + [""] * (len(COLUMNS) - 1)


def first_page(frame: Frame, dark: bool) -> Text:
    """What a reader in a hurry wants, then the checks, then how far to trust the board."""
    tones, board = palette.palette(dark), frame.board
    first, *rest = first_lines(board)
    parts = [Text(first, "bold"), *map(Text, rest)]
    if frame.checks:
        parts.append(Text("Checks: theorems and arithmetic, not counted.", f"bold {tones.truth}"))
        parts += [Text(check_words(one)) for one in frame.checks]
    if said := error_rate(board):
        parts.append(Text("How far to trust this board", f"bold {tones.truth}"))
        parts += map(Text, said)
    return Text("\n\n").join(parts)


def cells(standing: Standing, dark: bool, holm: Mapping[str, float]) -> list[object]:
    """A claim's cells in the order of `COLUMNS`; `holm` as a frame has it."""
    tone, tones = palette.verdict(standing.shown, dark), palette.palette(dark)
    head = standing.entry.headline if standing.entry is not None else None
    if head is not None:
        effect: object = bracketed(head.effect)
    else:
        effect = Coloured(_why_not(standing), tones.error if _failed(standing) else tones.neutral)
    shown = BRIEF.get(standing.shown, standing.shown)
    verdict = shown if standing.entry is not None else "measuring"
    return [
        Coloured(MARKS[standing.shown][0], tone, True),
        Coloured(standing.claim.id, None, True),
        standing.claim.title,
        Coloured(verdict, tone),
        _after_holm(standing, dark, holm),
        effect,
        head.rule.words if head is not None else "",
        str(head.effect.n) if head is not None else "",
        state(standing, dark),
    ]


def _after_holm(standing: Standing, dark: bool, holm: Mapping[str, float]) -> object:
    if standing.entry is None:
        return ""
    after = after_holm(standing.entry, holm.get(standing.claim.id))
    return Coloured(BRIEF.get(after, after), palette.verdict(after, dark))


def lookup_cells(standing: Standing, case: lookup_question.Case, dark: bool) -> list[object]:
    """What a claim says of the question, in the order of `LOOKUP_COLUMNS`."""
    tone = palette.verdict(case.entry.shown, dark)
    head = case.entry.headline
    return [
        Coloured(MARKS[case.entry.shown][0], tone, True),
        Coloured(case.entry.claim.id, None, True),
        Coloured(lookup_question.TOLD[case.side], tone),
        case.words,
        bracketed(head.effect) if head is not None else "",
        state(standing, dark),
    ]


def _failed(standing: Standing) -> bool:
    return standing.entry is not None and standing.entry.reason.startswith("measuring failed")


def _why_not(standing: Standing) -> str:
    """What to say in place of an effect: only what the column of runs does not say."""
    if standing.entry is None:
        return "measuring …"
    if standing.claim.measure is None or _failed(standing):
        return standing.entry.reason
    return ""


def state(standing: Standing, dark: bool) -> Coloured:
    """Where the claim's runs are, all together."""
    lines = standing.runs
    names = [line.state for line in lines]
    done = names.count("finished")
    living = next((name for name in ("running", *UNDER_WAY) if name in names), "")
    if living:
        share = sum(line.share for line in lines) / len(lines)
        words = percent(share) if share else living
        return _look(living, words, dark)
    for name in ("failed", "waiting", "interrupted"):
        if name in names:
            return _look(name, name, dark)
    if not lines:
        return Coloured("–", palette.palette(dark).neutral)
    if done == len(lines):
        return _look("finished", "finished", dark)
    words = f"{done} of {len(lines)} there" if done else "·"
    return Coloured(words, palette.palette(dark).neutral)


def _look(name: str, words: str, dark: bool) -> Coloured:
    if name == "waiting":
        return Coloured(f"· {words}", palette.palette(dark).neutral)
    look = palette.state(name)
    return Coloured(f"{look.mark} {words}", look.colour(dark), True)


def run_cells(line: RunLine, dark: bool) -> list[object]:
    """A run's cells in the order of `RUN_COLUMNS`."""
    words = percent(line.progress) if line.progress and line.state == "running" else line.state
    look = _look(line.state, words, dark) if line.state else Coloured("·")
    return [look, line.run_id or f"{line.name}, {line.problem or 'not started'}"]


def summary(frame: Frame, wide: bool, dark: bool) -> Text:
    """One line over the table: size, replicates, how many claims stand how, what goes on."""
    numbers = span(frame.replicates)
    text = Text(f"{frame.size} size · replicates {numbers} ·" if wide else f"{frame.size} ·")
    short = {"not supported": "not", "inconclusive": "open"}
    found = [standing.shown for standing in frame.standings]
    for name, (letter, _) in MARKS.items():
        if name not in found:
            continue
        words = BRIEF.get(name, name) if wide else short.get(name, BRIEF.get(name, name))
        mark = "" if letter == "·" else f"{letter} "  # which here would be a second separator
        text.append(f"  {mark}{found.count(name)} {words}", palette.verdict(name, dark))
    living = {r.name for s in frame.standings for r in s.runs if r.state in UNDER_WAY}
    waiting = {r.name for s in frame.standings for r in s.runs if r.state == "waiting"}
    if living or waiting:
        told = f"{len(living)} under way" + (f", {len(waiting)} waiting" if waiting else "")
        brief = f"{len(living)} running" + (f" +{len(waiting)}" if waiting else "")
        text.append(f" · {told if wide else brief}")
    elif frame.more:
        text.append(" · measuring")
    return text


def words(standing: Standing, dark: bool) -> Text:
    """What is known of the selected claim, in a line or two."""
    text = Text(standing.claim.sentence)
    entry, head = standing.entry, standing.entry.headline if standing.entry is not None else None
    tones = palette.palette(dark)
    if standing.problem:
        text.append(f"\n{standing.problem}", tones.error)
    elif head is not None:
        text.append(f"\n{standing.shown}", palette.verdict(standing.shown, dark))
        because = f", because {entry.reason}" if entry is not None and entry.reason else ""
        told = f"{because}: {head.label} {bracketed(head.effect)}, asked {head.rule.words}"
        text.append(told, "dim")
    elif entry is not None:
        text.append(f"\nnot run: {entry.reason}", tones.error if _failed(standing) else "dim")
    return text


def conditions(standing: Standing, dark: bool) -> Text:
    """Each condition with its interval against its threshold; control, contrast, calibrations."""
    entry, parts = standing.entry, list[Text]()

    def line(shown: str, told: str) -> None:
        tone = palette.verdict(shown, dark)
        parts.append(Text.assemble((f"{MARKS[shown][0]} ", tone), told))

    if entry is None:
        return Text()
    for one in entry.measured.conditions if entry.measured is not None else ():
        line(one.verdict, condition_words(one).partition(": ")[2])
    for arm in (*([entry.control] if entry.control else []), *entry.calibrations):
        line(NOT_RUN, f"{arm.kind}, {arm.about}: {arm_words(arm)}")
    if entry.judgement is not None and (apart := entry.judgement.contrast) is not None:
        line(apart.verdict, f"contrast: {condition_words(apart).partition(': ')[2]}")
    return Text("\n").join(parts)


def explained(standing: Standing, replicates: Sequence[int]) -> Text:
    """The explanation, a sentence a paragraph; the criterion where nothing is measured yet."""
    claim, entry = standing.claim, standing.entry
    if entry is None:
        told: Sequence[str] = (claim.sentence, "It is being measured.")
    else:
        power = power_words(entry)
        told = (*explanation(entry, replicates), *([f"Power: {power}"] if power else []))
        told = (*told, *history_words(entry))
    source = Text(f"{claim.source}. Criterion: {claim.criterion}.", "dim")
    return Text("\n").join([*(Text(sentence) for sentence in told), source])


def command(claims: str, size: Size) -> str:
    """What repeats a claim on the command line."""
    return f"memlab replicate {claims}".strip() + ("" if size == "laptop" else f" --size {size}")

"""A run as a Python object: what was measured, what was found, and what can be done to it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from memlab.errors import InvalidExperiment, MemlabError, RunFolderError
from memlab.library import progress
from memlab.runs import run as runs_run
from memlab.text import plain

if TYPE_CHECKING:
    from memlab.claims.finished_run import Cell
    from memlab.library.results import Series, Table
    from memlab.reports.findings import Findings

Format = Literal["text", "md", "html", "json"]
FORMATS = ("text", "md", "html", "json")
WIDTH = 100


class Run(runs_run.Run):
    """One run, read when it is asked; `memlab.load` and `memlab.run` give it.

    Beside what is here it has `id`, `state`, `experiment` (validated), `members` (the networks),
    `groups` (those by axis values), `events` and `view` (tables and curves).

    >>> run.state.state, len(run.members), run.experiment.seed_list
    ('finished', 4, [0, 1])
    """

    @property
    def findings(self) -> Findings:
        """What the report says, as of now; raises as `memlab.reports.load_or_build`.

        >>> run.findings.title
        'Noise ladder'
        """
        if "_found" in vars(self):
            return self._found
        if self.state.state == "finished":
            return self._found
        from memlab import reports

        self.view.refresh()
        return reports.build(self)

    @cached_property
    def _found(self) -> Findings:
        from memlab import reports

        self.view.refresh()
        return reports.load_or_build(self)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The grid's cells as claims see them: series, final values and baselines of each seed.

        >>> [cell.label for cell in run.cells]
        ['fraction=0', 'fraction=0.4']
        >>> run.cells[1].final("test_accuracy").shape
        (2,)
        """
        from memlab.claims.finished_run import FinishedRun

        self.view.refresh()
        return FinishedRun(self).cells

    def table(self) -> Table:
        """The report's rows: a row for each axis value, quantities with their 95 % interval.

        A quantity has four columns: its mean over seeds, `_low`, `_high` and `_n`.

        >>> table = run.table()
        >>> table["corruption.fraction"]
        array([0. , 0.4])
        >>> bool((table["test_accuracy_low"] <= table["test_accuracy"]).all())
        True
        """
        from memlab.library import reading

        return reading.rows_of(self.findings)

    def measurements(self) -> Table:
        """All metrics, a row for each network and evaluation.

        >>> list(run.measurements().columns)[:4]
        ['member', 'seed', 'corruption.fraction', 'epoch']
        """
        from memlab.library import reading

        self.view.refresh()
        return reading.measurements(self)

    def series(self, metric: str) -> Series:
        """A metric of every network: `values` [members, evaluations], `epochs` [evaluations].

        Of a recorded run also what `run.log(name=value)` kept, and every column of an imported log,
        by its name there; where the log counts steps, `epochs` are steps.

        Raises:
            RunFolderError: if the run has not measured it, with the nearest name.

        >>> accuracy = run.series("validation_accuracy")
        >>> accuracy.values.shape == (len(run.members), len(accuracy.epochs))
        True
        >>> accuracy.members[2].axis_values, accuracy.members[2].seed
        ({'corruption.fraction': 0.4}, 0)
        """
        from memlab.library import reading

        self.view.refresh()
        return reading.series(self, metric)

    def instrument(self, name: str, quantity: str) -> Series:
        """A quantity of an instrument: `values` [members, measurements, …].

        Raises:
            RunFolderError: if the run has not measured it, with the nearest name.

        >>> run.instrument("margins", "clean").values.shape[0]
        4
        """
        return self.series(f"{name}.{quantity}")

    def suspects(self, score: str = "aum-until-best", member: int | None = None) -> Table:
        """The training examples, most surely mislabelled first, as `memlab suspects` ranks them.

        Columns: `rank` from 1; `index`, the row in its file; `given_label` and `suggested_label`,
        classes by name, by number where they have none (NaN or None: nothing to suggest); `score`,
        low is suspicious; `is_label_issue`, whether it lies below the threshold, where the run has
        one; `file`, where examples are files.

        Of a committee (`memlab suspects DATA`, `memlab.suspects`) all examples, with
        `label_quality` in [0, 1] in the place of `score`, `is_label_issue`, `confidence`, the
        suggestion's probability, `in_margin`, `out_margin`, `agreement`, and `true_label`, where it
        is known; the arguments are for the ledger of any other run.

        Args:
            score: what to rank by.
            member: judge the labels that this member was given; default: those of most members.

        Raises:
            RunFolderError: if the run kept no ledger, or has no such member.
            InvalidExperiment: if there is no such score.

        >>> run.suspects(member=2).columns["rank"][:3]
        array([1, 2, 3])
        >>> list(run.suspects(member=2).columns)
        ['rank', 'index', 'given_label', 'suggested_label', 'score']
        """
        from memlab.library.results import Table
        from memlab.reports import committee, suspects
        from memlab.runs.committee import judged
        from memlab.runs.example_scores import SCORES

        if self._is_committee():
            found = judged(self)
            order = enumerate(found.ranked, 1)
            return Table.of([{"rank": n, **committee.row(found, int(at))} for n, at in order])
        if score not in SCORES:
            raise InvalidExperiment(f"There is no score {score!r}. Known: {', '.join(SCORES)}.")
        labelling, _ = suspects.chosen(self.folder, member)
        threshold = suspects.threshold(labelling, score, False)
        rows = suspects.suspects(labelling, score, threshold)
        return Table.of([{"rank": row.rank, **suspects.document(row, labelling)} for row in rows])

    def _is_committee(self) -> bool:
        from memlab.runs.committee import is_committee

        return is_committee(self)

    def memorization(self, group: int = 0) -> Table:
        """Who is memorized: a row for each training example, as `memlab memorize` estimates it.

        `memorization` with `standard_error` and Newcombe's interval `low` to `high`, the shares
        right `inside` and `outside`, the same of the margin in logits, and more
        (`memlab.runs.retraining.EXAMPLE`; Feldman and Zhang 2020, arXiv 2008.03703, equation 1).

        Args:
            group: which of the run's `groups`, where it has axes.

        Raises:
            RunFolderError: if the run kept no outcomes, or they cannot be read.

        >>> made = memlab.memorize("digits", {"stop.epochs": 2}, networks=20).wait(progress=False)
        >>> found = made.memorization()
        >>> len(found), bool((found["low"] <= found["memorization"]).all())
        (1000, True)
        """
        from memlab.library import memorizing

        return memorizing.examples(self, group)

    def influence(self, group: int = 0) -> Table:
        """Whom it helps: a row for each significant pair, strongest first.

        `of` is a training example and `to` the one that it helps or hurts, rows in their files;
        `target` is test or train. Influence is by correctness and by margin, with standard errors;
        `by_correctness` and `by_margin` say which of them chance does not explain (equation 2).

        Raises:
            RunFolderError: as `memorization`.

        >>> made = memlab.memorize("digits", {"stop.epochs": 2}, networks=20).wait(progress=False)
        >>> "influence" in made.influence().columns
        True
        """
        from memlab.library import memorizing

        return memorizing.pairs(self, group)

    def report(self, format: Format = "text", width: int = WIDTH) -> str:
        """The report as text of that width, Markdown, an HTML page with curves, or JSON.

        Raises:
            RunFolderError: if the run cannot be read.
            InvalidExperiment: if there is no such format.

        >>> print(run.report("md").splitlines()[0])
        # Noise ladder
        """
        from memlab import reports
        from memlab.strict_json import dumps

        if format not in FORMATS:
            raise InvalidExperiment(f"There is no format {format!r}. Known: {', '.join(FORMATS)}.")
        findings = self.findings
        if format == "md":
            return reports.markdown(findings)
        if format == "html":
            return reports.html(findings, self)
        if format == "json":
            return dumps(reports.document(findings), indent=1) + "\n"
        return _text(findings, width)

    def wait(self, progress: bool = True) -> Run:
        """Waits until the run has finished, and shows how far it is; Ctrl-C only ends the waiting.

        Raises:
            TrainingFailed: if it failed or was interrupted, with the reason and what can be done.

        >>> run.wait() is run
        True
        """
        _wait(self, progress)
        return self

    def stop(self, seconds: float = 30.0) -> Run:
        """Asks the worker to save a checkpoint and end, and waits for it up to `seconds`.

        Raises:
            RunFolderError: if nobody trains it, or it does not end in time; the request stays.

        >>> endless = memlab.run("noise-ladder", {"stop.epochs": 100_000}, seeds=1)
        >>> endless.stop(seconds=300).state.state
        'interrupted'
        """
        from memlab.runs import lifecycle, stopping

        told: list[str] = []
        lifecycle.request_stop(self.folder)
        if not stopping.ended(self.folder, seconds, told.append):
            raise RunFolderError(" ".join(told))
        return self

    def resume(
        self,
        restart: bool = False,
        on: str | None = None,
        shared: str | os.PathLike[str] | None = None,
        allow_code: Sequence[str] = (),
    ) -> Run:
        """Goes on from the newest checkpoint in a new worker; a paused run goes on in its own.

        Args:
            restart: train again what a checkpoint or table that cannot be read held.
            on, shared: where, as `memlab.run`; default: where it was.
            allow_code: modules of your own that may be imported as they are now, where they have
                changed or nobody agreed to them yet.

        Raises:
            RunFolderError: if it trains, has finished, came from elsewhere, or cannot be read.

        >>> run.resume()
        Traceback (most recent call last):
        memlab.errors.RunFolderError: The run ... has finished; there is nothing to resume.
        >>> endless = memlab.run("noise-ladder", {"stop.epochs": 100_000}, seeds=1)
        >>> endless.stop(seconds=300).resume().stop(seconds=300).state.state
        'interrupted'
        """
        from memlab.library import consent, starting
        from memlab.runs import lifecycle, stopping

        consent.allow(self.folder, allow_code)
        where = None if on is None else starting.checked_where(on, shared)
        if lifecycle.require_code(self.folder):
            starting.stays_here(where)
        state = self.state
        if state.living and (why := stopping.stopped_process(self.folder)):
            raise RunFolderError(why)
        if state.state == "paused":
            lifecycle.request(self.folder, "resume")
        else:
            lifecycle.resume(
                self.folder, restart=restart, facts=None if where is None else where.facts()
            )
        return self

    def fork(self, at: float, settings: Mapping[str, object], device: str | None = None) -> Run:
        """A new run that is this one up to epoch `at` and goes on with other settings.

        Raises:
            RunFolderError: if it came from elsewhere, or cannot be read.
            InvalidExperiment: if there is no such epoch, or a fork may not change that.

        >>> run.fork(1, {"learning_rate": 0.01}).wait().experiment.fork.learning_rate
        0.01
        """
        from memlab.library.settings_text import settings_text
        from memlab.library.starting import fork_of

        return Run(fork_of(self.folder, at, settings_text(settings), device))

    def __repr__(self) -> str:
        try:
            return plain(f"<Run {self.id}: {self.state.state}>")
        except MemlabError:
            return plain(f"<Run {self.id}>")

    def _repr_html_(self) -> str:
        from memlab.library import notebook

        return notebook.fragment(self)


def _wait(run: Run, shown: bool) -> None:
    if not shown:
        progress.silent(run.view)
    elif not run.state.final:
        from rich.console import Console

        output = Console(stderr=True, markup=False, emoji=False, highlight=False)
        progress.follow(run.view, output, _say)
    progress.check_finished(run.folder)


def _say(line: str) -> None:
    sys.stderr.write(plain(line) + "\n")
    sys.stderr.flush()


def _text(findings: Findings, width: int) -> str:
    """As the command line prints it, without colours."""
    from io import StringIO

    from rich.console import Console

    from memlab import reports
    from memlab.text import lines

    made = StringIO()
    output = Console(file=made, width=width, markup=False, emoji=False, highlight=False)
    output.print(reports.text(findings))
    return lines(made.getvalue())

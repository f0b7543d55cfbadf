"""One run, opened: its experiment, its members and what was measured, each read when asked for.

The one way from a run folder to its content, for the command line, the app, the reports, the claims
and the Python API (`memlab.library`, which adds what needs the reports). The folder itself, its
names and its files, is `run_folder`.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from memlab.errors import RunFolderError
from memlab.runs.run_folder import RunFolder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from memlab.experiment.grid import Group, Member
    from memlab.experiment.spec import Experiment
    from memlab.runs.event_log import Event
    from memlab.runs.state import RunState
    from memlab.runs.view import RunView

    Column = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


class Run:
    """A run folder, read lazily; nothing is opened before it is asked for."""

    def __init__(self, folder: RunFolder, most: int | None = None) -> None:
        """Takes the folder; `most` bounds the points that the view keeps of each curve."""
        self.folder = folder
        self._most = most
        self._columns: dict[tuple[str, str], tuple[int, int, Column]] = {}

    @property
    def id(self) -> str:
        """The run's name."""
        return self.folder.id

    @property
    def state(self) -> RunState:
        """The state as it is now."""
        return self.folder.state

    @cached_property
    def tree(self) -> dict[str, Any]:
        """The experiment as plain data.

        Raises:
            RunFolderError, InvalidExperiment: if the file is missing, damaged or no TOML.
        """
        from memlab.experiment import reading

        return reading.from_toml(self.folder.experiment_toml(), self._where)

    @cached_property
    def experiment(self) -> Experiment:
        """The experiment, validated.

        Raises:
            RunFolderError, InvalidExperiment: if it cannot be read, or is none of this version.
        """
        from memlab.experiment import reading

        return reading.of_run(self.tree, self._where)

    @property
    def _where(self) -> str:
        return str(self.folder.path / "experiment.toml")

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """The networks of the grid, in order."""
        from memlab.experiment import grid

        return grid.members(self.experiment)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The members by their axis values."""
        from memlab.experiment import grid

        return grid.groups(self.experiment)

    @cached_property
    def view(self) -> RunView:
        """Tables, curves and progress as of the view's last `refresh`.

        Raises:
            RunFolderError: if it is no run, or damaged in its experiment.
        """
        from memlab.runs.view import RunView

        return RunView(self.folder, self._most)

    @property
    def events(self) -> list[Event]:
        """All events, as they are in the log now."""
        from memlab.runs.event_log import EventReader

        return EventReader(self.folder.events).read()

    def column(self, stack: str, metric: str) -> Column:
        """Epoch and update [evaluations] and the values of a stack's members of one metric.

        Values are [evaluations, members], with more dimensions for an instrument's `NAME.QUANTITY`
        that has some.

        Raises:
            RunFolderError: if the run has not measured it, or it cannot be read.
        """
        from memlab.runs.view import members_of

        home = self.view.home(stack, metric)
        if home is None:
            raise RunFolderError(f"The run {self.id} has not measured {metric} ({stack}).")
        table = self.view.tables[home[0]]
        known = self._columns.get((stack, metric))
        if known is None or known[:2] != (table.generation, len(table)):
            epoch, update, values = (
                table.read(name).astype("f8") for name in ("epoch", "update", home[1])
            )
            width = len(members_of(self.view.tables[stack]))
            if epoch.ndim != 1 or update.ndim != 1 or values.shape[1:2] != (width,):
                raise RunFolderError(f"{table.place} is not the table of {stack}; it is damaged.")
            known = table.generation, len(table), (epoch, update, values)
            self._columns[stack, metric] = known
        return known[2]


def opened(run: RunFolder | Run) -> Run:
    """The run itself, or the one in that folder."""
    return run if isinstance(run, Run) else Run(run)

"""What a run found on the straight lines between its networks, in its `lines.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from memlab.errors import RunFolderError
from memlab.experiment.metrics import TEST_ACCURACY, TEST_LOSS, TRAIN_ACCURACY, TRAIN_LOSS
from memlab.runs import documents
from memlab.runs.door import Missing
from memlab.runs.run_folder import RunFolder
from memlab.strict_json import whole

SCHEMA: Final = 1
CURVES: Final = (TRAIN_ACCURACY, TRAIN_LOSS, TEST_ACCURACY, TEST_LOSS)


@dataclass(frozen=True)
class Line:
    """Metrics at equal distances from the network of `member` to that of `other`, both included."""

    member: int
    other: int
    train_accuracy: tuple[float, ...]
    train_loss: tuple[float, ...]
    test_accuracy: tuple[float, ...]
    test_loss: tuple[float, ...]

    @property
    def barrier(self) -> float:
        """Test error at the worst point, less the mean of both ends; never below 0.

        Frankle 2020 (arXiv 1912.05671), section 2.

        >>> flat = (1.0, 1.0, 1.0)
        >>> round(Line(0, 1, flat, flat, (0.9, 0.5, 0.7), flat).barrier, 3)
        0.3
        """
        accuracy = self.test_accuracy
        return max(0.0, (accuracy[0] + accuracy[-1]) / 2 - min(accuracy))


def read_lines(folder: RunFolder) -> list[Line]:
    """All lines; none where nothing was measured.

    Raises:
        RunFolderError: if the file is damaged.
    """
    try:
        document = documents.read(folder.lines, documents.LARGE_BYTES, SCHEMA)
    except Missing:
        return []
    rows = document.get("lines")
    return [_line(row, folder) for row in (rows if isinstance(rows, list) else [])]


def write_lines(folder: RunFolder, lines: Sequence[Line]) -> None:
    """Replaces what was found.

    Raises:
        StorageError: if the file cannot be written.
    """
    document = {documents.SCHEMA_KEY: SCHEMA, "lines": [asdict(line) for line in lines]}
    folder.lines.replace(json.dumps(document).encode())


def _line(row: object, folder: RunFolder) -> Line:
    damaged = RunFolderError(f"{folder.lines} is damaged: a line is not what it should be.")
    if not isinstance(row, dict):
        raise damaged
    member, other = (whole(row.get(name), 0) for name in ("member", "other"))
    curves = [_curve(row.get(name)) for name in CURVES]
    lengths = {len(curve) for curve in curves}
    if member is None or other is None or len(lengths) > 1 or min(lengths) < 3:
        raise damaged
    return Line(member, other, *curves)


def _curve(values: object) -> tuple[float, ...]:
    """The numbers of a list; none where one is no number."""
    listed = values if isinstance(values, list) else []
    numbers = [float(value) for value in listed if type(value) in (int, float)]
    return tuple(numbers) if len(numbers) == len(listed) else ()

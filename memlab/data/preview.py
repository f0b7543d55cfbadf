"""`python -m memlab.data.preview`: shows the app what noise does, one JSON line per request.

A process of its own, so that the app never waits for data; it imports no torch and never downloads.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from memlab import settings
from memlab.data.corruption import corrupt
from memlab.data.dataset import Raw, Request
from memlab.data.preflight import check_cell
from memlab.data.registry import listing, load
from memlab.data.split import split
from memlab.data.thumbnails import thumbnails
from memlab.errors import InvalidExperiment, MemlabError
from memlab.experiment import grid, reading
from memlab.experiment.material_spec import DatasetSpec

SHOWN = 10
MOST_SHOWN = 100


class Previewer:
    """Answers requests; keeps the last dataset it read."""

    def __init__(self) -> None:
        self._stamp: tuple[object, ...] = ()
        self._raw: Raw | None = None

    def preview(
        self,
        tree: Mapping[str, Any],
        count: int = SHOWN,
        folders: Sequence[str] = (),
        here: str = "",
    ) -> dict[str, object]:
        """The first training examples, corrupted and clean ones, JSON-able.

        Where the experiment has axes, the middle value of each is shown. Relative paths in it
        start at `here`.

        Raises:
            MemlabError: if the experiment is invalid or its data are not there.
        """
        made = reading.with_absolute_paths(reading.experiment(tree, "experiment"), Path(here))
        cell = grid.with_values(made, _telling(made.axes)).of_seed(made.seed_list[0])
        splits = split(self._load(cell.dataset, folders), cell.dataset)
        check_cell(cell, splits)
        seed = cell.corruption_seed(made.seed_list[0])
        found = corrupt(splits, cell.corruption, seed)
        show = _choose(found.drawn, count)
        pictures = thumbnails(found.train_x[: max(200, len(show))], splits.image_shape)
        if show.max() >= len(pictures):
            pictures = thumbnails(found.train_x, splits.image_shape)
        names = splits.class_names
        return {
            "examples": [
                {
                    "pixels": pictures[i].tolist(),
                    "given": names[int(found.train_given[i])],
                    "true": names[int(found.train_true[i])],
                    "corrupted": bool(found.corrupted[i]),
                    "drawn": bool(found.drawn[i]),
                }
                for i in show
            ],
            "drawn": float(found.drawn.mean()),
            "changed": found.changed_fraction,
            "sizes": [len(splits.train.y), len(splits.validation.y), len(splits.test.y)],
            "classes": splits.classes,
            "features": int(splits.train.x[0].size),
            "image_shape": splits.image_shape,
        }

    def _load(self, spec: DatasetSpec, more: Sequence[str]) -> Raw:
        folders = settings.dataset_folders()
        folders += [Path(os.path.expanduser(folder)) for folder in more]
        stamp = (spec, *folders, *_changed(spec))
        if self._raw is None or self._stamp != stamp:
            self._raw, self._stamp = load(spec, folders, download=False), stamp
        return self._raw


def _changed(spec: DatasetSpec) -> list[int]:
    """When a user's own file, or folder and its class folders, were changed."""
    if ":" not in spec.name:
        return []
    path = Request(spec).path
    try:
        return [entry.stat().st_mtime_ns for entry in (path, *sorted(path.glob("*/")))]
    except (OSError, ValueError):  # loading says what is wrong
        return []


def _telling(axes: Mapping[str, list[Any]]) -> dict[str, object]:
    """The value of each axis that shows most: the middle one."""
    return {name: values[len(values) // 2] for name, values in axes.items()}


def _choose(drawn: np.ndarray, count: int) -> np.ndarray:
    """Which examples to show: corrupted and clean in turn as long as there are both."""
    corrupted, clean = np.flatnonzero(drawn), np.flatnonzero(~drawn)
    half = count // 2
    few = min(len(corrupted), max(half, count - len(clean)))
    picked = np.concatenate([corrupted[:few], clean[: count - few]])
    return np.sort(picked)


def serve(requests: TextIO, answers: TextIO) -> None:
    """One answer per request line, until the requests end.

    A request is `{"id", "experiment", "count"?, "folders"?, "here"?}`; an answer has the id and
    what `preview` gives, or an `error` sentence. A request `{"id", "list": true, "folders"?}` is
    answered by what would have to be downloaded.
    """
    previewer = Previewer()
    for line in requests:
        number: object = None
        try:
            request = _read(line)
            number = request.get("id")
            listed = request.get("list")
            answer = downloads(request) if listed else previewer.preview(*_asked(request))
        except MemlabError as error:
            answer = {"error": str(error)}
        except Exception as error:  # the app goes on without pictures, and says why
            answer = {"error": f"No preview: {type(error).__name__}: {error}"}
        answers.write(json.dumps({"id": number, **answer}) + "\n")
        answers.flush()


def downloads(request: Mapping[str, Any]) -> dict[str, object]:
    """Bytes to download of each dataset that is on no disk here, by name, as `downloads`."""
    more = [Path(folder) for folder in request.get("folders") or []]
    folders = [settings.datasets_folder(), *settings.load().dataset_folders_found(), *more]
    rows = [row for row in listing(folders) if row["download_bytes"] and not row["found"]]
    return {"downloads": {row["name"]: row["download_bytes"] for row in rows}}


def _read(line: str) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except ValueError as error:
        raise InvalidExperiment(f"No preview: the request is not JSON: {error}.") from error
    if not isinstance(request, dict):
        raise InvalidExperiment('No preview: a request is an object with an "experiment".')
    return request


def _asked(request: Mapping[str, Any]) -> tuple[dict[str, Any], int, list[str], str]:
    """Experiment, count, folders and the asking process's own folder.

    Raises:
        InvalidExperiment: if one of them is something else.
    """
    experiment, count = request.get("experiment"), request.get("count") or SHOWN
    folders = request.get("folders") or []
    if not isinstance(experiment, dict):
        raise InvalidExperiment('No preview: a request is an object with an "experiment".')
    if type(count) is not int:
        raise InvalidExperiment('No preview: "count" is a whole number.')
    if not isinstance(folders, list) or not all(isinstance(folder, str) for folder in folders):
        raise InvalidExperiment('No preview: "folders" is a list of folders.')
    return experiment, max(1, min(MOST_SHOWN, count)), folders, str(request.get("here") or "")


if __name__ == "__main__":
    sys.stdin.reconfigure(errors="replace")  # type: ignore[union-attr]  # a real stream here
    with suppress(BrokenPipeError, KeyboardInterrupt):  # the app is gone
        serve(sys.stdin, sys.stdout)

"""From a valid experiment to a run that goes on without the app, and to a preset of one's own.

Both touch the disk: for thread workers, apart from `own_preset_path`, which only looks.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from memlab import settings
from memlab.errors import InvalidExperiment
from memlab.experiment import reading
from memlab.experiment.spec import Experiment
from memlab.export import export
from memlab.library.consent import Consent, agreed
from memlab.runs import lifecycle
from memlab.runs.environment import describe
from memlab.runs.launch import Standby
from memlab.runs.run_folder import RunFolder
from memlab.text import slug


def launch(
    made: Experiment, name: str, runs_folder: Path, device: str, standby: Standby | None
) -> RunFolder:
    """Starts a run of `made` on `device`; a ready standby takes it over at once.

    Raises:
        MemlabError: if the folder cannot be written or no worker can be started.
    """
    code = agreed(made, Consent(own=True))
    facts = {**describe(sys.argv), "requested_device": device, "preset": name}
    return lifecycle.start(
        reading.to_toml(reading.with_absolute_paths(made, Path.cwd())),
        name,
        settings.prepared(runs_folder),
        environment=facts,
        standby=standby,
        code=code,
    )


def own_preset_path(name: str) -> Path:
    """Where a preset of that name is kept.

    Raises:
        InvalidExperiment: if the name is empty or could lead out of the folder.
    """
    title = name.strip()
    if not title:
        raise InvalidExperiment("A preset needs a name.")
    if any(part in title for part in ("/", "\\", "..", "\0")) or not title.isprintable():
        raise InvalidExperiment("A name has no slashes and no '..' in it.")
    if not any(character.isalnum() for character in title):
        raise InvalidExperiment("A name needs a letter or a digit.")
    if len(title) > 40:
        raise InvalidExperiment("A name has at most 40 characters.")
    return settings.presets_folder() / f"{slug(title, 'experiment')}.toml"


def save_preset(tree: Mapping[str, Any], name: str) -> Path:
    """Writes the tree as a preset of the user's own, replacing one of the same name.

    Raises:
        MemlabError: if the name is no name or the file cannot be written.
    """
    path = own_preset_path(name)
    settings.prepared(path.parent)
    document = {key: value for key, value in tree.items() if value not in ({}, None)}
    text = tomli_w.dumps({**document, "title": name.strip()})
    export(path, text.encode(), replace=True)
    return path

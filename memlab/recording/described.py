"""What the recorder can see of whom it records: names, sizes, rates, and which process it is in."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from memlab.experiment import reading
from memlab.experiment.measuring_spec import InstrumentsSpec
from memlab.experiment.recorded_spec import LONGEST
from memlab.experiment.spec import Experiment
from memlab.instruments.measuring import plain_module
from memlab.recording.given import Given
from memlab.recording.untouched import device_of
from memlab.recording.validating import Validation
from memlab.text import plain

LEDGER, MARGINS, CRITICAL = "ledger", "margins", "critical-samples"


def experiment(
    name: str,
    network: str,
    model: Any,
    data: Given,
    validation: Validation | None,
    optimizer: Any,
    instruments: InstrumentsSpec,
    epochs: int | None,
) -> Experiment:
    """What is known of the run, as an experiment that cannot be trained.

    Raises:
        InvalidExperiment: if it is none.
    """
    rate = learning_rate(optimizer)
    corrupted = None if data.corrupted is None else float(data.corrupted.mean())
    tree: dict[str, Any] = {
        "title": plain(name, LONGEST),
        "recorded": {
            "by": "loop",
            "network": network,
            "parameters": parameters_of(model) or None,
            "optimizer": "" if optimizer is None else plain(type(optimizer).__name__, LONGEST),
            "learning_rate": rate if math.isfinite(rate) and 0 <= rate <= 1e9 else None,
            "examples": data.examples,
            "validation": None if validation is None else len(validation),
            "corrupted": corrupted,
            "ledger": True,
        },
        "evaluation": {"parts": ["train", "validation"] if validation is not None else ["train"]},
        "instruments": instruments.model_dump(exclude_defaults=True),
    }
    if corrupted:
        tree["corruption"] = {"kind": "labels-other", "fraction": corrupted}
    if epochs:
        tree["stop"] = {"epochs": epochs}
    return reading.validate(tree, "the recorder")


def chosen_instruments(
    wanted: str | Sequence[str] | Mapping[str, Any] | None,
    share: float,
    data: Given,
    validation: Validation | None,
) -> InstrumentsSpec:
    """The instruments that are on; `default` without those that could see nothing here.

    Raises:
        InvalidExperiment: if there is no such instrument, or no such setting of one.
    """
    names = () if wanted is None else (wanted,) if isinstance(wanted, str) else tuple(wanted)
    settings = dict(wanted) if isinstance(wanted, Mapping) else {}
    tree = {"instruments": {"on": names, "share": share, "settings": settings}}
    spec = reading.validate(tree, "memlab.record").instruments
    found = spec.names
    if not data.has_inputs:
        found = tuple(name for name in found if name == LEDGER)
    blind = set() if data.corrupted is not None else {MARGINS}  # of clean and of corrupted labels
    blind |= set() if validation is not None else {CRITICAL}
    found = tuple(name for name in found if name not in blind or name in names)
    kept = {name: value for name, value in spec.settings.items() if name in found}
    return spec.model_copy(update={"on": found, "settings": kept})


def is_first_process() -> bool:
    """Whether this is the only process that trains, or the first of those that train together."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank() == 0
    return os.environ.get("RANK", "0") in ("0", "")


def script_name() -> str:
    """What the script is called, for a title."""
    name = Path(sys.argv[0] or "").stem if sys.argv else ""
    return name if name and name not in ("-c", "-", "__main__", "ipykernel_launcher") else "my loop"


def network_name(model: Any) -> str:
    """The class of the network."""
    found = plain_module(model) if isinstance(model, torch.nn.Module) else model
    return plain(type(found).__name__, LONGEST)


def parameters_of(model: Any) -> int:
    """Trainable parameters."""
    if not isinstance(model, torch.nn.Module):
        return 0
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def device_name(model: Any) -> str:
    """The device of the parameters; empty where there is no network."""
    return str(device_of(model)) if isinstance(model, torch.nn.Module) else ""


def torch_version() -> str:
    """Of the torch that trains."""
    return str(torch.__version__)


def learning_rate(optimizer: Any) -> float:
    """Of the first group of parameters; NaN where nobody can tell."""
    groups = getattr(optimizer, "param_groups", None)
    if not groups:
        return math.nan
    try:
        return float(groups[0]["lr"])
    except (KeyError, TypeError, ValueError):
        return math.nan


def sizes(model: Any, data: Given, classes: int, class_names: Sequence[str]) -> dict[str, object]:
    """What the run says of its data and network when it begins."""
    facts: dict[str, object] = {"train_examples": data.examples, "classes": classes}
    if parameters := parameters_of(model):
        facts["parameters"] = parameters
    if class_names:
        facts["class_names"] = [plain(name, LONGEST) for name in class_names]
    if data.labels is not None and len(data.labels):
        facts["majority_share"] = float(np.bincount(data.labels).max() / len(data.labels))
    return facts

"""`memlab doctor` shows what previews reckon with on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from memlab.cli import doctor
from memlab.experiment.architecture import resolve
from memlab.experiment.material_spec import ModelSpec
from memlab.experiment.speeds import Measured, Shape
from memlab.runs import calibration


def test_a_machine_never_measured_says_how_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path))
    ((name, ok, text),) = doctor._speeds()
    assert (name, ok) == ("speeds", True)
    assert "memlab doctor --calibrate" in text


def test_what_was_measured_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path))
    machine = calibration.this_machine()
    shape = Shape(resolve(ModelSpec(name="linear")), None, 1000, 10, 100)
    calibration.note(
        [
            Measured(shape, 1, machine.cores, 1, 0.001, None),
            Measured(shape, 2, machine.cores, 1, 0.001, None, "run"),
        ],
        machine,
    )
    first, second = doctor._speeds()
    assert "2 measurements, 1 of them by runs" in first[2]
    assert f"{machine.cores} usable core" in first[2]
    assert second[2].startswith("linear 6 ")

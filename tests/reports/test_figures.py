"""Figures of values that no run of ours has."""

from __future__ import annotations

import warnings

import pytest
from matplotlib.figure import Figure

from memlab.reports.figures import svg


@pytest.mark.parametrize("low", [0.0, -1.5e308])
def test_values_beyond_an_axis_are_said_and_not_drawn(low: float) -> None:
    figure = Figure(layout="constrained")
    axes = figure.subplots(1, 2)
    axes[1].plot([0, 1], [low, 1.5e308])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "values here beyond what an axis can show" in svg(figure, "curve")


def test_a_figure_without_values_is_drawn() -> None:
    figure = Figure(layout="constrained")
    figure.subplots().plot([], [])
    assert 'aria-label="curve"' in svg(figure, "curve")

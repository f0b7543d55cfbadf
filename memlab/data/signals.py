"""MNIST-1D made anew, whole arrays at a time: the package's transformation, with keyed draws.

The package makes one signal after another from the process' own generator, 0.2 ms each. Here all
are made together, fifty times as fast, by the same steps and arguments from the same templates
(Greydanus and Kobak, arXiv 2011.14439, section 2); a test gives both the same draws and compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
#: Added to every template, so that what is padding can be told from what is drawn.
EPSILON = 1e-8


@dataclass(frozen=True)
class Draws:
    """The random numbers of `n` signals of `length` points before the last step.

    `padding` and `shift` int `[n]`, `scale` and `shear` in [0, 1) `[n]`, `correlated` and
    `independent` standard normal `[n, length]`.
    """

    padding: NDArray[np.int64]
    scale: Values
    shift: NDArray[np.int64]
    correlated: Values
    independent: Values
    shear: Values


def drawn(draw: np.random.Generator, n: int, arguments: Mapping[str, Any]) -> Draws:
    """The numbers of `n` signals by the package's laws."""
    low, high = arguments["padding"]
    length = arguments["template_len"] + high
    return Draws(
        draw.integers(low, high + 1, n),
        draw.random(n),
        draw.integers(0, arguments["max_translation"], n),
        draw.standard_normal((n, length)),
        draw.standard_normal((n, length)),
        draw.random(n),
    )


def signals(templates: Values, draws: Draws, arguments: Mapping[str, Any]) -> Values:
    """Each row of `templates` `[n, points]` transformed, `[n, final points]`."""
    from scipy.ndimage import gaussian_filter1d

    n, points = templates.shape
    length = arguments["template_len"] + arguments["padding"][1]
    rows = np.arange(n)[:, None]
    padded = np.zeros((n, length))
    padded[:, :points] = templates + EPSILON
    x = _between(padded, np.linspace(0, 1, length) * (points + draws.padding - 1)[:, None])
    x *= 1 + arguments["scale_coeff"] * (draws.scale - 0.5)[:, None]
    x = x[rows, (np.arange(length) - draws.shift[:, None]) % length]
    noise = gaussian_filter1d(arguments["corr_noise_scale"] * draws.correlated, 2, axis=1)
    x = np.where(x != 0, x, noise) + arguments["iid_noise_scale"] * draws.independent
    slope = arguments["shear_scale"] * (draws.shear - 0.5)
    x -= slope[:, None] * np.linspace(-0.5, 0.5, length)
    final = np.linspace(0, 1, arguments["final_seq_length"]) * (length - 1)
    return _between(x, np.broadcast_to(final, (n, len(final))))


def _between(values: Values, places: Values) -> Values:
    """`values` `[n, points]` at fractional `places` `[n, wanted]`, by straight lines."""
    below = np.minimum(places.astype(np.int64), values.shape[1] - 2)
    part = places - below
    rows = np.arange(len(values))[:, None]
    return np.asarray(values[rows, below] * (1 - part) + values[rows, below + 1] * part)

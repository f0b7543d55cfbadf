"""A scoreboard of claims that nobody made, the same whenever and wherever it is made."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from memlab.claims import criteria, drawing
from memlab.claims.claim import Claim, Contrast, Control, Line, Measured, Panel, Size
from memlab.claims.finished_run import Evidence
from memlab.reports.scoreboard import measured
from memlab.reports.scoreboard_chance import adjusted
from memlab.tui.scoreboard.model import Frame, Price, RunLine, Standing

REPLICATES = tuple(range(200, 208))
NOISE = np.array([-0.02, -0.02, -0.01, 0.0, 0.0, 0.01, 0.02, 0.02])
EPOCHS = np.linspace(0, 60, 61)


def _curve(label: str, rate: float, dashed: bool = False) -> Line:
    fit = 1 - np.exp(-EPOCHS / rate)
    return Line(label, EPOCHS, fit + NOISE[:, None] * (1 - fit), dashed)


PANELS = (
    Panel("fitting", "epoch", "train accuracy", (_curve("real", 3), _curve("random", 15, True))),
    drawing.against(
        "capacity", "units per layer", "accuracy",
        [("real", [4, 32, 256], [0.6 + NOISE, 0.8 + 2 * NOISE, 0.9 + NOISE]),
         ("random", [4, 32, 256], [0.2 + NOISE, 0.5 + 3 * NOISE, 0.85 + NOISE])],
        log_x=True, level=0.1,
    ),
    drawing.against("loss", "η/S", "λ₁", [("S fixed", [1e-4, 1e-2], [30 + NOISE, 4 + NOISE])],
                    log_x=True, log_y=True),
)  # fmt: skip
NAMED = (
    drawing.named(
        "40 % of the labels are lies", "test accuracy",
        [("network, early", 0.83 + NOISE), ("network, final", 0.66 + NOISE),
         ("1-nn", 0.55 + 2 * NOISE), ("k-nn", 0.7 + NOISE), ("random-forest", 0.75 + NOISE)], 0.1,
    ),
)  # fmt: skip


def _claim(
    name: str, paper: str, title: str, effect: float | None, panels: tuple[Panel, ...] = ()
) -> Claim:
    def measure(_: Evidence) -> Measured:
        values = (effect or 0.0) + NOISE
        conditions = (
            criteria.above("early − late", values, 0.2),
            criteria.fitted("real", np.ones(len(NOISE)), 1000),
        )
        return Measured(conditions, panels, contrast=values)

    known = effect is not None
    nothing = Measured((criteria.above("same", NOISE, 0.2),), contrast=NOISE[::-1])
    control = Control("labels permuted", lambda _: nothing)
    return Claim(
        id=name, paper=paper, title=title,
        sentence=f"{title}, say five people who never met and never trained a network.",
        source="Nobody 2017, figure 1", criterion="early − late > 0.2",
        paper_had="nothing of the kind",
        rival="five people who copied from each other",
        contrast=Contrast("early − late", "above"),
        refuted_by="an interval at or below 0.2", done="Nothing was trained.",
        measure=measure if known else None, control=control if known else None,
        needs="" if known else "an instrument that nobody has built",
    )  # fmt: skip


CLAIMS = (
    _claim("Z1", "zhang", "Water is wet", 0.5, PANELS),
    _claim("Z2", "zhang", "Fire is cold", 0.0, PANELS[:2]),
    _claim("Z3", "zhang", "The sky is green on every second Sunday of the month", 0.2),
    _claim("A1", "arpit", "Nobody knows", None),
    _claim("L1", "lookup", "A network is no lookup table", 0.3, NAMED),
    _claim("L2", "lookup", "Layers see through lies", 0.4),
)
RUNS = {
    "Z1": (RunLine("labels-laptop", "20261123-0915-labels-laptop-k3f9", "finished"),),
    "Z2": (
        RunLine("labels-laptop", "20261123-0915-labels-laptop-k3f9", "finished"),
        RunLine("width-laptop", "20261123-0920-width-laptop-a7c2", "running", progress=0.42),
    ),
    "Z3": (RunLine("ratio-laptop", "", "waiting"),),
    "L1": (RunLine("lookup-laptop", "20261123-0916-lookup-laptop-b2d4", "finished"),),
    "L2": (
        RunLine("probes-laptop", "20261123-0918-probes-laptop-c9e1", "failed", "No disk is left."),
    ),
}


def frame(size: Size = "laptop") -> Frame:
    """All claims, as they stand."""
    standings = []
    for claim in CLAIMS:
        entry = measured(claim, Evidence({}, REPLICATES), size, {})
        standings.append(Standing(claim, entry, RUNS.get(claim.id, ())))
    entries = [one.entry for one in standings if one.entry is not None]
    return Frame(size, REPLICATES, tuple(standings), going=True, holm=adjusted(entries))


class InventedReader:
    """In the place of the reader: one frame for ever."""

    def __init__(self) -> None:
        self._frames: dict[Size, Frame] = {}

    def read(self, size: Size, budget: float) -> Frame:
        """The same each time, as a measured claim is."""
        return self._frames.setdefault(size, frame(size))

    def price(self, claims: Collection[str], size: Size) -> Price:
        """A price for any claims."""
        return Price(2, 60 * len(claims), 420.0, "cpu")

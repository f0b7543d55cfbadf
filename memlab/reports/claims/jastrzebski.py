"""Jastrzębski et al. 2017, arXiv 1711.04623: three factors (science.md, 3)."""

from __future__ import annotations

from typing import Final

from memlab.reports.claims.claim import Claim, Control
from memlab.reports.claims.jastrzebski_quantities import (
    LOST,
    MEMORIZED,
    MONOTONE,
    SMALL,
    STEEP,
    breakdown,
    cycles,
    memorization,
    only_the_ratio,
    wider_minima,
)

PAPER: Final = "jastrzebski"
CLAIMS: Final = (
    Claim(
        id="T1",
        paper=PAPER,
        title="Larger η/S finds wider minima",
        sentence="The larger the learning rate over the batch size, the flatter the minimum that "
        "SGD ends in.",
        source="Jastrzębski 2017, section 4.1, figures 1 and 2",
        criterion=f"rank correlation of log η/S and log λ₁ at the end ≤ {MONOTONE:g}, slope "
        f"of log λ₁ < {STEEP:g}, all networks with train accuracy ≥ 0.99",
        effect="rank correlation over η/S, within each seed",
        unit="correlation",
        paper_had="the largest eigenvalue and the Frobenius norm of the Hessian falling with η/S "
        "over more than a decade",
        refuted_by="a largest eigenvalue that does not fall with η/S",
        presets=("minima",),
        measure=wider_minima,
        control=Control(
            "η varied with η/S held constant", lambda e: wider_minima(e, held=True), ("minima",)
        ),
    ),
    Claim(
        id="T2",
        paper=PAPER,
        title="Only the ratio matters",
        sentence="Scaling learning rate and batch size together changes nothing.",
        source="Jastrzębski 2017, section 4.2, figures 3 and 4",
        criterion="mean spread of log λ₁ over batch sizes at one η/S ÷ its spread over all ratios "
        f"< {SMALL:g}",
        effect="spread at one ratio ÷ spread over ratios",
        unit="share",
        paper_had="learning curves that lie on each other where η/S is the same",
        refuted_by="a spread at one ratio comparable to the whole",
        presets=("minima",),
        measure=only_the_ratio,
        control=Control(
            "one batch size in the place of one ratio",
            lambda e: only_the_ratio(e, by_batch=True),
            ("minima",),
        ),
    ),
    Claim(
        id="T3",
        paper=PAPER,
        title="Larger η/S generalizes better at equal memorization",
        sentence="When as many lies are known by heart, the network trained with larger η/S is the "
        "better one.",
        source="Jastrzębski 2017, section 4.3, figure 5",
        criterion=f"rank correlation > 0 of η/S and validation accuracy at the epoch where "
        f"{MEMORIZED:.0%} of the corrupted labels are repeated, at 25 % and at 50 % noise",
        effect="rank correlation over η/S at 25 %, within each seed",
        unit="correlation",
        paper_had="validation accuracy higher for larger η/S at the same accuracy on random "
        "labels, an MLP on MNIST",
        refuted_by="a validation accuracy that falls with η/S at equal memorization",
        reading="on 1,000 digits validation accuracy at equal memorization falls with η/S, if "
        "anything; the paper has MNIST with fifty times the examples",
        presets=("ratio",),
        measure=memorization,
        control=Control(
            "η/S in another order in each seed",
            lambda e: memorization(e, permuted=True),
            ("ratio",),
        ),
    ),
    Claim(
        id="T4",
        paper=PAPER,
        title="The equivalence breaks at large steps",
        sentence="Beyond some common factor β, learning rate and batch size are no longer "
        "exchangeable.",
        source="Jastrzębski 2017, section 4.4, figure 6",
        criterion=f"test accuracy at the largest β lower by more than {LOST:g} than at β = 1; the "
        "smallest such β is reported",
        effect="test accuracy lost at the largest β",
        unit="accuracy",
        paper_had="a breakdown at a β that depends on the data set size",
        refuted_by="equal test accuracy up to the largest β",
        presets=("breakdown",),
        measure=breakdown,
        control=Control(
            "β = 2 in the place of the largest", lambda e: breakdown(e, 1), ("breakdown",)
        ),
    ),
    Claim(
        id="T5",
        paper=PAPER,
        title="Batch-size schedules replace learning-rate schedules",
        sentence="Cycling the batch size does what cycling the learning rate does.",
        source="Jastrzębski 2017, section 4.5, figure 7",
        criterion="final λ₁ of the two schedules equal to a factor of 1.5, test accuracy to "
        f"{LOST:g}",
        effect="log λ₁, cyclic S − cyclic η",
        unit="log eigenvalue",
        paper_had="equal curves for cyclic S 128 to 640 and cyclic η 0.001 to 0.005",
        refuted_by="a difference in λ₁ or test accuracy",
        presets=("cycles",),
        measure=cycles,
        control=Control(
            "cycles of a fifth of the learning rate", lambda e: cycles(e, slower=True), ("cycles",)
        ),
    ),
)

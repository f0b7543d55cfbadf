"""The early trajectory: Jastrzębski 2018 and 2020, Cohen 2021 (science.md, 6)."""

from __future__ import annotations

from typing import Final

from memlab.reports.claims.claim import Claim, Control
from memlab.reports.claims.trajectory_quantities import (
    EDGE,
    HIGHER,
    LOSS,
    STAYS,
    better_conditioned,
    early_steps_decide,
    edge_of_stability,
    lower_at_larger_steps,
    rises_then_falls,
)

PAPER: Final = "trajectory"
CLAIMS: Final = (
    Claim(
        id="B1",
        paper=PAPER,
        title="Sharpness rises, then falls",
        sentence="The largest eigenvalue of the Hessian first rises, then falls or levels off.",
        source="Jastrzębski 2020, arXiv 2002.09572, section 4.1, figure 1",
        criterion="the maximum of λ_H lies strictly inside training: it is larger than the first "
        f"and the last measurement by a factor of {HIGHER:g}, at every learning rate",
        effect="log of the maximum of λ_H ÷ its end, least over η",
        unit="log eigenvalue",
        paper_had="a maximum within the first epochs on CIFAR-10",
        refuted_by="a maximum at the first or last measurement",
        presets=("early",),
        measure=rises_then_falls,
        control=Control(
            "full-batch gradient descent at rates that reach the edge of stability late or never",
            lambda e: rises_then_falls(e, "edge"),
            ("edge",),
        ),
    ),
    Claim(
        id="B2",
        paper=PAPER,
        title="Larger steps break even earlier",
        sentence="With larger η or smaller S the break-even point comes earlier, at a lower λ_K.",
        source="Jastrzębski 2020, section 4.2, figure 4",
        criterion="rank correlation of η and the maximum of λ_K < 0",
        effect="rank correlation over η, within each seed",
        unit="correlation",
        paper_had="0.87 at η 0.1 against 3.01 at η 0.01",
        refuted_by="a maximum that does not fall with η",
        reading="the sharpness of this network levels off by itself, below 2/η for all but the "
        "largest rates, so that stability hardly limits it, and larger steps make gradients "
        "larger",
        presets=("early",),
        measure=lower_at_larger_steps,
        control=Control(
            "learning rates in another order in each seed",
            lambda e: lower_at_larger_steps(e, permuted=True),
            ("early",),
        ),
    ),
    Claim(
        id="B3",
        paper=PAPER,
        title="and leave better-conditioned gradients",
        sentence="With larger η the gradient covariance is better conditioned.",
        source="Jastrzębski 2020, section 4.2, figure 5",
        criterion="the maxima of Tr K ÷ λ_K and of λ* ÷ λ_K rise with η",
        effect="rank correlation over η, within each seed",
        unit="correlation",
        paper_had="Tr K ÷ λ_K 14.29 at η 0.1 against 10.69 at η 0.01",
        refuted_by="a conditioning that does not rise with η",
        reading="the smallest of 24 eigenvalues from 512 examples is mostly noise; Tr K ÷ λ_K does "
        "rise",
        presets=("early",),
        measure=better_conditioned,
        control=Control(
            "learning rates in another order in each seed",
            lambda e: better_conditioned(e, permuted=True),
            ("early",),
        ),
    ),
    Claim(
        id="B4",
        paper=PAPER,
        title="Gradient descent at the edge of stability",
        sentence="Under full-batch gradient descent λ_H rises to 2/η and stays there.",
        source="Cohen 2021, arXiv 2103.00065, section 3, figure 1",
        criterion="with squared error, λ_H starts below 2/η, reaches it, and is then within "
        f"{EDGE:.0%} of it on the mean and in {STAYS:.0%} of all measurements",
        effect="mean of λ_H η / 2 after reaching 1",
        unit="ratio",
        paper_had="λ_H hovering just above 2/η for tanh networks on 5,000 CIFAR-10 images",
        refuted_by="a λ_H that stays below or leaves that band",
        presets=("edge",),
        measure=edge_of_stability,
        control=Control(
            "a rate whose edge lies beyond the sharpness that is reached",
            lambda e: edge_of_stability(e, slow=True),
            ("edge",),
        ),
    ),
    Claim(
        id="B5",
        paper=PAPER,
        title="Early steps decide",
        sentence="A high rate in the first epochs marks the minimum, whatever follows.",
        source="Jastrzębski 2020, section 4.3",
        criterion=f"log λ_H at train loss {LOSS:g}, forked to the low η after some epochs at a "
        "high one − low from the start < 0",
        effect="log λ_H, forked − low from the start",
        unit="log eigenvalue",
        paper_had="lower curvature along the whole later trajectory",
        refuted_by="a λ_H as high as with the low rate from the start",
        presets=("fork",),
        measure=early_steps_decide,
        control=Control(
            "the low rate from the start in both places, seeds exchanged",
            lambda e: early_steps_decide(e, same=True),
            ("fork",),
        ),
    ),
)

"""The early trajectory: Jastrzębski 2018 and 2020, Cohen 2021 (science.md, 6); still to come."""

from __future__ import annotations

from typing import Final

from memlab.reports.claims.claim import Claim

PAPER: Final = "trajectory"
CLAIMS: Final = (
    Claim(
        id="B1",
        paper=PAPER,
        title="Sharpness rises, then falls",
        sentence="The largest eigenvalue of the Hessian first rises, then falls or levels off.",
        source="Jastrzębski 2020, arXiv 2002.09572, section 4.1, figure 1",
        criterion="the maximum of λ_H lies strictly inside training",
        effect="epoch of the maximum",
        unit="share of training",
        paper_had="a maximum within the first epochs on CIFAR-10",
        refuted_by="a maximum at the first or last measurement",
        needs="curvature measured per update in the first epochs",
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
        needs="gradient covariance measured per update in the first epochs",
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
        needs="gradient covariance measured per update in the first epochs",
    ),
    Claim(
        id="B4",
        paper=PAPER,
        title="Gradient descent at the edge of stability",
        sentence="Under full-batch gradient descent λ_H rises to 2/η and stays there.",
        source="Cohen 2021, arXiv 2103.00065, section 3, figure 1",
        criterion="with squared error, λ_H reaches 2/η and then stays within 20 % of it",
        effect="mean of λ_H η / 2 after reaching 1",
        unit="ratio",
        paper_had="λ_H hovering just above 2/η for tanh networks on 5,000 CIFAR-10 images",
        refuted_by="a λ_H that stays below or leaves that band",
        needs="a full-batch preset with squared error and curvature",
    ),
    Claim(
        id="B5",
        paper=PAPER,
        title="Early steps decide",
        sentence="A high rate in the first epochs marks the minimum, whatever follows.",
        source="Jastrzębski 2020, section 4.3",
        criterion="final λ_H at equal train loss, high then low η − low from the start < 0",
        effect="log λ_H, forked − low from the start",
        unit="log eigenvalue",
        paper_had="lower curvature along the whole later trajectory",
        refuted_by="a λ_H as high as with the low rate from the start",
        needs="a fork as an experiment's axis",
    ),
)

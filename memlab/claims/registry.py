"""All claims in their order, and the names by which people ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from memlab.claims import (
    arpit_examples,
    arpit_hypotheses,
    arpit_networks,
    basin,
    catapult,
    double_descent,
    feldman,
    fisher,
    fort,
    fort_distance,
    grokking,
    jastrzebski,
    jastrzebski_minima,
    long_tail,
    lookup,
    parity,
    smith,
    smith_batch,
    stability,
    trajectory,
    zhang,
    zhang_interpolants,
    zhang_models,
)
from memlab.claims.claim import Check, Claim
from memlab.errors import InvalidExperiment
from memlab.experiment import plugins
from memlab.spelling import closest, did_you_mean

#: Paper → how it is cited, in the order of the scoreboard.
PAPERS: Final = {
    "zhang": "Zhang 2017, random data",
    "arpit": "Arpit 2017, memorization",
    "jastrzebski": "Jastrzębski 2017, three factors",
    "smith": "Smith 2017, grow the batch",
    "fort": "Fort 2019, stiffness",
    "trajectory": "Jastrzębski 2020, Cohen 2021, the early trajectory",
    "lookup": "Is it a lookup table?",
    "feldman": "Feldman 2020, who is memorized",
}
#: The modules that declare them, in the order of the papers.
MODULES: Final = (
    zhang, zhang_models, zhang_interpolants, arpit_examples, arpit_networks, arpit_hypotheses,
    jastrzebski_minima, jastrzebski, smith, smith_batch, fort, fort_distance, trajectory, stability,
    basin, fisher, catapult, lookup, parity, grokking, double_descent, long_tail, feldman
)  # fmt: skip
CLAIMS: Final = tuple(
    found for module in MODULES for found in vars(module).values() if isinstance(found, Claim)
)
#: What is a theorem or arithmetic, listed apart and never counted.
CHECKS: Final = tuple(
    found for module in MODULES for found in vars(module).values() if isinstance(found, Check)
)


def checks_beside(claims: Sequence[Claim]) -> tuple[Check, ...]:
    """The checks that stand on these claims' pages, in order."""
    ids = {claim.id for claim in claims}
    return tuple(check for check in CHECKS if check.beside in ids)


def all_claims() -> tuple[Claim, ...]:
    """Ours in their order, then third parties' by their ids.

    Raises:
        InvalidExperiment: if one of theirs cannot be imported or is no claim.
    """
    foreign = [plugins.load(plugins.CLAIMS, name, Claim) for name in plugins.names(plugins.CLAIMS)]
    return (*CLAIMS, *(claim for claim in foreign if claim.id not in {c.id for c in CLAIMS}))


def named(name: str) -> Claim:
    """The claim of that id; no other third party's is imported.

    Raises:
        InvalidExperiment: if it cannot be imported or is no claim.
    """
    own = next((claim for claim in CLAIMS if claim.id == name), None)
    if own is not None:
        return own
    found: Claim = plugins.load(plugins.CLAIMS, name, Claim)
    return found


def papers(claims: Sequence[Claim]) -> dict[str, str]:
    """Paper → how it is cited, of these claims, ours first; a third party's is cited by its key."""
    own = {paper: title for paper, title in PAPERS.items() if any(c.paper == paper for c in claims)}
    return own | {claim.paper: claim.paper for claim in claims if claim.paper not in PAPERS}


def chosen(names: Sequence[str]) -> tuple[Claim, ...]:
    """The claims that `names` ask for (ids or papers, in any case), in order; all for none.

    Raises:
        InvalidExperiment: if a name is neither, with the nearest.
    """
    claims = all_claims()
    if not names:
        return claims
    known = {claim.id.lower(): {claim.id} for claim in claims}
    known |= {p.lower(): {c.id for c in claims if c.paper == p} for p in papers(claims)}
    wanted: set[str] = set()
    for name in names:
        if name.lower() not in known:
            raise InvalidExperiment(f"There is no claim or paper {name!r}{_nearest(name, known)}")
        wanted |= known[name.lower()]
    return tuple(claim for claim in claims if claim.id in wanted)


def _nearest(name: str, known: dict[str, set[str]]) -> str:
    close = closest(name.lower(), known, cutoff=0.4)
    near = [each if each in PAPERS else each.upper() for each in close]
    listed = f". Claims: {CLAIMS[0].id} to {CLAIMS[-1].id}; papers: {', '.join(PAPERS)}."
    return did_you_mean(near, listed)

"""The bench of training: stacks beside loops, libraries and `torch.func`, in one process.

Grids that evaluate are measured as a whole run of a worker, with everything that it records and
however many processes it uses; the trainer in this process is then one of the references. The
others train in this process, keyed batches and divergence checks included.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from memlab.bench import libraries, ours, references
from memlab.bench.cases import CONVOLUTIONAL, PERCEPTRONS, Bench, Case
from memlab.bench.ensembling import ensembling
from memlab.bench.peak import flops, matrix_peak
from memlab.bench.timing import Contest, Measure, Row, held, row


def contest(case: Case, bench: Bench) -> Contest:
    """The case with the references that fit it and are installed."""
    plain: dict[str, Measure] = {"plain loop": partial(references.plain_loop, case, bench)}
    if case.model == "cnn":
        plain["channels_last"] = partial(references.plain_loop, case, bench, channels_last=True)
    else:
        plain = {"DataLoader loop": partial(references.data_loader_loop, case, bench), **plain}
        if case.evaluates:
            found = libraries.installed()
            plain |= {name: partial(library, case, bench) for name, library in found.items()}
            if case.members > 1:
                plain["torch.func ensembling"] = partial(ensembling, case, bench)
    alone: Measure = partial(ours.in_this_process, case, bench)
    if case.evaluates and case.members > 1:
        whole = partial(ours.as_a_run, case, bench)
        return Contest(f"{case.name}, a run", whole, {**plain, "in one process": alone}, cold=True)
    return Contest(case.name, alone, plain)


def share_of_peak(cases: Sequence[Case], bench: Bench, repetitions: int) -> list[Row]:
    """Arithmetic of training beside that of a large matrix product, for perceptrons."""
    made = []
    for case in cases:
        if case.model == "mlp" and not case.evaluates:
            measured = [
                (ours.in_this_process(case, bench) * flops(case) / 1e9, matrix_peak(bench.device))
                for _ in range(repetitions)
            ]
            reached, peak = zip(*measured, strict=True)
            made.append(row(f"{case.name}: matrix peak", reached, peak, "GFLOP/s"))
    return made


def rows(
    repetitions: int, bench: Bench, cases: Sequence[Case] = (*PERCEPTRONS, *CONVOLUTIONAL)
) -> list[Row]:
    """One row per case and reference; the ratio is the median over interleaved repetitions."""
    made = [each for case in cases for each in held(contest(case, bench), repetitions)]
    return made + share_of_peak(cases, bench, repetitions)

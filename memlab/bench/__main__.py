"""`python -m memlab.bench`: what `memlab bench` measures, as one JSON document."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from pathlib import Path

import torch

from memlab.bench import (
    curvature,
    gram,
    libraries,
    modules,
    recording,
    scaling,
    suspects,
    suspects_table,
    training,
)
from memlab.bench.cases import Bench
from memlab.worker import device as devices

WHAT = ("training", "instruments", "recording", "scaling", "suspects")


def main() -> int:
    """Prints one JSON document."""
    parser = argparse.ArgumentParser(prog="python -m memlab.bench")
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--most", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--data", action="append", choices=suspects.DATA)
    parser.add_argument("--noise", action="append", choices=suspects.NOISE)
    parser.add_argument("--rate", action="append", type=float)
    parser.add_argument("--replicates", type=int, default=suspects.REPLICATES)
    parser.add_argument("--first", type=int, default=suspects.FIRST)
    parser.add_argument("--networks", type=int)
    parser.add_argument("--examples", type=int)
    parser.add_argument("--join", action="append", type=Path)
    options = parser.parse_args()
    device = devices.choose(options.device)
    devices.keep_memory()
    devices.compute_in("float32")  # on both sides: a GPU's convolutions else round to TF32
    machine = {
        "device": devices.describe(device),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }
    with tempfile.TemporaryDirectory(prefix="memlab-bench-") as folder:
        measured = measure(options, Bench(device, Path(folder)))
    json.dump({"machine": machine, **measured}, sys.stdout)
    return 0


def measure(options: argparse.Namespace, bench: Bench) -> dict[str, object]:
    """The rows, and what else the document holds."""
    repetitions = options.repetitions
    if options.what == "training":
        return {"rows": training.rows(repetitions, bench), "missing": libraries.missing()}
    if options.what == "recording":
        return {"rows": recording.rows(repetitions, bench)}
    if options.what == "instruments":
        kinds = (gram, curvature, modules)
        rows = [r for each in kinds for r in each.rows(repetitions, bench.device)]
        return {"rows": rows}
    if options.what == "suspects" and options.join:
        return suspects_table.joined(
            json.loads(path.read_text(encoding="utf-8")) for path in options.join
        )
    if options.what == "suspects":
        wanted = suspects.Wanted(
            data=options.data or suspects.DATA,
            noise=options.noise or suspects.NOISE,
            rates=options.rate or suspects.RATES,
            replicates=options.replicates,
            first=options.first,
            networks=options.networks,
            examples=options.examples,
        )
        return {**suspects.document(wanted, bench), "missing": suspects.missing()}
    curves = scaling.sizes(options.most, options.epochs)
    found = scaling.points(curves, bench)
    return {"rows": scaling.rows(found), "points": [point.document() for point in found]}


if __name__ == "__main__":
    sys.exit(main())

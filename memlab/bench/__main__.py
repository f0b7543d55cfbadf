"""`python -m memlab.bench`: what `memlab bench` measures, as one JSON document."""

from __future__ import annotations

import argparse
import json
import platform
import sys

import torch

from memlab.bench import curvature, gram, training
from memlab.worker import device as devices

#: What can be measured; each module's `rows(repetitions, device)` gives rows of one table.
BENCHES = {
    "training": (training,),
    "instruments": (gram, curvature),
}


def main() -> int:
    """Prints one JSON document."""
    parser = argparse.ArgumentParser(prog="python -m memlab.bench")
    parser.add_argument("what", choices=sorted(BENCHES))
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device = devices.choose(options.device)
    devices.keep_memory()
    machine = {
        "device": devices.describe(device),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }
    rows = [
        row for bench in BENCHES[options.what] for row in bench.rows(options.repetitions, device)
    ]
    json.dump({"machine": machine, "rows": rows}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())

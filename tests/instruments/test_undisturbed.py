"""What instruments change of the process while they measure is afterwards as it was."""

from __future__ import annotations

import json

import pytest

from memlab import child

#: Each way in which a user's script may have said how float32 is multiplied.
WAYS = {
    "nothing": "",
    "the older switches": "b.cuda.matmul.allow_tf32 = True",
    "torch.set_float32_matmul_precision": "torch.set_float32_matmul_precision('high')",
    "the newer switches": "b.cuda.matmul.fp32_precision = b.cudnn.conv.fp32_precision = 'tf32'",
    "the newer switch for all": "b.fp32_precision = 'tf32'",
    "a newer switch, off": "b.cudnn.conv.fp32_precision = 'ieee'",
}
SCRIPT = """
import json, os, sys, torch
from memlab.instruments.undisturbed import full_float32
b = torch.backends

def state():
    found = []
    for holder in (b.cuda.matmul, b.cudnn, b.cudnn.conv, b.cudnn.rnn, b):
        for name in ("allow_tf32", "fp32_precision"):
            try:
                found.append(getattr(holder, name))
            except (RuntimeError, AttributeError) as error:
                found.append(type(error).__name__)
    return found

for way in json.loads(sys.argv[1]):
    if os.fork() == 0:
        exec(way)
        before = state()
        with full_float32():
            within = state()
        print(json.dumps([before, within, state()]), flush=True)
        os._exit(0)
    os.wait()
"""


def test_tf32_is_off_within_and_as_it_was_afterwards_however_it_was_asked_for() -> None:
    torch = pytest.importorskip("torch")
    if not hasattr(torch.backends.cudnn, "conv"):
        pytest.skip("a torch with the older switches only")
    done = child.run(["-c", SCRIPT, json.dumps(list(WAYS.values()))])
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(WAYS), done.stderr
    for way, (before, within, after) in zip(WAYS, lines, strict=True):
        assert before == after, way
        assert within[1] == within[5] == within[7] == "ieee", way
        for older in (0, 2):  # unreadable where only the newer ones were used, inside as outside
            assert within[older] is False or before[older] == "RuntimeError", way

"""A plain PyTorch loop takes four lines, and trains the same."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import torch

PLAIN = """\
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x, y = torch.randn(96, 5), torch.arange(96) % 3
model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)

for epoch in range(3):
    for inputs, labels in loader:
        logits = model(inputs)
        loss = nn.functional.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""
RECORDED = """\
import memlab
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x, y = torch.randn(96, 5), torch.arange(96) % 3
model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)

with memlab.record(model, train=(x, y), optimizer=optimizer) as run:
    for epoch in range(3):
        for inputs, labels, index in run.batches(loader):
            logits = model(inputs)
            loss = nn.functional.cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.step(logits, labels, index)
"""


def test_four_lines_differ_and_no_bit(tmp_path: Path) -> None:
    for name, text in (("plain.py", PLAIN), ("recorded.py", RECORDED)):
        (tmp_path / name).write_text(text)
    found = subprocess.run(
        ["diff", "-w", "plain.py", "recorded.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()
    assert len([line for line in found if line.startswith(">")]) == 4
    ended: list[dict[str, Any]] = []
    for text in (PLAIN, RECORDED):
        scope: dict[str, Any] = {}
        exec(text, scope)
        ended.append(scope)
    one, other = (scope["model"].state_dict() for scope in ended)
    assert all(torch.equal(one[name], other[name]) for name in one)
    import memlab

    assert len(memlab.load(ended[1]["run"].id).series("train_loss").epochs) == 3


def test_the_page_shows_these_lines() -> None:
    page = (Path(__file__).parents[2] / "docs" / "your-own-loop.md").read_text()
    for line in RECORDED.splitlines():
        if "memlab" in line or "run." in line:
            assert line.strip() in page, line

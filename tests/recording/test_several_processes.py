"""Two processes that train together: the first records, and no bit of either differs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import memlab
from memlab.settings import HOME_VARIABLE

SCRIPT = """
import os, torch, memlab
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

torch.set_num_threads(1)
torch.distributed.init_process_group("gloo")
x, y = torch.randn(64, 5, generator=torch.Generator().manual_seed(0)), torch.arange(64) % 3

def trained(recorded):
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 3))
    wrapped = DistributedDataParallel(model)
    optimizer = torch.optim.SGD(wrapped.parameters(), lr=0.1)
    data = TensorDataset(x, y)
    sampler = DistributedSampler(data)
    loader = DataLoader(data, batch_size=8, sampler=sampler)
    run = None
    if recorded:
        run = memlab.record(
            wrapped, train=(x, y), validation=(x, y), optimizer=optimizer,
            instruments=["stiffness", "ledger"], share=10.0,
        )
    for epoch in range(3):
        sampler.set_epoch(epoch)
        for images, labels, index in memlab.indexed(loader):
            logits = wrapped(images)
            optimizer.zero_grad()
            nn.functional.cross_entropy(logits, labels).backward()
            optimizer.step()
            if run is not None:
                run.step(logits, labels, index)
        if run is not None:
            run.epoch()
    if run is not None:
        run.close()
        assert bool(run.id) == (torch.distributed.get_rank() == 0)
    return model.state_dict(), torch.random.get_rng_state()

one, other = trained(False), trained(True)
assert torch.equal(one[1], other[1])
assert all(torch.equal(one[0][name], other[0][name]) for name in one[0])
torch.distributed.destroy_process_group()
"""


@pytest.mark.full
def test_the_first_process_records_and_no_bit_differs(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT],
            env=os.environ | common | {"RANK": str(rank), HOME_VARIABLE: str(tmp_path)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    told = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], told
    runs = memlab.list_runs()
    assert len(runs) == 1
    assert len(runs[0].series("train_loss").epochs) == 3
    assert len(runs[0].instrument("stiffness", "within").epochs) >= 1

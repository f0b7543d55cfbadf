"""A third party's dataset, corruption, model, instrument and claim, as a package installs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DECLARATIONS = """
import numpy as np
from memlab.data.corruption import Corruption
from memlab.data.dataset import Dataset, Raw, Sizes
from memlab.experiment.architecture import Architecture
from memlab.experiment.instruments import Instrument, Quantity
from memlab.experiment.keys import key


def load(request):
    draws = key(7, "rings")
    y = np.arange(300) % 3
    angle = draws.random(300) * 2 * np.pi
    x = np.stack([np.cos(angle) * (y + 1), np.sin(angle) * (y + 1)], 1).astype(np.float32)
    return Raw("rings", x, y.astype(np.int64), None, None, ("in", "middle", "out"))


RINGS = Dataset("rings", "three rings", 3, (2,), 300, None, Sizes(180, 60, 60), load)
LOWEST = Corruption("lowest", "all become class 0", labels=lambda y, classes, draws: y * 0)
TINY = Architecture("tiny", "one hidden layer", lambda tally, spec: tally.linear(spec.width),
                    "other_network", width=12)
NORM = Instrument(
    name="weight-norm", title="weight norm", about="norm of all parameters", source="none",
    quantities=(Quantity("norm", "its norm", low=0.0),), headline="norm",
    measure=lambda subject, settings: {
        "norm": sum(p.detach().flatten(1).norm(dim=1) for p in subject.model.parameters())
    },
    cost=lambda settings, work: 1.0,
)
HARDEST = Instrument(
    name="hardest", title="hardest example", about="the lowest margin", source="none",
    quantities=(Quantity("margin", "the lowest margin", "logits"),), headline="margin",
    measure=lambda subject, settings: {"margin": subject.outcome.margins.amin(1)},
    cost=lambda settings, work: 1.0, needs=("margins",),
)
"""
CLAIM = """
from pathlib import Path
from memlab.claims import criteria as that
from memlab.claims.claim import Claim, Contrast, Control, Measured


def measure(evidence, by=0.0):
    found = evidence.run("rings").cells[0].final("train_accuracy")
    over = that.exceeds("accuracy over chance", found, 0 * found + 1 / 3, by)
    return Measured((over,), contrast=found - by)


CLAIM = Claim(
    id="R1", paper="Rings 2026", title="Rings are learned", sentence="They are.", source="none",
    criterion="accuracy above chance", paper_had="nothing", refuted_by="chance",
    rival="classes of unequal size", contrast=Contrast("accuracy over chance", "above"),
    presets=("rings",), measure=measure,
    control=Control("more than all", lambda e: measure(e, 1.0), ("rings",)),
    folder=Path(__file__).parent,
)
"""
NETWORK = """
import torch
from memlab.models.layers import StackedLinear
from memlab.models.registry import register
from memlab.models.stacked import StackedModel


@register("tiny")
class Tiny(StackedModel):
    def __init__(self, spec, members, shape):
        super().__init__(spec, members, shape)
        self.first = StackedLinear(members, shape.features, spec.width)
        self.last = StackedLinear(members, spec.width, shape.classes)

    def forward(self, x, noise=None):
        return self.last(torch.relu(self.first(x.flatten(2))))
"""
POINTS = """
[memlab.datasets]
rings = other_memlab:RINGS
[memlab.corruptions]
lowest = other_memlab:LOWEST
[memlab.models]
tiny = other_memlab:TINY
[memlab.instruments]
weight-norm = other_memlab:NORM
hardest = other_memlab:HARDEST
[memlab.claims]
R1 = other_claim:CLAIM
"""
EXPERIMENT = """
seeds = 2
[dataset]
name = "rings"
[corruption]
kind = "lowest"
fraction = 0.3
[model]
name = "tiny"
[optimizer]
batch_size = 20
[stop]
epochs = 5
[instruments]
on = ["weight-norm", "hardest"]
cadence = 1
"""
RINGS = 'claims = ["R1"]\n' + EXPERIMENT.replace('kind = "lowest"\nfraction = 0.3', "")


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """The environment of a process for which the other package is installed."""
    site = tmp_path / "site"
    info = site / "other-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    (site / "other_memlab.py").write_text(DECLARATIONS)
    (site / "other_network.py").write_text(NETWORK)
    (site / "other_claim.py").write_text(CLAIM)
    (site / "rings-laptop.toml").write_text(RINGS)
    return os.environ | {"PYTHONPATH": str(site), "MEMLAB_HOME": str(tmp_path / "home")}


def python(code: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_all_four_are_trained_and_measured(installed: dict[str, str], tmp_path: Path):
    file = tmp_path / "theirs.toml"
    file.write_text(EXPERIMENT)
    command = [sys.executable, "-m", "memlab", "run", str(file), "--json", "--device", "cpu"]
    done = subprocess.run(command, env=installed, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    (row,) = report["rows"]
    assert row["parameters"] == 2 * 12 + 12 + 12 * 3 + 3
    assert 0.1 < row["fraction_changed"] < 0.3
    (measured,) = report["instruments"]["weight-norm"]["rows"]
    assert measured["norm"]["n"] == 2
    (hardest,) = report["instruments"]["hardest"]["rows"]
    assert report["instruments"]["hardest"]["failed"] is None
    assert hardest["margin"]["n"] == 2


def test_a_claim_is_replicated_and_ends_the_report_of_its_run(installed: dict[str, str]):
    command = [sys.executable, "-m", "memlab", "replicate", "r1", "--replicates", "8", "--json"]
    done = subprocess.run(command, env=installed, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    board = json.loads(done.stdout)
    assert [(one["id"], one["verdict"]) for one in board["claims"]] == [("R1", "supported")]
    assert board["claims"][0]["control"]["verdict"] == "not supported"
    (run,) = board["claims"][0]["runs"]
    report = python(f"import sys; from memlab.cli.main import main; main(['report', '{run}', "
                    "'--format', 'json'])", installed)  # fmt: skip
    (verdict,) = json.loads(report.stdout)["claims"]
    assert verdict["verdict"] == "supported"
    assert verdict["effect"]["n"] == 8
    home = Path(installed["MEMLAB_HOME"]) / "runs" / run
    (home / "report.json").unlink()
    (Path(installed["PYTHONPATH"]) / "other_claim.py").write_text("raise RuntimeError('broken')")
    report = python(f"import sys; from memlab.cli.main import main; main(['report', '{run}', "
                    "'--format', 'json'])", installed)  # fmt: skip
    (verdict,) = json.loads(report.stdout)["claims"]
    assert verdict["verdict"] == "not run"
    assert "cannot be imported: broken" in verdict["reason"]


def test_a_claim_keeps_to_the_contract(installed: dict[str, str]):
    checked = python("import other_claim\nfrom memlab.claims import contract\n"
                     "contract.check_claim(other_claim.CLAIM)", installed)  # fmt: skip
    assert checked.returncode == 0, checked.stderr


def test_all_four_keep_to_the_contracts(installed: dict[str, str]):
    done = python(
        "import other_memlab as o\n"
        "from memlab.data import contract as data\n"
        "from memlab.instruments import contract as instruments\n"
        "from memlab.models import contract as models\n"
        "from memlab.experiment.spec import ModelSpec\n"
        "data.check_dataset(o.RINGS); data.check_corruption(o.LOWEST)\n"
        "models.check_architecture(ModelSpec(name='tiny'), None)\n"
        "instruments.check_instrument(o.NORM); instruments.check_instrument(o.HARDEST)\n"
        "instruments.check_no_torch('other_memlab')\n",
        installed,
    )
    assert done.returncode == 0, done.stderr


def test_a_declaration_that_cannot_be_imported_is_named(installed: dict[str, str], tmp_path: Path):
    (tmp_path / "site" / "other_memlab.py").write_text("raise RuntimeError('broken')")
    file = tmp_path / "theirs.toml"
    file.write_text(EXPERIMENT)
    command = [sys.executable, "-m", "memlab", "run", str(file), "--device", "cpu"]
    done = subprocess.run(command, env=installed, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "cannot be imported: broken" in done.stderr
    assert "Traceback" not in done.stderr

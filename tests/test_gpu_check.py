"""The one command that tries everything on a GPU, where there is none."""

from __future__ import annotations

import json
import os

import pytest
import torch

from memlab import child
from memlab.bench import gpu, gpu_speeds
from memlab.bench.gpu import Part


def test_without_a_gpu_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["gpu"])
    if torch.cuda.is_available():
        pytest.skip("there is one")
    assert gpu.main() == 2
    assert capsys.readouterr().err.startswith("There is no cuda here")


@pytest.mark.full
def test_its_parts_are_tests_benches_presets_and_the_board():
    names = [part.name for part in gpu.parts("cuda")]
    assert names[:4] == ["tests", "speeds", "bench training", "bench instruments"]
    assert {"preset noise-ladder", "board"} <= set(names)
    (tests,) = (part for part in gpu.parts("cuda") if part.name == "tests")
    done = child.run([*tests.words, "--collect-only"])
    assert "tests/training/test_cuda.py" in done.stdout


def test_a_part_that_works_fails_or_hangs_is_told(tmp_path):
    told = {
        "works": gpu.carried_out(Part("a", ("-c", "print(1)"), 60, str.splitlines), str(tmp_path)),
        "fails": gpu.carried_out(
            Part("b", ("-c", "raise SystemExit('why')"), 60, str.splitlines), str(tmp_path)
        ),
        "odd": gpu.carried_out(Part("c", ("-c", "print('{')"), 60, gpu._bench), str(tmp_path)),
        "hangs": gpu.carried_out(
            Part("d", ("-c", "import time; time.sleep(60)"), 0.5, str.splitlines), str(tmp_path)
        ),
    }
    assert told["works"].ok
    assert told["works"].lines == ["1"]
    assert not told["fails"].ok
    assert "why" in told["fails"].lines
    assert told["odd"].lines == ["what it printed could not be read"]
    assert told["hangs"].lines == ["not done after 0 s"]
    assert gpu.section(told["fails"])[1].startswith("## b: FAILED")
    assert gpu.summary(list(told.values()))[-1] == "4 parts, failed: b, d."


def test_the_whole_command_prints_markdown_and_writes_json(tmp_path, monkeypatch, capsys):
    part = Part("small", ("-c", "import os; print(os.environ['MEMLAB_HOME'])"), 60, str.splitlines)
    monkeypatch.setattr(gpu, "parts", lambda device: [part])
    out = tmp_path / "found.json"
    monkeypatch.setattr("sys.argv", ["gpu", "--device", "cpu", "--json", str(out)])
    assert gpu.main() == 0
    printed = capsys.readouterr().out
    assert printed.startswith("# memlab on cpu")
    assert "## small" in printed
    document = json.loads(out.read_text())
    (home,) = document["parts"][0]["lines"]
    assert "memlab-gpu-" in home
    assert not os.path.exists(home)


def test_speeds_are_measured_each_way_and_become_a_table():
    rows = gpu_speeds.rows(torch.device("cpu"), 2, 8, 4, 2, side=64)
    assert [row["case"].partition(": ")[2] for row in rows] == [way[0] for way in gpu_speeds.WAYS]
    assert all(row["updates_per_second"] > 0 for row in rows)
    table = gpu._speeds(json.dumps(rows))
    assert len(table) == len(rows) + 2
    assert table[2].startswith("| 2 × 2×8, S 4: captured | ")

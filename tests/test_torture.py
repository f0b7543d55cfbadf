"""The short forms of `make torture`: the same cases and judges, a handful of each."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

from tests.torture import hostile, layer, tally
from tests.torture.__main__ import main as torture
from tests.torture.forked import forked
from tests.torture.tally import Tally


def tried(part: str, count: int, tmp_path: Path) -> list[Tally]:
    """A part in a process of its own: forking wants one thread, and pytest has more."""
    out = tmp_path / "tally.json"
    command = [sys.executable, "-m", f"tests.torture.{part}"]
    command += ["--count", str(count), "--seed", "7", "--out", str(out), "--short"]
    top = Path(__file__).resolve().parents[1]
    subprocess.run(command, cwd=top, check=False, timeout=150)
    return [Tally.load(path) for path in sorted(tmp_path.glob("tally.*.json"))]


def clean(tallies: list[Tally]) -> None:
    assert tallies, "the part ended without a word"
    failures = [failure for one in tallies for failure in one.failures]
    assert not failures, "\n".join(failures)
    assert all(one.tried for one in tallies)


def test_hostile_folders_are_opened_by_every_viewer(tmp_path: Path):
    clean(tried("folders", 7, tmp_path))


def test_a_fault_at_any_step_loses_nothing(tmp_path: Path):
    clean(tried("faults", 4, tmp_path))


def test_a_library_and_its_viewers_bear_load(tmp_path: Path):
    clean(tried("load", 1, tmp_path))


# The harness itself: a judge that sees nothing finds everything clean.


def test_a_child_that_sleeps_for_ever_is_called_hung():
    ended = forked(lambda say: os.read(os.pipe()[0], 1), cpu_seconds=5, asleep_seconds=0.3)
    assert ended.hung


def test_a_child_that_dies_is_told_by_its_signal():
    ended = forked(lambda say: os.kill(os.getpid(), 9), cpu_seconds=5, asleep_seconds=5)
    assert (ended.signal, ended.hung) == (9, False)


def test_what_a_child_allocates_is_its_growth():
    def work(say):
        kept = bytearray(os.urandom(1) * (256 << 20))  # far more than pages of files differ by
        say(len(kept))

    ended = forked(work, cpu_seconds=5, asleep_seconds=5)
    assert ended.said == [256 << 20]
    assert ended.growth > 128 << 20


def test_the_kth_write_of_a_folder_fails_and_no_other(tmp_path: Path):
    def work(say):
        layer.Layer(tmp_path, 3, "enospc").install()
        outside = os.open(os.devnull, os.O_WRONLY)
        os.write(outside, b"not counted")
        inside = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
        for _ in range(3):
            try:
                say(os.write(inside, b"four"))
            except OSError as error:
                say(error.errno)

    assert forked(work, cpu_seconds=5, asleep_seconds=5).said == [4, 28, 4]


def test_a_torn_write_leaves_its_half_and_no_process(tmp_path: Path):
    def work(say):
        layer.Layer(tmp_path, 2, "torn").install()
        inside = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
        os.write(inside, b"whole")
        say("went on")

    ended = forked(work, cpu_seconds=5, asleep_seconds=5)
    assert (ended.signal, ended.said) == (9, [])
    assert (tmp_path / "file").read_bytes() == b"wh"


def test_a_full_disk_takes_what_was_freed_on_it_and_what_is_overwritten(tmp_path: Path):
    def work(say):
        inside = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
        os.write(inside, b"eight by")
        (tmp_path / "ballast").write_bytes(b"x" * 4)
        layer.Layer(tmp_path, 1, "full").install()
        say(os.pwrite(inside, b"over", 2))
        try:
            os.write(inside, b"more")
        except OSError as error:
            say(error.errno)
        os.unlink(tmp_path / "ballast")
        say(os.write(inside, b"more"))

    assert forked(work, cpu_seconds=5, asleep_seconds=5).said == [4, 28, 4]


def test_writes_relative_to_a_folders_descriptor_are_counted(tmp_path: Path):
    def work(say):
        counted = layer.Layer(tmp_path)
        folder = os.open(tmp_path, os.O_RDONLY)
        counted.install()
        os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=folder))
        os.rename("file", "other", src_dir_fd=folder, dst_dir_fd=folder)
        say(counted.log)

    said = forked(work, cpu_seconds=5, asleep_seconds=5).said
    assert said == [["open file", "rename file"]]


def test_a_case_follows_from_its_seed():
    drawn = [[repr(hostile.value(random.Random(f"5-{n}"))) for n in range(50)] for _ in range(2)]
    assert drawn[0] == drawn[1]


def test_raw_depth_and_nan_survive_encoding():
    text = hostile.to_json({"a": [hostile.DEEP + "[[1]]"], "b": float("nan")})
    assert text == b'{"a": [[[1]]], "b": NaN}'
    assert json.loads(text)["a"] == [[[1]]]


def test_the_table_names_what_was_lost_and_the_exit_says_so(capsys):
    one = Tally("faults", ok=2)
    one.count("lost", "seed 1 case 3")
    printed = tally.table([one])
    assert printed.splitlines()[1].split() == ["faults", "3", "2", "0", "0", "1", "0"]
    assert torture(["--parts", ""]) == 0
    assert "clean" in capsys.readouterr().out


def test_a_share_that_ends_without_a_tally_is_a_failure(monkeypatch, capsys):
    import tests.torture.__main__ as harness

    def command(module: str, count: int, seed: int, share: str, out: Path) -> list[str]:
        done = (
            "from pathlib import Path; from tests.torture.tally import Tally;"
            f"one = Tally({module!r}); one.count('ok');"
            f"one.save(Path({str(out)!r}).with_suffix('.0.json'))"
        )
        return [sys.executable, "-c", done if share == "1/2" else "raise EOFError"]

    monkeypatch.setattr(harness, "_command", command)
    assert torture(["--parts", "folders", "--jobs", "2"]) == 1
    printed = capsys.readouterr().out
    assert "without a word ended 0/2 with 1" in printed
    assert printed.splitlines()[-1].endswith("1 failed or lost")

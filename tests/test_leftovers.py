"""The plugin that ends what tests leave behind, on tests that do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.leftovers import VARIABLE, ended
from tests.patience import SECONDS

ROOT = Path(__file__).parents[1]
HEAD = """
import os, subprocess, sys, time
import pytest
def sleeper(**options):
    made = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], **options)
    print("pid", made.pid)
    return made
"""


@pytest.fixture
def outcome(tmp_path: Path):
    """Runs a file of tests with the plugin; its output, and what became of the processes."""

    def run(code: str, seconds: float = 0.2) -> str:
        (tmp_path / "test_it.py").write_text(HEAD + code)
        settings = {"PYTHONPATH": str(ROOT), "MEMLAB_TEST_LEFTOVER_SECONDS": str(seconds)}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "tests.leftovers", "-p", "no:cacheprovider",
             "-rA", "-s", "-n", "0", "test_it.py"],
            cwd=tmp_path,
            env=os.environ | settings,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )  # fmt: skip
        words = done.stdout.split()
        pids = [int(words[at + 1]) for at, word in enumerate(words) if word == "pid"]
        assert pids
        assert all(ended(pid) for pid in pids), done.stdout
        return done.stdout

    return run


def test_a_process_that_a_test_leaves_is_killed_and_fails_that_test(outcome) -> None:
    said = outcome("""
def test_leaves(): sleeper()
def test_leaves_nothing(): pass
""")
    assert "ERROR test_it.py::test_leaves - " in said
    assert "processes were left behind and killed" in said
    assert "2 passed, 1 error" in said


def test_a_detached_process_and_the_child_of_a_dead_launcher_are_found(outcome) -> None:
    said = outcome("""
def test_detached(): sleeper(start_new_session=True, cwd="/")
def test_orphan():
    code = ("import subprocess, sys; made = subprocess.Popen([sys.executable, '-c', "
            "'import time; time.sleep(600)'], start_new_session=True); print('pid', made.pid)")
    subprocess.run([sys.executable, "-c", code], check=True)
def test_fork():
    pid = os.fork()
    if not pid:
        time.sleep(600)
    print("pid", pid)
""")
    assert "3 passed, 3 errors" in said


def test_a_process_that_is_just_ending_is_waited_for(outcome) -> None:
    said = outcome(
        """
def test_ends():
    made = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.3)"])
    print("pid", made.pid)
""",
        seconds=SECONDS,
    )
    assert "1 passed" in said
    assert "error" not in said


def test_what_a_wider_fixture_starts_may_live_until_its_scope_ends(outcome) -> None:
    said = outcome("""
@pytest.fixture(scope="module")
def ended():
    made = sleeper()
    yield
    made.kill()
    made.wait()
@pytest.fixture(scope="module")
def left():
    sleeper()
def test_one(ended, left): pass
def test_two(ended, left): pass
class TestLast:
    def test_three(self): pass
""")
    assert "ERROR test_it.py::TestLast::test_three - " in said
    assert "3 passed, 1 error" in said


def test_every_test_has_a_mark_of_its_own(request: pytest.FixtureRequest) -> None:
    assert os.environ[VARIABLE]
    assert request.config.pluginmanager.hasplugin("tests.leftovers")

"""A signal at any instant after launch: the run is stopped, told of, or knowingly left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from memlab.cli import main as cli
from memlab.cli import stopping
from memlab.runs import holder, lifecycle
from memlab.runs.run_folder import RunFolder, list_runs
from tests.patience import SECONDS, wait_for

FAKE = (sys.executable, str(Path(__file__).parents[1] / "runs" / "fake_worker.py"))
#: memlab with another worker, which signals itself before or after a worker was launched.
PROGRAM = """
import os, sys
from memlab.cli import stopping
from memlab.cli.main import main
from memlab.runs import lifecycle
worker, before, after, *words = sys.argv[1:]
if worker:
    for begin in (lifecycle.start, lifecycle.resume):
        begin.__kwdefaults__["worker"] = tuple(worker.split("|"))
hand_over = lifecycle._hand_over
def signalled(*arguments):
    if int(before): os.kill(os.getpid(), int(before))
    hand_over(*arguments)
    if int(after): os.kill(os.getpid(), int(after))
lifecycle._hand_over = signalled
stopping.ended.__defaults__ = (180.0,)  # for a machine on which importing torch takes a minute
sys.exit(main(words))
"""
CODES = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
Begin = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of the test's own; what still runs there at the end is told to stop."""
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("FAKE_WORKER_MODE", "wait")
    yield tmp_path
    for folder in list_runs(tmp_path / "runs"):
        for pid in holder.holders(folder.lock):
            os.kill(pid, signal.SIGCONT)
        if folder.state.living:
            lifecycle.request_stop(folder)


@pytest.fixture
def begin(home: Path) -> Iterator[Begin]:
    """`begin("run", …, before=0, after=0)`: memlab with the fake worker, as in a shell."""
    processes: list[subprocess.Popen[str]] = []

    def memlab(*words: str, before: int = 0, after: int = 0, real: bool = False):
        worker = "" if real else "|".join(FAKE)
        command = [sys.executable, "-c", PROGRAM, worker, str(int(before)), str(int(after)), *words]
        process = subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=default
        )
        processes.append(process)
        return process

    yield memlab
    for process in processes:
        process.kill()
        process.communicate()


def default() -> None:
    """A shell that runs the tests in the background has them ignore Ctrl-C."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def only_run(home: Path) -> RunFolder:
    (folder,) = list_runs(home / "runs")
    return folder


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, errors = process.communicate(timeout=SECONDS)
    assert "Traceback" not in errors
    return process.returncode, errors


def read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stderr is not None
    seen = ""
    while words not in seen:
        line = process.stderr.readline()
        assert line, seen
        seen += line
    return seen


def assert_stopped(folder: RunFolder, errors: str) -> None:
    assert (folder.state.state, folder.state.living) == ("interrupted", False)
    assert f"Stopped {folder.id}. `memlab resume {folder.id}` goes on from here." in errors


RUN = ("run", "noise-ladder", "--yes", "--device", "cpu")


@pytest.mark.parametrize(("number", "code"), CODES)
@pytest.mark.parametrize("instant", ["before", "after"])
def test_a_signal_while_a_worker_is_launched_stops_the_run(
    begin: Begin, home: Path, number: int, code: int, instant: str
) -> None:
    returned, errors = ended(begin(*RUN, **{instant: number}))
    assert returned == code
    assert f"Run {only_run(home).id} has started." in errors
    assert_stopped(only_run(home), errors)


@pytest.mark.parametrize(("number", "code"), CODES)
@pytest.mark.parametrize("words", ["has started", "running"])
def test_a_signal_as_soon_as_the_run_is_told_of_stops_it(
    begin: Begin, home: Path, number: int, code: int, words: str
) -> None:
    process = begin(*RUN)
    seen = read_until(process, words)
    assert only_run(home).id in seen
    process.send_signal(number)
    returned, errors = ended(process)
    assert returned == code
    assert_stopped(only_run(home), errors)


def test_sigterm_twice_at_once_as_timeout_sends_it_still_waits_for_the_checkpoint(
    begin: Begin, home: Path
) -> None:
    process = begin(*RUN)
    read_until(process, "running")
    process.send_signal(signal.SIGTERM)
    read_until(process, "Stopping")
    process.send_signal(signal.SIGTERM)
    returned, errors = ended(process)
    assert returned == 143
    assert_stopped(only_run(home), errors)


def test_a_second_ctrl_c_leaves_at_once_and_says_that_the_worker_is_stopping(
    begin: Begin, home: Path
) -> None:
    process = begin(*RUN)
    read_until(process, "running")
    folder = only_run(home)
    worker = folder.state.pid
    assert worker is not None
    os.kill(worker, signal.SIGSTOP)
    process.send_signal(signal.SIGINT)
    read_until(process, "Stopping")
    process.send_signal(signal.SIGINT)
    returned, errors = ended(process)
    assert returned == 130
    assert f"{folder.id} is still stopping" in errors
    os.kill(worker, signal.SIGCONT)
    wait_for(lambda: not folder.state.living)
    assert folder.state.message == "stopped"


@pytest.mark.parametrize("instant", ["after", "told"])
def test_a_hang_up_leaves_the_run_running(begin: Begin, home: Path, instant: str) -> None:
    if instant == "after":
        process = begin(*RUN, after=signal.SIGHUP)
    else:
        process = begin(*RUN)
        read_until(process, "has started")
        process.send_signal(signal.SIGHUP)
    returned, errors = ended(process)
    assert returned == 129
    assert "goes on" in errors
    assert only_run(home).state.living


def test_a_detached_run_goes_on_when_a_signal_comes_too_late(begin: Begin, home: Path) -> None:
    process = begin(*RUN, "--detach", after=signal.SIGINT)
    returned, errors = ended(process)
    assert returned == 130
    assert only_run(home).id in errors
    assert only_run(home).state.living


def test_a_resumed_run_is_stopped_again(begin: Begin, home: Path) -> None:
    assert ended(begin(*RUN, after=signal.SIGTERM))[0] == 143
    returned, errors = ended(begin("resume", "last", after=signal.SIGINT))
    assert returned == 130
    assert_stopped(only_run(home), errors)


def test_replication_stops_what_it_started(begin: Begin, home: Path) -> None:
    returned, errors = ended(begin("replicate", "T3", "--seeds", "3", after=signal.SIGTERM))
    assert returned == 143
    assert only_run(home).id in errors
    assert "The same command goes on from here." in errors
    assert only_run(home).state.state == "interrupted"


@pytest.mark.parametrize("words", ["has started", "running"])
def test_sigterm_stops_a_real_worker_too(begin: Begin, home: Path, words: str) -> None:
    process = begin(*RUN, "--set", "stop.epochs=100000", real=True)
    read_until(process, words)
    process.send_signal(signal.SIGTERM)
    returned, errors = ended(process)
    assert returned == 143
    assert_stopped(only_run(home), errors)


@pytest.fixture
def stopped_run(home: Path) -> RunFolder:
    """A run whose worker was stopped by a signal."""
    folder = lifecycle.start('mode = "wait"\n', "A run", home / "runs", worker=FAKE)
    wait_for(lambda: folder.state.state == "running")
    pid = folder.state.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: holder.stopped(folder.lock) == pid)
    return folder


def test_stop_does_not_wait_for_ever_for_a_stopped_process(
    stopped_run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    pid = stopped_run.state.pid
    assert pid is not None
    assert cli.main(["stop", "last", "--wait", "0.6"]) == 1
    out = capsys.readouterr()
    assert out.out == ""
    assert out.err.count("\n") == 1
    assert f"process {pid}, is stopped" in out.err
    assert f"`kill -CONT {pid}`" in out.err
    os.kill(pid, signal.SIGCONT)
    wait_for(lambda: not stopped_run.state.living)
    assert stopped_run.state.message == "stopped"  # the request stayed


def test_resuming_a_stopped_process_says_what_to_do(
    stopped_run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["resume", "last"]) == 2
    assert f"`kill -CONT {stopped_run.state.pid}`" in capsys.readouterr().err


def test_a_busy_worker_is_named_and_its_request_stays(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = lifecycle.start('mode = "silent"\n', "A run", home / "runs", worker=FAKE)

    def begun() -> int | None:
        """The worker, once it is past exec: before that nobody may look at what it has open."""
        pids = holder.holders(folder.lock)
        named = pids and b"fake_worker" in Path(f"/proc/{pids[0]}/cmdline").read_bytes()
        return pids[0] if named else None

    wait_for(begun)
    pid = begun()
    assert pid is not None
    assert cli.main(["stop", "last", "--wait", "0"]) == 1
    assert f"`kill -KILL {pid}`" in capsys.readouterr().err
    assert list((folder.path / "requests").iterdir())
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not folder.state.living)


def test_waiting_is_bounded_unless_told_otherwise() -> None:
    assert stopping.WAIT_SECONDS == 30.0
    for text in ("-1", "nan", "inf", "long"):
        with pytest.raises(SystemExit) as refused:
            cli.main(["stop", "last", "--wait", text])
        assert refused.value.code == 2

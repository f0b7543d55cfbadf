"""`make measure`: what the screens cost, in a real pseudo-terminal, beside the targets.

A child process runs the app on a synthetic run that this process lets grow; this process counts
the bytes that arrive, reads the child's CPU time and memory from /proc, and times keys. What an
update of Watch costs is also given as a part of what `import textual.app` costs on this machine.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import resource
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "tui")]

TICK = os.sysconf("SC_CLK_TCK")
WARM = 0.3  # of the updates, after which caches are full and curves have all the points they keep
SIZES = ((160, 45), (80, 24))
STARTS = (
    ("first paint of the shell", "ompose", "≤ 0.25 s"),
    ("form usable", "learning rate", "≤ 0.45 s"),
)
MANY = """
title = "Many"
seeds = 400
[corruption]
kind = "labels"
[axes]
"corruption.fraction" = [0.0, 0.2, 0.4, 0.6, 0.8]
"""


class Terminal:
    """The app in a pseudo-terminal of its own."""

    def __init__(self, command: list[str], size: tuple[int, int], home: Path) -> None:
        self.started = time.perf_counter()
        environment = os.environ | {
            "MEMLAB_HOME": str(home),
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "PYTHONPATH": str(ROOT),
        }
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
        )
        os.close(slave)
        self.master = master
        self.seen = b""

    def read(self, seconds: float) -> int:
        """Drains the terminal for so long; how many bytes came."""
        end, total = time.perf_counter() + seconds, 0
        while (left := end - time.perf_counter()) > 0:
            if select.select([self.master], [], [], left)[0]:
                data = os.read(self.master, 1 << 16)
                total += len(data)
                self.seen = (self.seen + data)[-(1 << 16) :]
        return total

    def until(self, text: bytes, seconds: float = 20.0) -> float:
        """Seconds from the start until a text was painted."""
        while text not in self.seen:
            if time.perf_counter() - self.started > seconds:
                raise SystemExit(f"{text!r} was never painted:\n{self.seen[-2000:]!r}")
            self.read(0.002)
        return time.perf_counter() - self.started

    def key(self, keys: bytes) -> float:
        """Seconds from a key to the first byte of its repaint."""
        self.read(0.05)
        start = time.perf_counter()
        os.write(self.master, keys)
        select.select([self.master], [], [], 5)
        return time.perf_counter() - start

    @property
    def cpu(self) -> float:
        """Seconds of CPU of the app, all its threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    @property
    def memory(self) -> float:
        """Resident megabytes of the app's own; pages of mapped run files are the kernel's."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("RssAnon"):
                return int(line.split()[1]) * 1024 / 1e6
        return float("nan")

    def close(self) -> None:
        """Ends the app."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.master)


def child(run_id: str, interval: float) -> None:
    """In the child: the app, opened on Watch; it keeps its pace on a busy machine, too."""
    from memlab.tui import live
    from memlab.tui.watch.screen import WatchScreen

    WatchScreen.UPDATE_SECONDS = interval
    live.LONGEST_SECONDS = 0.0
    from memlab.tui.app import MemlabApp

    MemlabApp.prewarm = False
    MemlabApp(open_run=run_id, screen="watch").run()


def watching(home: Path, size: tuple[int, int], updates: int, interval: float) -> dict[str, float]:
    """CPU and bytes an update while a run of 18 members grows."""
    from synthetic_run import start

    run = start(home / "runs", epochs=updates + 200)
    run.grow(100)
    command = [sys.executable, __file__, "--child", run.folder.id, "--interval", str(interval)]
    terminal = Terminal(command, size, home)
    try:
        terminal.until(b"running")
        for _ in range(8):
            run.grow(1)
            terminal.read(max(interval, 0.05))
        cpu, memory, total, begun = terminal.cpu, terminal.memory, 0, time.perf_counter()
        for update in range(updates):
            run.grow(1)
            total += terminal.read(interval)
            if update == int(updates * WARM):
                memory = terminal.memory
        seconds = time.perf_counter() - begun
        return {
            "cpu": (terminal.cpu - cpu) / updates * 1000,
            "rate": total / seconds / 1000,
            "share": (terminal.cpu - cpu) / seconds * 100,
            "growth": terminal.memory - memory,
            "memory": terminal.memory,
        }
    finally:
        terminal.close()
        run.end("interrupted")


def keys(home: Path, size: tuple[int, int]) -> tuple[float, float]:
    """Median and worst milliseconds from a key to its repaint among 2,000 members."""
    from synthetic_run import start

    run = start(home / "runs", MANY)
    run.grow(30)
    command = [sys.executable, __file__, "--child", run.folder.id]
    terminal = Terminal(command, size, home)
    try:
        terminal.until(b"running")
        terminal.read(1.0)
        os.write(terminal.master, b"\r")
        terminal.read(1.5)
        times = [terminal.key(b"\x1b[B" if i % 5 else b"\x1b[6~") * 1000 for i in range(60)]
        return statistics.median(times), max(times)
    finally:
        terminal.close()
        run.end("interrupted")


def process_seconds(*command: str) -> float:
    """Median seconds of five runs of a command."""
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def processor_seconds(*command: str) -> float:
    """Median seconds of processor time of five runs of a command."""
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(times)


def first_paint(home: Path, text: str) -> float:
    """Median seconds from the start of `memlab` until a text is painted, of five starts."""
    times = []
    for _ in range(5):
        terminal = Terminal([sys.executable, "-m", "memlab"], (160, 45), home)
        try:
            times.append(terminal.until(text.encode()))
        finally:
            terminal.close()
    return statistics.median(times)


def report(updates: int, many: int) -> None:
    """Measures and prints the table."""
    rows: list[tuple[str, str, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for size in SIZES:
            name = f"{size[0]}×{size[1]}"
            found = watching(home, size, updates, 0.25)
            imports = processor_seconds(sys.executable, "-c", "import textual.app") * 1000
            ratio = f"{found['cpu'] / imports:.3f} of {imports:.0f} ms"
            limit = 50 if size[0] == 160 else 15
            rows.append((f"watch {name}: CPU an update", f"{found['cpu']:.1f} ms", "≤ 20 ms"))
            rows.append((f"watch {name}: an update, of `import textual.app`", ratio, "≤ 0.10"))
            rows.append((f"watch {name}: sent", f"{found['rate']:.1f} kB/s", f"≤ {limit} kB/s"))
            rows.append((f"watch {name}: share of a core", f"{found['share']:.1f} %", ""))
        for size in SIZES:
            median, worst = keys(home, size)
            text = f"{median:.0f} ms (worst {worst:.0f})"
            rows.append((f"key to repaint, 2,000 members, {size[0]}×{size[1]}", text, "≤ 50 ms"))
        found = watching(home, (80, 24), many, 0.01)
        text = f"{found['growth']:+.1f} MB of {found['memory']:.0f}"
        name = f"memory over {many:,} updates, after the first {WARM:.0%}"
        rows.append((name, text, "flat"))
        rows.append(
            ("python -c pass", f"{process_seconds(sys.executable, '-c', 'pass'):.3f} s", "")
        )
        seconds = process_seconds(sys.executable, "-c", "import textual.app")
        rows.append(("import textual.app", f"{seconds:.3f} s", ""))
        for name, text, target in STARTS:
            rows.append((name, f"{first_paint(home, text):.3f} s", target))
        help_seconds = process_seconds(sys.executable, "-m", "memlab", "--help")
        rows.append(("memlab --help", f"{help_seconds:.3f} s", "≤ 0.2 s"))
    width = max(len(name) for name, _, _ in rows)
    for name, value, target in rows:
        print(f"{name:<{width}}   {value:>18}   {target}")


def main() -> None:
    """Parses the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--interval", type=float, default=0.25, help=argparse.SUPPRESS)
    parser.add_argument("--updates", type=int, default=60, help="updates at four a second")
    parser.add_argument("--many", type=int, default=10_000, help="updates for the memory")
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child, arguments.interval)
    else:
        report(arguments.updates, arguments.many)


if __name__ == "__main__":
    main()

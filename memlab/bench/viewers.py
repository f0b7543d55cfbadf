"""Who watches a run while the bench times it: `memlab watch --plain`, and the app in a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from memlab import child
from memlab.runs.run_folder import RunFolder

LINES, COLUMNS = 45, 160
PATIENCE = 10.0


@contextmanager
def plain(folder: RunFolder, environ: dict[str, str]) -> Iterator[int]:
    """Lines into nothing; it looks five times a second. Gives its process id."""
    process = subprocess.Popen(
        child.command("-m", "memlab", "watch", folder.id, "--plain"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=child.FOLDER,
        env=environ,
    )
    try:
        yield process.pid
    finally:
        _end(process)


@contextmanager
def app(folder: RunFolder, environ: dict[str, str]) -> Iterator[int]:
    """The app's Watch in a terminal of its own, whose output nobody reads. Gives its process id."""
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    process = subprocess.Popen(
        child.command("-m", "memlab", "watch", folder.id),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        cwd=child.FOLDER,
        env={**environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
        start_new_session=True,
    )
    os.close(terminal)
    reader = threading.Thread(target=_drain, args=(screen,), daemon=True)
    reader.start()
    try:
        yield process.pid
    finally:
        _end(process)
        reader.join(PATIENCE)
        os.close(screen)


def _drain(screen: int) -> None:
    with suppress(OSError):  # the terminal's end, on Linux
        while os.read(screen, 1 << 16):
            pass


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

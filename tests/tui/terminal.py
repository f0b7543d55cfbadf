"""memlab on a pseudo-terminal of its own, as a person's terminal runs it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time

from tests.patience import SECONDS


class Terminal:
    """A command as the leader of its own session, which a hang-up of the terminal reaches."""

    def __init__(
        self,
        *command: str,
        term: str = "xterm-256color",
        program: tuple[str, ...] = ("-m", "memlab"),
        **environment: str,
    ) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        plain = {k: v for k, v in os.environ.items() if k not in ("COLORTERM", "NO_COLOR")}
        self.process = subprocess.Popen(
            [sys.executable, *program, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**plain, "TERM": term, **environment},
            preexec_fn=_lead,
        )
        os.close(slave)
        self.seen = b""

    def until(self, text: bytes, seconds: float = SECONDS) -> None:
        """Reads until a text was painted."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < end, self.seen[-2000:]
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 1 << 16)

    def ended(self) -> int:
        """Reads until the process has ended, and all that it wrote; its exit status."""
        end = time.monotonic() + SECONDS
        while self.process.poll() is None or select.select([self.master], [], [], 0)[0]:
            assert time.monotonic() < end, self.seen[-2000:]
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.master, 1 << 16)
                except OSError:  # nobody has the other side open
                    break
        return self.process.wait()

    def settings(self) -> list[object]:
        """What the terminal does with keys and lines."""
        return termios.tcgetattr(self.master)[:4]

    def press(self, keys: bytes) -> None:
        """Types."""
        os.write(self.master, keys)

    def hang_up(self) -> None:
        """The terminal goes, as when a connection drops."""
        os.close(self.master)

    def close(self) -> None:
        """Ends the process if it is still there."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def _lead() -> None:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)

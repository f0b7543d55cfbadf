"""The line between the leader of a run and one of its training processes: JSON, a message a line.

From the leader: `train` a stack, `save`, `pause`, `go on`, `stop`. To it: events, progress, and
what became of each of these. A line that is closed is the end: nobody trains for a leader who is
gone.
"""

from __future__ import annotations

import json
import select
import socket
from typing import Any

from memlab.errors import MemlabError

CHUNK = 1 << 16
Message = dict[str, Any]


class LineClosed(MemlabError):
    """The other end is gone."""


class Link:
    """One end of a line; `fileno` is for waiting on several."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._data = b""
        self._messages: list[Message] = []

    def fileno(self) -> int:
        """The descriptor."""
        return self._connection.fileno()

    def send(self, **message: object) -> None:
        """Sends one message; raises LineClosed."""
        try:
            self._connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise LineClosed("the line is closed") from error

    def poll(self, seconds: float = 0.0) -> Message | None:
        """The next message, waiting for it at most `seconds`; raises LineClosed."""
        if not self._messages and select.select([self._connection], [], [], seconds)[0]:
            self._receive()
        return self._messages.pop(0) if self._messages else None

    def wait(self) -> Message:
        """The next message; raises LineClosed."""
        while (message := self.poll(60.0)) is None:
            pass
        return message

    def _receive(self) -> None:
        try:
            part = self._connection.recv(CHUNK)
        except ConnectionError:
            part = b""
        if not part:
            raise LineClosed("the line is closed")
        *lines, self._data = (self._data + part).split(b"\n")
        self._messages += [json.loads(line) for line in lines]

    def close(self) -> None:
        """Closes this end."""
        self._connection.close()


def pair() -> tuple[Link, Link]:
    """A line's two ends."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    return Link(ours), Link(theirs)

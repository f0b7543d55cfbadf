"""A folder that all machines see, as the way for bytes: `--shared PATH`.

Who trains leaves a piece there in a file and tells its name; the leader takes it, as a stranger's,
and removes it. Only the leader writes into the run folder, so that two attempts at a stack never
write the same file, wherever the folder is.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from memlab.engines.outgoing import Message
from memlab.errors import InvalidExperiment, RunFolderError
from memlab.runs.door import Place

#: Shorter ones go with the message itself.
SMALL = 1 << 14
NAME = re.compile(r"[0-9a-f]{24}\.piece")
LETTER = "letter"


class Letters:
    """One end: pieces are `posted` there and `taken` here."""

    def __init__(self, folder: str) -> None:
        self._place = Place(Path(folder))

    @classmethod
    def made(cls, shared: str, run: str) -> tuple[Letters, str]:
        """A new folder for a run in `shared`, which the user names.

        Raises:
            InvalidExperiment: if there is no such folder, or nothing can be written there.
        """
        folder = os.path.join(shared, f"memlab-{run}-{secrets.token_hex(4)}")
        try:
            os.mkdir(folder, 0o700)
        except OSError as error:
            raise InvalidExperiment(f"--shared {shared}: {error.strerror}.") from error
        return cls(folder), folder

    def posted(self, message: Message) -> Message:
        """The message with its bytes left in the folder, where they are many."""
        text, data = message
        if len(data) <= SMALL:
            return message
        name = f"{secrets.token_hex(12)}.piece"
        (self._place / name).replace(data)
        return json.dumps({**json.loads(text), LETTER: name}), b""

    def taken(self, name: object, most: int) -> bytes:
        """The bytes of that name, which are removed.

        Raises:
            RunFolderError: if there are none, or more than `most`.
        """
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise RunFolderError(f"{str(name)[:80]!r} is no piece in {self._place}.")
        place = self._place / name
        data = place.read(most)
        place.unlink()
        return data

    def close(self) -> None:
        """Removes the folder."""
        with suppress(OSError):
            shutil.rmtree(self._place.path)

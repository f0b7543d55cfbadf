"""A run folder as a stranger could send it: every text in it wants to steer the terminal."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import numpy as np

from memlab.instruments.ledger_store import LedgerFacts, LedgerStore, unlearned
from memlab.runs.ledger import MEMBERS
from memlab.runs.run_folder import RunFolder
from tests.reports.conftest import LADDER, write_run

#: Writes the clipboard, colours by a C1 control, turns the line round, closes and opens markup.
EVIL = "x\x1b]52;c;aGk=\x07\x9b31m\u202e[/x][bold red]y"
HALF = EVIL + "\ud800"  # where JSON can say it
PHOTO = "photo[copy].png"
FOLDER = f"20260101-0000-{EVIL.replace('/', '')}"
EXAMPLES = 20
STEERS = {"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"}


def steering(text: str) -> set[str]:
    """The characters that a terminal would not just paint; line breaks are not among them."""
    return {sign for sign in text if unicodedata.category(sign) in STEERS and sign != "\n"}


def write(runs: Path, state: str = "finished") -> RunFolder:
    """A hostile run in `runs`, with a ledger of two members; its lock is free."""
    quoted = json.dumps(EVIL)  # TOML reads the same escapes
    text = LADDER.replace('"Ladder <of> *noise*"', quoted).replace('"Zhang 2017"', quoted)
    text = text.replace('"What do | lies cost?"', quoted)
    facts = dict.fromkeys(("memlab", "python", "device", "device_name", "commit"), HALF)
    run = write_run(runs, text, environment={**facts, "command": [HALF], "packages": {HALF: HALF}})
    _ledger(run)
    folder = RunFolder(runs / FOLDER)
    os.rename(run.path, folder.path)
    (folder.path / "state.json").write_text(
        json.dumps({"state": state, "since": 1.0, "message": HALF, "device": HALF, "progress": 1})
    )
    with open(folder.events.path, "a") as log:
        events = [{"type": "instrument-failed", "instrument": "stiffness"}, {"type": "failed"}]
        for seq, event in enumerate([*events, {"type": HALF, HALF: [HALF]}], start=900):
            log.write(json.dumps({"seq": seq, "time": 2.0, "reason": HALF, **event}) + "\n")
    folder.worker_log.path.write_bytes(EVIL.encode() + b"\n\xff\x9b2J\r\n\x1b[2J")
    return folder


def _ledger(run: RunFolder) -> None:
    true = np.arange(EXAMPLES) % 2
    facts = LedgerFacts(
        stack=0,
        dataset=f"npz:/{EVIL}",
        members=[0, 1],
        class_names=(EVIL, "[/x]"),
        index=np.arange(EXAMPLES),
        true=true,
        given=[true, 1 - true],
        corrupted=[np.zeros(EXAMPLES, bool), np.ones(EXAMPLES, bool)],
        evaluations=1,
        pictures=np.full((EXAMPLES, 4, 4), 200, np.uint8),
        files=[PHOTO, *[f"{EVIL}{at}" for at in range(1, EXAMPLES)]],
    )
    store = LedgerStore(run.examples / "stack-000", facts)
    scores = unlearned(2, EXAMPLES)
    scores["aum"] = scores["aum_best"] = np.arange(EXAMPLES)
    scores["first_learned"], scores["forgetting"] = 1.0, 0
    store.replace("scores", scores)
    progress = np.zeros(2, MEMBERS)
    progress["evaluations"] = 4
    store.replace("members", progress)
    store.replace("votes", np.ones((2, EXAMPLES, 2), "<u4"))
    store.close()

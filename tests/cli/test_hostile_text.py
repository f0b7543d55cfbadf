"""What the command line prints of a stranger's run cannot steer the terminal."""

from __future__ import annotations

import ast
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

import memlab
from memlab.cli import main as cli
from memlab.runs.run_folder import RunFolder
from tests import hostile_run
from tests.hostile_run import EVIL, PHOTO, steering

COMMANDS = (
    ("runs",),
    ("runs", "--json"),
    *(("report", "last", "--format", kind) for kind in ("text", "md", "html", "json")),
    ("watch", "last", "--plain"),
    ("suspects", "last"),
    ("suspects", "last", "--json"),
    ("compare", "last", "last"),
    ("compare", "last", "last", "--json"),
    ("export", "last", "--to", "csv", "--force"),
    ("stop", "last"),
    ("rm", "last"),
    ("rm", "last", "--yes"),
    ("report", EVIL),
    ("no-command", EVIL),
    ("presets",),
    ("presets", "--json"),
    ("presets", "evil"),
    ("data", "verify", EVIL),
    ("run", f"/nowhere/{EVIL}.toml"),
    ("run", "evil", "--set", f"model.{EVIL}=1"),
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "presets").mkdir()
    text = f"title = {json.dumps(EVIL)}\nquestion = {json.dumps(EVIL)} # \x9b\u202e"
    (tmp_path / "presets" / "evil.toml").write_text(text)
    return hostile_run.write(tmp_path / "runs")


def called(*words: str) -> int:
    try:
        return cli.main(words)
    except SystemExit as left:
        return int(left.code or 0)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words[:4])[:24].encode())
@pytest.mark.parametrize("state", ["finished", "failed", "interrupted"])
def test_no_command_prints_what_steers_a_terminal(
    run: RunFolder, words: tuple[str, ...], state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads((run.path / "state.json").read_text()) | {"state": state}
    (run.path / "state.json").write_text(json.dumps(document))
    assert called(*words) in (0, 1, 2, 130)
    printed = capsys.readouterr()
    assert printed.out + printed.err
    assert steering(printed.out + printed.err) == set()
    if "json" in words[-1]:
        json.loads(printed.out)


def test_neither_a_notebook_nor_a_file_of_rows_gets_what_steers_a_terminal(
    run: RunFolder, tmp_path: Path
) -> None:
    opened = memlab.load(run.path)
    shown = [repr(opened), opened._repr_html_(), repr(opened.table()), opened.table()._repr_html_()]
    shown += [opened.report(kind) for kind in ("text", "md", "html", "json")]
    assert called("export", "last", "--to", "csv", "--out", "rows.csv") == 0
    shown.append((tmp_path / "rows.csv").read_text())
    assert [steering(text) for text in shown] == [set()] * len(shown)
    assert not any("<script" in text or "<img" in text for text in shown[1:4])


def test_names_are_shown_as_they_are_and_never_as_markup(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("suspects", "last") == 0
    shown = capsys.readouterr().out
    assert PHOTO in shown
    assert "[/x]" in shown
    for kind in ("text", "html"):
        assert called("report", "last", "--format", kind) == 0
        assert "[/x][bold red]y" in capsys.readouterr().out


def test_the_progress_of_a_stranger_cannot_steer_the_terminal_it_is_shown_on(
    run: RunFolder,
) -> None:
    (run.path / "state.json").write_text(
        json.dumps({"state": "interrupted", "since": 1, "message": hostile_run.HALF})
    )
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "memlab", "watch", "last", "--plain"],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200"},
        timeout=60,
        check=False,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += os.read(ours, 1 << 16)
        except OSError:
            break
    os.close(ours)
    assert done.returncode in (0, 130)
    assert b"\x1b]" not in shown
    assert b"\x9b" not in shown.replace("›".encode(), b"")
    assert b"\x1b[2J" not in shown


def test_only_one_module_of_the_command_line_prints() -> None:
    folder = Path(cli.__file__).parent
    for file in folder.glob("*.py"):
        if file.name in ("output.py", "plain_console.py"):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            assert not (isinstance(called, ast.Name) and called.id in ("print", "input", "Console"))
            assert not (isinstance(called, ast.Attribute) and called.attr == "write"), file
            said = isinstance(called, ast.Attribute) and called.attr == "add_row"
            assert not said, f"{file}: rows go through output.add_row"


@pytest.mark.parametrize(("told", "status"), [(2, 2), (-1, 1), (10**400, 1), (True, 1), (0, 1)])
def test_a_failure_ends_with_a_status_of_ours_whatever_its_event_says(
    run: RunFolder, told: object, status: int
) -> None:
    event = {"seq": 10**6, "time": 1, "type": "failed", "message": "x", "exit_code": told}
    (run.path / "events.jsonl").write_text(json.dumps(event) + "\n")
    (run.path / "state.json").write_text(json.dumps({"state": "failed", "since": 1}))
    assert called("watch", "last", "--plain") == status

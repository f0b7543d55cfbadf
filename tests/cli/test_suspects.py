"""`memlab suspects` on invented ledgers: the list, its JSON and CSV, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from memlab.cli import main as cli
from memlab.cli import suspects
from memlab.instruments.ledger_store import LedgerFacts, LedgerStore, unlearned
from memlab.runs import run_folder
from memlab.runs.ledger import MEMBERS
from memlab.runs.run_folder import RunFolder
from tests.patience import SECONDS

EXAMPLES = 20
TRUE = np.arange(EXAMPLES) % 2
GIVEN = TRUE.copy()
GIVEN[[3, 7]] = 1 - GIVEN[[3, 7]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path))
    folder, lock = run_folder.create(tmp_path / "runs", "mine", "title = 'x'", {})
    lock.close()
    return folder


def keep(
    run: RunFolder,
    given: np.ndarray = GIVEN,
    names: tuple[str, ...] = ("0", "1"),
    files: bool = False,
    seen: int = 4,
    dataset: str = "npz:/my/data.npz",
    fake: bool = False,
) -> None:
    """A ledger of two members in which example 7 is most suspect, then 3; rows 100 … 119."""
    facts = LedgerFacts(
        stack=0,
        dataset=dataset,
        members=[0, 1],
        class_names=names,
        index=np.arange(EXAMPLES) + 100,
        true=TRUE,
        given=[given, TRUE],
        corrupted=[given != TRUE, np.zeros(EXAMPLES, bool)],
        evaluations=1,
        pictures=np.full((EXAMPLES, 4, 4), 200, np.uint8),
        files=[f"cats/{i}.png" for i in range(EXAMPLES)] if files else None,
        fake_class=fake,
    )
    store = LedgerStore(run.examples / "stack-000", facts)
    scores = unlearned(2, EXAMPLES)
    scores["aum"] = scores["aum_best"] = np.arange(EXAMPLES)
    scores["aum_best"][0, [7, 3]] = -5.0, -4.0
    scores["first_learned"], scores["forgetting"] = 1.0, 0
    store.replace("scores", scores)
    progress = np.zeros(2, MEMBERS)
    progress["evaluations"] = seen
    store.replace("members", progress)
    votes = np.zeros((store.header.labellings, EXAMPLES, len(names)), "<u4")
    votes[0, np.arange(EXAMPLES), TRUE] = 2
    store.replace("votes", votes)
    store.close()


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def test_json_lists_the_rows_of_the_users_own_file(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(run)
    assert cli.main(["suspects", "last", "--top", "2", "--json"]) == 0
    assert json.loads(printed(capsys)) == [
        {"index": 107, "given_label": 0, "suggested_label": 1, "score": -5.0},
        {"index": 103, "given_label": 0, "suggested_label": 1, "score": -4.0},
    ]


def test_class_and_file_names_are_added_where_the_data_have_them(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(run, names=("cats", "dogs"), files=True, dataset="folder:/my")
    assert cli.main(["suspects", run.id, "--top", "1", "--json"]) == 0
    (row,) = json.loads(printed(capsys))
    assert row["file"] == "cats/7.png"
    assert (row["given_label"], row["suggested_label"]) == ("cats", "dogs")


def test_example_without_votes_suggests_nothing(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(run)
    assert cli.main(["suspects", "last", "--member", "1", "--top", "99", "--json"]) == 0
    rows = json.loads(printed(capsys))
    assert len(rows) == EXAMPLES
    assert rows[0] == {"index": 100, "given_label": 0, "suggested_label": None, "score": 0.0}


def test_table_tells_the_precision_where_the_truth_is_known(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(run)
    assert cli.main(["suspects", "last", "--top", "4"]) == 0
    text = " ".join(printed(capsys).split())
    assert "2 of these 4 were corrupted (precision 0.50, by chance 0.10)" in text
    assert "2 of the 2 suggestions are the true label" in text
    assert "2 different labellings" in text
    assert "margin until best 1.000 [1.000, 1.000]" in text
    assert "array x of /my/data.npz" in text
    assert "\x1b" not in text


def test_table_of_clean_data_speaks_of_no_truth(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(run, given=TRUE)
    assert cli.main(["suspects", "last"]) == 0
    text = printed(capsys)
    assert "Truth" not in text
    assert "true" not in text
    assert "Judged by 2 networks" in text


def test_threshold_lists_what_lies_below_it(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = GIVEN.copy()
    labels[[0, 1]] = 2  # threshold samples of areas 0 and 1: below 0.99 are 3 and 7 only
    keep(run, given=labels, names=("0", "1", "fake"), fake=True)
    assert cli.main(["suspects", "last", "--member", "0", "--threshold", "--json"]) == 0
    rows = json.loads(printed(capsys))
    assert [row["index"] for row in rows] == [107, 103]
    assert [row["is_label_issue"] for row in rows] == [True, True]
    assert cli.main(["suspects", "last", "--member", "0"]) == 0
    text = " ".join(printed(capsys).split())
    assert "2 of 18 examples lie below the threshold of 0.990" in text
    assert "2 examples are threshold samples themselves" in text
    assert "(precision 1.00), of 2 in all (recall 1.00)" in text


def test_threshold_that_nothing_tells_is_a_sentence(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(run)
    assert cli.main(["suspects", "last", "--threshold"]) == 2
    assert "dataset.fake_class=1,2" in capsys.readouterr().err
    assert cli.main(["suspects", "last", "--threshold", "--score", "loss"]) == 2
    assert "no threshold of the score loss" in capsys.readouterr().err


def test_export_writes_the_list_as_csv(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(run)
    target = tmp_path / "list.csv"
    words = ["suspects", "last", "--top", "3", "--json", "--export", str(target)]
    assert cli.main(words) == 0
    listed = json.loads(printed(capsys))
    with open(target, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["index"]) for row in rows] == [row["index"] for row in listed]
    names = ["rank", "index", "given_label", "suggested_label", "score", "true_label", "corrupted"]
    assert list(rows[0]) == names
    assert [row["corrupted"] for row in rows] == ["1", "1", "0"]


def test_export_replaces_a_file_only_by_force_and_keeps_its_mode(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(run)
    target = tmp_path / "list.csv"
    target.write_text("mine")
    target.chmod(0o600)
    assert cli.main(["suspects", "last", "--export", str(target)]) == 2
    out = capsys.readouterr()
    assert out.out == ""
    assert out.err == f"memlab: {target} is there already. Add --force to replace it.\n"
    assert target.read_text() == "mine"
    assert cli.main(["suspects", "last", "--export", str(target), "--force"]) == 0
    assert target.read_text().startswith("rank,")
    assert target.stat().st_mode & 0o777 == 0o600


def test_export_onto_a_device_is_refused_though_forced(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(run)
    (tmp_path / "device").symlink_to("/dev/null")
    words = ["suspects", "last", "--force", "--export", str(tmp_path / "device")]
    assert cli.main(words) == 2
    assert "/dev/null is a device; name a file." in capsys.readouterr().err
    assert (tmp_path / "device").is_symlink()


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("n", 2), ("", 2)])
def test_export_asks_on_a_terminal(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, status: int
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    keep(run)
    target = tmp_path / "list.csv"
    target.write_text("mine")
    monkeypatch.setattr(sys, "stdin", Terminal(f"{answer}\n"))
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert cli.main(["suspects", "last", "--export", str(target)]) == status
    assert (target.read_text() == "mine") == (status == 2)


def test_export_into_a_folder_that_is_not_there_is_a_sentence(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(run)
    assert cli.main(["suspects", "last", "--export", str(tmp_path / "no" / "list.csv")]) == 1
    assert "is gone" in capsys.readouterr().err


def test_run_without_a_ledger_says_how_to_switch_it_on(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["suspects", "last"]) == 2
    error = capsys.readouterr().err
    assert "[instruments.ledger]" in error
    assert error.count("\n") == 1


def test_run_without_an_evaluation_asks_to_wait(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(run, seen=0)
    assert cli.main(["suspects", "last"]) == 2
    assert "try again later" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--top", "0"], ["--top", "x"], ["--score", "magic"]])
def test_bad_arguments_are_bad_input(run: RunFolder, words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["suspects", "last", *words])
    assert ended.value.code == 2


def test_unknown_member_is_named_with_those_that_there_are(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(run)
    assert cli.main(["suspects", "last", "--member", "9"]) == 2
    assert "no member 9" in capsys.readouterr().err


def test_damaged_ledger_is_one_sentence(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    keep(run)
    (run.examples.path / "stack-000" / "scores.npy").write_bytes(b"")
    assert cli.main(["suspects", "last"]) == 2
    assert "scores.npy is damaged" in capsys.readouterr().err


def test_pictures_are_drawn_where_the_terminal_has_greys(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(run)
    monkeypatch.delenv("NO_COLOR", raising=False)
    drawn = []
    for colours in ("truecolor", None):
        out = Console(force_terminal=True, color_system=colours, width=100, record=True)  # type: ignore[arg-type]
        monkeypatch.setattr(suspects, "console", lambda out=out: out)
        assert cli.main(["suspects", "last", "--top", "1"]) == 0
        drawn.append(out.export_text())
    assert drawn[0].count("▀") == 8
    assert "▀" not in drawn[1]


def test_command_imports_no_torch(run: RunFolder, tmp_path: Path) -> None:
    keep(run)
    code = (
        "import sys; from memlab.cli.main import main\n"
        "assert main(['suspects', 'last', '--top', '1']) == 0\n"
        "assert not {m for m in sys.modules if m.split('.')[0] in ('torch', 'sklearn', 'textual')}"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=SECONDS, stdout=subprocess.DEVNULL
    )

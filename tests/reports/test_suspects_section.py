"""What a committee's report says of labels, in every rendering, and what it leaves out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from memlab import reports
from memlab.reports import suspects_findings as module
from memlab.reports.committee import sentences, verdict, weakness
from memlab.reports.findings import Findings
from memlab.reports.suspects_document import SuspectsFindings
from memlab.runs.committee import judged as judgement
from memlab.runs.origin import Registry
from tests.judged_run import WRONG, Judged, judged

NAMES = ("ant", "<b>bee</b>", "co|w", "d\x1b[31mog")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def made(home: Path) -> Judged:
    return judged(home, names=NAMES)


def told(made: Judged) -> SuspectsFindings:
    found = reports.build(made.run).suspects
    assert found is not None
    return found


def printed(found: Findings, width: int = 100) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(reports.text(found))
    return capture.get()


def test_the_first_suspects_counts_and_matrix_are_in_the_findings(made) -> None:
    found = told(made)
    assert [row.index for row in found.suspects] == list(WRONG)
    assert found.issues == len(WRONG)
    assert (found.suspects[0].given_label, found.suspects[0].suggested_label) == (
        NAMES[2],
        NAMES[1],
    )
    assert found.wrong.low <= len(WRONG) <= found.wrong.high
    assert np.array(found.matrix).sum(1) == pytest.approx(np.ones(len(NAMES)))
    document = reports.document(reports.build(made.run))
    assert json.loads(json.dumps(document))["suspects"]["suspects"][0]["index"] == WRONG[0]


def test_every_rendering_names_suspects_counts_and_how_to_go_on(made) -> None:
    found = reports.build(made.run)
    review = f"memlab suspects {made.folder.id} --review"
    for text in (printed(found), reports.markdown(found), reports.html(found, made.run)):
        assert "4 labels are held for wrong." in text
        assert "Which labels are wrong" in text
        assert "Noise matrix" in text
        assert review in text
        assert review.replace("--review", "--apply") in text
    page = reports.html(found, made.run)
    assert "<b>bee</b>" not in page
    assert "\x1b" not in printed(found) + reports.markdown(found) + page


def test_what_the_verdict_says_first_is_of_labels_and_memorization_is_left_out(made) -> None:
    found = reports.build(made.run)
    assert found.sentences[0] == "4 labels are held for wrong."
    assert found.sentences[1].startswith("10 networks judged 48 labels")
    assert found.memorization == []


def test_where_nothing_is_to_be_found_it_says_so_and_offers_no_review(made, monkeypatch) -> None:
    none = told(made).model_copy(update={"issues": 0, "suspects": [], "flips": []})
    monkeypatch.setattr("memlab.reports.building.suspects_findings", lambda run, complete: none)
    text = printed(reports.build(made.run))
    assert "Nothing to find: no label has a quality below 0.6" in text
    assert "--review" not in text


def test_near_duplicates_are_looked_for_in_data_of_our_own_runs_only(home) -> None:
    x = np.random.default_rng(0).normal(size=(48, 3)).astype(np.float32)
    x[WRONG[0]] = x[WRONG[0] - 4]
    found = judged(home, x=x)
    assert [(pair.first, pair.second, pair.exact) for pair in told(found).twins] == [
        (WRONG[0] - 4, WRONG[0], True)
    ]
    report = reports.build(found.run)
    assert "near-duplicates with different labels" in " ".join(printed(report).split())
    Registry.of(found.folder.path.parent).forget(found.folder.id)
    assert told(found).twins == []


def test_networks_that_know_little_put_no_lower_end_to_what_is_wrong(made) -> None:
    found = judgement(made.run)
    flat = np.full_like(found.probabilities, 0.2)
    flat[np.arange(48), (found.given_label + np.arange(48)) % 4] = 0.4
    unsure = judgement(made.run).__class__(
        **{**vars(found), "probabilities": flat, "is_label_issue": np.arange(48) < 1}
    )
    summary = module.summary(unsure)
    assert summary.weak
    assert summary.wrong.low == 0.0 < summary.wrong.high
    assert "often wrong themselves" in weakness(summary)
    assert "between 0 and" in " ".join(sentences(summary))
    assert verdict(summary) == "1 label is held for wrong."


def test_a_damaged_committee_is_a_report_without_labels(made) -> None:
    (made.folder.path / "examples" / "stack-000" / "committee-votes.npy").write_bytes(b"no")
    found = reports.build(made.run)
    assert found.suspects is None
    assert "suspects" not in reports.document(found)

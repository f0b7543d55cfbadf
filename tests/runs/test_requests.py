from __future__ import annotations

from pathlib import Path

from memlab.runs import requests


def test_requests_are_taken_once_and_in_order(tmp_path: Path) -> None:
    requests.submit(tmp_path, "pause")
    requests.submit(tmp_path, "checkpoint", reason="lunch")
    requests.submit(tmp_path, "stop")
    taken = requests.take_all(tmp_path)
    assert [request.kind for request in taken.requests] == ["pause", "checkpoint", "stop"]
    assert taken.requests[1].arguments == {"reason": "lunch"}
    assert requests.take_all(tmp_path) == requests.Taken()


def test_junk_is_named_once_and_does_not_hide_requests(tmp_path: Path) -> None:
    folder = tmp_path / "requests"
    folder.mkdir()
    (folder / "0-garbage.json").write_bytes(b"\xff{")
    (folder / "1-unknown.json").write_bytes(b'{"kind": "explode"}')
    (folder / "2-folder").mkdir()
    (folder / "3-link").symlink_to("/nonexistent")
    (folder / ".being-written.tmp").write_bytes(b"{")
    requests.submit(tmp_path, "stop")
    taken = requests.take_all(tmp_path)
    assert [request.kind for request in taken.requests] == ["stop"]
    assert taken.ignored == ("0-garbage.json", "1-unknown.json", "3-link")
    assert requests.take_all(tmp_path) == requests.Taken()
    assert (folder / ".being-written.tmp").exists()


def test_a_run_without_the_folder_has_no_requests(tmp_path: Path) -> None:
    assert requests.take_all(tmp_path / "gone").requests == ()

"""Downloads from a server on this machine: whole and checked, or not there at all."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
import torchvision.datasets as theirs

from memlab.cli import main as cli
from memlab.data import registry
from memlab.data.archive import unpack
from memlab.data.download import STALE_SECONDS, download
from memlab.data.pins import PINS, Pin
from memlab.data.published import PublishedFile, published
from memlab.errors import DatasetUnavailable, InvalidDataset, StorageError
from memlab.experiment.material_spec import DatasetSpec
from tests.data.conftest import IDX_NAMES, Site, idx_set, md5, write_cifar
from tests.patience import SECONDS, wait_for

BODY = np.random.default_rng(0).bytes(700_000)
NOWHERE = "http://127.0.0.1:9/"


def pinned(body: bytes) -> Pin:
    return Pin(len(body), hashlib.sha256(body).hexdigest())


@pytest.fixture(autouse=True)
def _body_is_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server of the tests has no certificate: what it gives is known by SHA-256."""
    monkeypatch.setitem(PINS, md5(BODY), pinned(BODY))


def wanted(*addresses: str, body: bytes = BODY) -> PublishedFile:
    return PublishedFile("file.gz", tuple(f"{address}file.gz" for address in addresses), md5(body))


def test_a_whole_file_arrives_and_progress_counts_its_bytes(tmp_path, site: Site):
    site.content["file.gz"] = BODY
    told: list[tuple[int, int]] = []
    path = download(
        wanted(site.address),
        tmp_path / "new",
        lambda done, total: told.append((done, total)),
        50,
        0,
    )
    assert path.read_bytes() == BODY
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["file.gz"]
    done = [at for at, _ in told]
    assert done == sorted(done)
    assert len(told) >= 3
    assert told[-1] == (700_050, 700_050)


def test_the_second_address_is_asked_where_the_first_fails(tmp_path, site: Site):
    site.content["file.gz"] = BODY
    assert download(wanted(NOWHERE, site.address), tmp_path, None, 0, 0).read_bytes() == BODY


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda site: site.content.update({"file.gz": BODY[:-1] + b"x"}), "another checksum"),
        (
            lambda site: site.cut.update({"file.gz": 300_000}),
            "ended after 300,000 of 700,000 bytes",
        ),
        (lambda site: site.cut.update({"file.gz": 0}), "ended after 0 of 700,000 bytes"),
        (lambda site: site.content.clear(), "answered 404"),
    ],
)
def test_a_failed_download_leaves_nothing_and_says_why(tmp_path, site: Site, break_it, words):
    site.content["file.gz"] = BODY
    break_it(site)
    with pytest.raises(DatasetUnavailable, match=words):
        download(wanted(site.address), tmp_path, None, 0, 0)
    assert list(tmp_path.iterdir()) == []


def test_an_old_file_stays_where_its_replacement_fails(tmp_path, site: Site):
    (tmp_path / "file.gz").write_bytes(b"old")
    with pytest.raises(DatasetUnavailable):
        download(wanted(site.address), tmp_path, None, 0, 0)
    assert (tmp_path / "file.gz").read_bytes() == b"old"


def test_an_interrupted_download_leaves_nothing(tmp_path, site: Site):
    site.content["file.gz"] = BODY

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(wanted(site.address), tmp_path, interrupt, 0, 0)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path, site: Site):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=str(tmp_path / "file")):
        download(wanted(site.address), tmp_path / "file" / "below", None, 0, 0)


def test_a_killed_download_leaves_nothing_that_is_taken_for_data(tmp_path, site: Site, monkeypatch):
    files = {f"{name}.gz": gzip.compress(body, mtime=0) for name, body in idx_set().items()}
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name in IDX_NAMES[1:]:
        (folder / f"{name}.gz").write_bytes(files[f"{name}.gz"])
    name = f"{IDX_NAMES[0]}.gz"
    site.content[name], site.held[name] = files[name], 20_000
    code = (
        "import sys; from pathlib import Path; from memlab.data.download import download;"
        "from memlab.data.published import PublishedFile;"
        "from memlab.data.pins import PINS, Pin;"
        "name, url, md5, folder, size = sys.argv[1:];"
        "PINS[md5] = Pin(int(size), '');"
        "download(PublishedFile(name, (url,), md5), Path(folder), None, 0, 0)"
    )
    body = files[name]
    arguments = (name, site.address + name, md5(body), str(folder), str(len(body)))
    process = subprocess.Popen([sys.executable, "-c", code, *arguments])
    assert site.partly_sent.wait(SECONDS)
    wait_for(lambda: list(folder.glob(".*.part")))
    (left,) = folder.glob(".*.part")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / name).exists()
    with pytest.raises(DatasetUnavailable, match="is not on disk"):
        registry.load(DatasetSpec(name="mnist"), [tmp_path])

    old = time.time() - STALE_SECONDS - 60
    os.utime(left, (old, old))
    del site.held[name]
    monkeypatch.setitem(PINS, md5(body), pinned(body))
    download(PublishedFile(name, (site.address + name,), md5(files[name])), folder, None, 0, 0)
    assert sorted(entry.name for entry in folder.iterdir()) == sorted(files)
    assert len(registry.load(DatasetSpec(name="mnist"), [tmp_path]).y) == 40


@pytest.fixture
def mnist_site(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A mirror of MNIST with 40 and 20 examples."""
    site.content |= {f"{n}.gz": gzip.compress(body, mtime=0) for n, body in idx_set().items()}
    resources = [(name, md5(body)) for name, body in site.content.items()]
    for body in site.content.values():
        monkeypatch.setitem(PINS, md5(body), pinned(body))
    monkeypatch.setattr(theirs.MNIST, "mirrors", [NOWHERE, site.address])
    monkeypatch.setattr(theirs.MNIST, "resources", resources)
    return site


def test_a_dataset_that_is_on_no_folder_is_downloaded_to_the_first(tmp_path, mnist_site: Site):
    told: list[int] = []
    here = [tmp_path / "first", tmp_path / "second"]
    raw = registry.load(
        DatasetSpec(name="mnist"), here, download=True, progress=lambda done, _: told.append(done)
    )
    assert (len(raw.y), len(raw.test_y)) == (40, 20)
    assert told[-1] == sum(len(body) for body in mnist_site.content.values())
    assert len(mnist_site.asked) == 4
    registry.load(DatasetSpec(name="mnist"), here, download=True)
    assert len(mnist_site.asked) == 4
    assert registry.verify("mnist", here).endswith("checksums as published")
    theirs.MNIST(tmp_path / "first", download=True)
    assert len(mnist_site.asked) == 4, "torchvision takes the files for its own"


def test_only_what_is_missing_is_fetched(tmp_path, mnist_site: Site):
    registry.fetch("mnist", [tmp_path])
    (tmp_path / "MNIST/raw" / f"{IDX_NAMES[2]}.gz").unlink()
    mnist_site.asked.clear()
    registry.fetch("mnist", [tmp_path])
    assert mnist_site.asked == [f"{IDX_NAMES[2]}.gz"]


def test_without_a_network_one_sentence_says_what_where_and_how(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(theirs.MNIST, "mirrors", [NOWHERE])
    with pytest.raises(DatasetUnavailable) as caught:
        registry.load(DatasetSpec(name="mnist"), [tmp_path], download=True)
    text = str(caught.value)
    for words in (
        "MNIST is not on disk",
        IDX_NAMES[0],
        str(tmp_path / "MNIST" / "raw"),
        NOWHERE,
        "refused",
        "copy its files to",
        "dataset_folders",
    ):
        assert words in text
    assert "\n" not in text
    assert not list(tmp_path.rglob("*.gz"))


@pytest.fixture
def cifar_site(tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A mirror of CIFAR-10 with 12 examples a file."""
    source = write_cifar(tmp_path / "source", False)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        tar.add(source, "cifar-10-batches-py")
    site.content["cifar-10-python.tar.gz"] = stream.getvalue()
    sums = {entry.name: md5(entry.read_bytes()) for entry in source.iterdir()}
    train = [[f"data_batch_{n}", sums[f"data_batch_{n}"]] for n in range(1, 6)]
    kind = theirs.CIFAR10
    monkeypatch.setattr(kind, "url", f"{site.address}cifar-10-python.tar.gz")
    monkeypatch.setattr(kind, "tgz_md5", md5(stream.getvalue()))
    monkeypatch.setitem(PINS, md5(stream.getvalue()), pinned(stream.getvalue()))
    monkeypatch.setattr(kind, "train_list", train)
    monkeypatch.setattr(kind, "test_list", [["test_batch", sums["test_batch"]]])
    meta = {**kind.meta, "md5": sums["batches.meta"]}
    monkeypatch.setattr(kind, "meta", meta)
    return site


def test_an_archive_is_unpacked_checked_and_removed(tmp_path, cifar_site: Site):
    registry.fetch("cifar10", [tmp_path / "data"])
    assert [entry.name for entry in (tmp_path / "data").iterdir()] == ["cifar-10-batches-py"]
    assert len(registry.load(DatasetSpec(name="cifar10"), [tmp_path / "data"]).y) == 60
    assert registry.verify("cifar10", [tmp_path / "data"]).endswith("checksums as published")
    assert len(theirs.CIFAR10(tmp_path / "data").data) == 60


def test_an_archive_that_was_left_before_unpacking_is_not_fetched_again(tmp_path, cifar_site: Site):
    body = cifar_site.content["cifar-10-python.tar.gz"]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "cifar-10-python.tar.gz").write_bytes(body)
    registry.fetch("cifar10", [tmp_path / "data"])
    assert cifar_site.asked == []
    (tmp_path / "data" / "cifar-10-python.tar.gz").write_bytes(body[:1000])
    (tmp_path / "data" / "cifar-10-batches-py" / "test_batch").unlink()
    registry.fetch("cifar10", [tmp_path / "data"])
    assert len(cifar_site.asked) == 1


def test_an_archive_with_other_content_gives_nothing(tmp_path, cifar_site: Site):
    archive = tmp_path / "some.tar.gz"
    archive.write_bytes(cifar_site.content["cifar-10-python.tar.gz"])
    with pytest.raises(InvalidDataset, match="test_batch has another checksum"):
        unpack(archive, "cifar-10-batches-py", {"test_batch": "0" * 32}, tmp_path / "out")
    with pytest.raises(InvalidDataset, match="no sound archive"):
        unpack(archive, "cifar-10-batches-py", {"other": "0" * 32}, tmp_path / "out")
    archive.write_bytes(archive.read_bytes()[:500])
    with pytest.raises(InvalidDataset, match="no sound archive"):
        unpack(archive, "cifar-10-batches-py", {"test_batch": "0" * 32}, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_fetch_and_verify_print_one_json_document(tmp_path, monkeypatch, capsys, mnist_site: Site):
    monkeypatch.setenv("MEMLAB_HOME", str(tmp_path / "home"))
    where = tmp_path / "home" / "datasets" / "MNIST" / "raw"
    assert cli.main(["data", "fetch", "mnist", "digits", "--json"]) == 0
    mnist, digits = json.loads(capsys.readouterr().out)
    assert mnist == {"name": "mnist", "result": f"MNIST was downloaded to {where}"}
    assert digits["name"] == "digits"
    assert cli.main(["data", "verify", "mnist", "--json"]) == 0
    assert "40 + 20 examples" in json.loads(capsys.readouterr().out)[0]["result"]
    assert cli.main(["data", "list", "mnist", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["found"], row["where"]) == (True, str(where))
    (where / f"{IDX_NAMES[0]}.gz").write_bytes(b"\x1f\x8b\x08")
    assert cli.main(["data", "verify", "mnist", "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("memlab: ")
    assert captured.err.count("\n") == 1


def test_addresses_come_from_a_process_of_its_own_where_torch_is_not_imported(
    tmp_path, monkeypatch
):
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text("")
    (tmp_path / "torchvision" / "datasets.py").write_text(
        "class CIFAR100:\n"
        "    filename, url, tgz_md5 = 'c.tar.gz', 'http://there/c.tar.gz', 'aa'\n"
        "    train_list, test_list = [['train', 'bb']], [['test', 'cc']]\n"
        "    meta = {'filename': 'meta', 'md5': 'dd'}\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delitem(sys.modules, "torch")
    found = published("CIFAR100")
    assert found.files == (PublishedFile("c.tar.gz", ("http://there/c.tar.gz",), "aa"),)
    assert found.members == {"train": "bb", "test": "cc", "meta": "dd"}


def test_all_published_files_have_an_address_and_a_checksum():
    for name in ("MNIST", "FashionMNIST", "KMNIST", "CIFAR10", "CIFAR100", "SVHN"):
        for file in published(name).files:
            assert all(url.startswith("http") and url.endswith(file.name) for url in file.urls)
            assert len(file.md5) == 32
            assert file.pin is not None, f"{file.name} is known by MD5 alone"
            assert len(file.pin.sha256) == 64


def test_sizes_of_the_published_files_are_those_that_are_announced():
    announced = {row["name"]: row["download_bytes"] for row in registry.listing()}
    for name, theirs_name in (
        *(("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST"), ("kmnist", "KMNIST")),
        *(("cifar10", "CIFAR10"), ("cifar100", "CIFAR100"), ("svhn", "SVHN")),
    ):
        sizes = [file.pin.size for file in published(theirs_name).files if file.pin]
        assert sum(sizes) == announced[name]


@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST", "KMNIST", "CIFAR10", "CIFAR100", "SVHN"])
def test_every_address_is_encrypted_or_its_file_known_by_sha256(name):
    for file in published(name).files:
        for url in file.urls:
            assert url.startswith("https:") or file.pin is not None


def test_a_file_known_by_md5_alone_is_not_fetched_without_encryption(tmp_path, site: Site):
    body = b"other"
    site.content["file.gz"] = body
    with pytest.raises(DatasetUnavailable, match="is not encrypted, and only an MD5 sum"):
        download(wanted(site.address, body=body), tmp_path, None, 0, 0)
    assert site.asked == []


def test_a_redirect_leads_to_no_address_that_would_not_be_asked(tmp_path, site: Site, monkeypatch):
    site.content["file.gz"] = BODY
    site.moved["moved.gz"] = f"{site.address}file.gz"
    site.moved["away.gz"] = "ftp://127.0.0.1:9/file.gz"
    site.moved["local.gz"] = "file:///etc/hostname"
    moved = PublishedFile("file.gz", (f"{site.address}moved.gz",), md5(BODY))
    assert download(moved, tmp_path, None, 0, 0).read_bytes() == BODY
    for name in ("away.gz", "local.gz"):
        away = PublishedFile("file.gz", (f"{site.address}{name}",), md5(BODY))
        with pytest.raises(DatasetUnavailable, match=r"without encryption|is not allowed"):
            download(away, tmp_path / name, None, 0, 0)
    # as from an encrypted address to one that is not
    monkeypatch.setattr("memlab.data.download._trusted", lambda url, _: "file.gz" not in url)
    with pytest.raises(DatasetUnavailable, match="address without encryption"):
        download(moved, tmp_path / "other", None, 0, 0)
    assert list((tmp_path / "other").iterdir()) == []


@pytest.mark.parametrize("told", [True, False])
def test_more_bytes_than_were_published_are_not_written(tmp_path, site: Site, told):
    site.content["file.gz"] = BODY * 20
    if not told:
        site.unsized.add("file.gz")
    words = "has 14,000,000 bytes, more than the 700,000" if told else "more than the 700,000 bytes"
    largest = 0

    def watch(done: int, total: int) -> None:
        nonlocal largest
        largest = max(largest, done)

    with pytest.raises(DatasetUnavailable, match=words):
        download(wanted(site.address), tmp_path, watch, 0, 0)
    assert largest <= 700_000
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_says_nothing_more_is_given_up(tmp_path, site: Site, monkeypatch):
    monkeypatch.setattr("memlab.data.download.TIMEOUT_SECONDS", 0.3)
    site.content["file.gz"], site.held["file.gz"] = BODY, 20_000
    with pytest.raises(DatasetUnavailable, match="timed out"):
        download(wanted(site.address), tmp_path, None, 0, 0)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_far_too_slow_is_given_up(tmp_path, site: Site, monkeypatch):
    monkeypatch.setattr("memlab.data.download.GRACE_SECONDS", 0.0)
    monkeypatch.setattr("memlab.data.download.SLOWEST", 1e12)
    site.content["file.gz"] = BODY
    with pytest.raises(DatasetUnavailable, match="is too slow"):
        download(wanted(site.address), tmp_path, None, 0, 0)


def test_what_torchvision_cannot_tell_is_a_sentence(monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: (_ for _ in ()).throw(OSError("gone")))
    monkeypatch.delitem(sys.modules, "torch")
    with pytest.raises(DatasetUnavailable, match="come from torchvision, which does not work"):
        published("SVHN")

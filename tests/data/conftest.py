"""Small files in the published formats, written here, and a server that gives them out."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import pickle
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

IDX_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def idx_bytes(array: np.ndarray) -> bytes:
    header = bytes((0, 0, 8, array.ndim)) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.astype(np.uint8).tobytes()


def idx_set(train: int = 40, test: int = 20, side: int = 28) -> dict[str, bytes]:
    """The four files of an MNIST-like set, by name, not gzipped."""
    draws = np.random.default_rng(0)
    files = {}
    for names, count in ((IDX_NAMES[:2], train), (IDX_NAMES[2:], test)):
        images = draws.integers(0, 256, (count, side, side))
        files[names[0]] = idx_bytes(images)
        files[names[1]] = idx_bytes(draws.permutation(np.arange(count) % 10))
    return files


def write_idx_set(folder: Path, gzipped: bool = False, **sizes: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in idx_set(**sizes).items():
        if gzipped:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return folder


def python2_pickle(entry: Mapping[str, object]) -> bytes:
    """Protocol 2 as Python 2 wrote CIFAR's batches: texts are bytes, arrays by `_reconstruct`."""

    def text(value: bytes) -> bytes:
        return b"T" + len(value).to_bytes(4, "little") + value

    def dumped(value: object) -> bytes:
        if isinstance(value, str):
            return text(value.encode("latin1"))
        if isinstance(value, int):
            return b"J" + value.to_bytes(4, "little", signed=True)
        if isinstance(value, list):
            return b"](" + b"".join(map(dumped, value)) + b"e"
        assert isinstance(value, np.ndarray)
        shape = b"(" + b"".join(map(dumped, value.shape)) + b"t"
        kind = (
            b"cnumpy\ndtype\n(" + text(b"u1") + dumped(0) + dumped(1) + b"tR"
            b"(" + dumped(3) + text(b"|") + b"NNN" + dumped(-1) + dumped(-1) + dumped(0) + b"tb"
        )
        empty = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n("
        empty += dumped(0) + b"t" + text(b"b") + b"tR"
        return empty + b"(" + dumped(1) + shape + kind + b"\x89" + text(value.tobytes()) + b"tb"

    items = b"".join(dumped(key) + dumped(value) for key, value in entry.items())
    return b"\x80\x02}(" + items + b"u."


def write_cifar(root: Path, hundred: bool, per_file: int = 12, python2: bool = False) -> Path:
    """CIFAR-10 or CIFAR-100 below `root`, in torchvision's layout."""
    draws = np.random.default_rng(1)
    folder = root / ("cifar-100-python" if hundred else "cifar-10-batches-py")
    folder.mkdir(parents=True, exist_ok=True)
    files = (
        ("train", "test") if hundred else (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch")
    )
    classes, key = (100, "fine_labels") if hundred else (10, "labels")
    dump: Callable[[dict[str, object]], bytes] = (
        python2_pickle if python2 else lambda entry: pickle.dumps(entry, 2)
    )
    for file in files:
        data = draws.integers(0, 256, (per_file, 3072), dtype=np.uint8)
        entry: dict[str, object] = {
            "data": data,
            key: draws.integers(0, classes, per_file).tolist(),
            "batch_label": file,
        }
        (folder / file).write_bytes(dump(entry))
    names: list[object] = [f"class {label}" for label in range(classes)]
    if hundred:
        (folder / "meta").write_bytes(dump({"fine_label_names": names}))
    else:
        (folder / "batches.meta").write_bytes(dump({"label_names": names, "num_vis": 3072}))
    return folder


def write_svhn(folder: Path, count: int = 15) -> Path:
    from scipy.io import savemat

    folder.mkdir(parents=True, exist_ok=True)
    draws = np.random.default_rng(2)
    for name in ("train_32x32.mat", "test_32x32.mat"):
        images = draws.integers(0, 256, (32, 32, 3, count), dtype=np.uint8)
        labels = 1 + np.arange(count, dtype=np.uint8) % 10
        savemat(folder / name, {"X": images, "y": labels[:, None]})
    return folder


@dataclass
class Site:
    """A web server: what it has by name, how it misbehaves, and what it was asked."""

    address: str
    content: dict[str, bytes] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    unsized: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    partly_sent: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server on this machine; `cut` ends a file's transfer early, `held` waits in its middle,
    `moved` sends to another address, `unsized` says no length."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.lstrip("/")
            made.asked.append(name)
            if name in made.moved:
                self.send_response(302)
                self.send_header("Location", made.moved[name])
                self.end_headers()
                return
            if name not in made.content:
                self.send_error(404)
                return
            body = made.content[name]
            self.send_response(200)
            if name not in made.unsized:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if name in made.held:
                self.wfile.write(body[: made.held[name]])
                made.partly_sent.set()
                made.release.wait()
                return
            with suppress(ConnectionError):  # the client has seen enough
                self.wfile.write(body[: made.cut.get(name, len(body))])

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setenv("no_proxy", "*")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made = Site(f"http://127.0.0.1:{server.server_port}/")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    made.release.set()
    server.shutdown()
    server.server_close()

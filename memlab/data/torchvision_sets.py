"""The datasets that torchvision knows, in its own layout on disk, read without torchvision.

MNIST and its relatives are IDX files, CIFAR's batches pickles, SVHN's files MATLAB's. Fashion-MNIST
is found as Debian's package `dataset-fashion-mnist` installs it, too. Finding and downloading the
files is `layout.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from memlab.data.dataset import Inputs, IntArray, Raw, declare, loaded_by
from memlab.data.idx import read_idx
from memlab.data.layout import Layout, fetch, load, verify
from memlab.data.matlab import read_matlab
from memlab.data.plain_pickle import read_plain_pickle
from memlab.errors import InvalidDataset
from memlab.experiment.datasets import Facts, own

DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
Part = tuple[Inputs, IntArray]


IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def _read_idx_set(layout: Layout, name: str, class_names: tuple[str, ...], place: Path) -> Raw:
    def part(images_name: str, labels_name: str) -> Part:
        path = layout.path(place, labels_name)
        images, labels = read_idx(layout.path(place, images_name), 3), read_idx(path, 1)
        return _checked(images[:, None], labels.astype(np.int64), len(class_names), path)

    x, y = part(*IDX_FILES[:2])
    test_x, test_y = part(*IDX_FILES[2:])
    return _whole(Raw(name, x, y, test_x, test_y, class_names), place)


def _read_cifar(layout: Layout, name: str, labels_key: str, names_key: str, place: Path) -> Raw:
    meta = layout.files[-1]
    found = read_plain_pickle(place / meta).get(names_key)
    named = isinstance(found, list) and all(isinstance(item, str) for item in found)
    if not isinstance(found, list) or not named or len(found) < 2:
        raise InvalidDataset(f"{place / meta} has no list {names_key!r} of the classes' names.")
    class_names = tuple(found)

    def batch(file: str) -> Part:
        path = place / file
        content = read_plain_pickle(path)
        data, labels = content.get("data"), content.get(labels_key)
        if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2:
            raise InvalidDataset(f"{path} has no array 'data' of bytes.")
        if data.shape[1] != 3072 or not isinstance(labels, list):
            raise InvalidDataset(f"{path} has no images of 3×32×32 with a list {labels_key!r}.")
        if not all(type(label) is int and abs(label) < 1 << 31 for label in labels):
            raise InvalidDataset(f"{path} has labels that are no class numbers.")
        images = data.reshape(-1, 3, 32, 32)
        return _checked(images, np.array(labels, dtype=np.int64), len(class_names), path)

    parts = [batch(file) for file in layout.files[:-2]]
    test_x, test_y = batch(layout.files[-2])
    x = np.concatenate([images for images, _ in parts])
    y = np.concatenate([labels for _, labels in parts])
    return _whole(Raw(name, x, y, test_x, test_y, class_names), place)


def _read_svhn(layout: Layout, class_names: tuple[str, ...], place: Path) -> Raw:
    def part(file: str) -> Part:
        path = place / file
        content = read_matlab(path, ("X", "y"))
        if len(content) < 2:
            raise InvalidDataset(f"{path} has no X and y.")
        images = content["X"]
        with np.errstate(invalid="ignore"):  # what is no number is no class either
            labels = content["y"].astype(np.int64).ravel()
        if images.ndim != 4 or images.shape[:3] != (32, 32, 3) or images.dtype != np.uint8:
            raise InvalidDataset(f"{path} has no images of 32×32×3 bytes.")
        images = np.ascontiguousarray(images.transpose(3, 2, 0, 1))
        labels[labels == 10] = 0  # the digit 0 is class 10 in the files
        return _checked(images, labels, len(class_names), path)

    x, y = part(layout.files[0])
    test_x, test_y = part(layout.files[1])
    return _whole(Raw("svhn", x, y, test_x, test_y, class_names), place)


def _checked(images: Inputs, labels: IntArray, classes: int, path: Path) -> Part:
    if len(images) != len(labels):
        raise InvalidDataset(f"{path} has {len(labels):,} labels for {len(images):,} images.")
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        raise InvalidDataset(
            f"{path}: label {labels[wrong[0]]} of example {wrong[0]} is not in 0 … {classes - 1}."
        )
    return images, labels


def _whole(raw: Raw, place: Path) -> Raw:
    assert raw.test_x is not None
    if raw.x.size == 0 or raw.test_x.size == 0:
        raise InvalidDataset(f"{place} has no examples.")
    if raw.x.shape[1:] != raw.test_x.shape[1:]:
        raise InvalidDataset(f"{place} has images of one size for training, of another for test.")
    return raw


def _declare(facts: Facts, layout: Layout, read: Callable[[Path], Raw]) -> None:
    def where(folders: Sequence[Path]) -> str | None:
        place = layout.find(folders)
        return None if place is None else str(place)

    declare(
        loaded_by(
            facts,
            partial(load, layout, read),
            where=where,
            fetch=partial(fetch, layout),
            verify=partial(verify, layout, load=read),
        )
    )


def _declare_idx(name: str, class_name: str, *other: Path) -> None:
    facts, places = own(name), (f"{class_name}/raw",)
    size = facts.download_bytes
    layout = Layout(class_name, places, IDX_FILES, size, gzipped=True, elsewhere=other)
    _declare(facts, layout, partial(_read_idx_set, layout, name, facts.class_names))


def _declare_cifar(name: str, layout: Layout, labels_key: str, names_key: str) -> None:
    _declare(own(name), layout, partial(_read_cifar, layout, name, labels_key, names_key))


_declare_idx("mnist", "MNIST")
_declare_idx("fashion-mnist", "FashionMNIST", DEBIAN_FASHION_MNIST)
_declare_idx("kmnist", "KMNIST")

_CIFAR10 = Layout(
    "CIFAR10",
    ("cifar-10-batches-py",),
    (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta"),
    own("cifar10").download_bytes,
    archive="cifar-10-batches-py",
)
_CIFAR100 = Layout(
    "CIFAR100",
    ("cifar-100-python",),
    ("train", "test", "meta"),
    own("cifar100").download_bytes,
    archive="cifar-100-python",
)
_SVHN = Layout(
    "SVHN",
    (".", "SVHN", "svhn"),
    ("train_32x32.mat", "test_32x32.mat"),
    own("svhn").download_bytes,
)

_declare_cifar("cifar10", _CIFAR10, "labels", "label_names")
_declare_cifar("cifar100", _CIFAR100, "fine_labels", "fine_label_names")
_declare(own("svhn"), _SVHN, partial(_read_svhn, _SVHN, own("svhn").class_names))

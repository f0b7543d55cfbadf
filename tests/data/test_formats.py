"""Published formats, read by memlab and by torchvision itself: the same arrays; damage in words."""

from __future__ import annotations

import gzip
import os
import pickle
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torchvision.datasets as published
from scipy.io import savemat

from memlab.data.idx import read_idx
from memlab.data.plain_pickle import read_plain_pickle
from memlab.data.registry import listing, load, verify
from memlab.data.torchvision_sets import DEBIAN_FASHION_MNIST
from memlab.errors import DatasetUnavailable, InvalidDataset
from memlab.experiment.material_spec import DatasetSpec
from tests.data.conftest import (
    IDX_NAMES,
    idx_bytes,
    idx_set,
    python2_pickle,
    write_cifar,
    write_idx_set,
    write_svhn,
)


def loaded(name: str, *folders: Path):
    return load(DatasetSpec(name=name), folders)


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("mnist", published.MNIST),
        ("fashion-mnist", published.FashionMNIST),
        ("kmnist", published.KMNIST),
    ],
)
def test_idx_sets_are_what_torchvision_reads(tmp_path, name, kind, gzipped):
    write_idx_set(tmp_path / kind.__name__ / "raw", gzipped)
    found = loaded(name, tmp_path)
    write_idx_set(tmp_path / "theirs" / kind.__name__ / "raw")
    train, test = kind(tmp_path / "theirs"), kind(tmp_path / "theirs", train=False)
    np.testing.assert_array_equal(found.x, train.data.numpy()[:, None])
    np.testing.assert_array_equal(found.y, train.targets.numpy())
    np.testing.assert_array_equal(found.test_x, test.data.numpy()[:, None])
    np.testing.assert_array_equal(found.test_y, test.targets.numpy())
    assert found.x.dtype == np.uint8
    assert found.y.dtype == np.int64
    assert found.classes == len(train.classes)


@pytest.mark.parametrize("python2", [False, True])
@pytest.mark.parametrize(
    ("name", "kind"), [("cifar10", published.CIFAR10), ("cifar100", published.CIFAR100)]
)
def test_cifar_is_what_torchvision_reads(tmp_path, monkeypatch, name, kind, python2):
    write_cifar(tmp_path, name == "cifar100", python2=python2)
    found = loaded(name, tmp_path)
    monkeypatch.setattr(published.CIFAR10, "_check_integrity", lambda _: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    train, test = kind(tmp_path), kind(tmp_path, train=False)
    np.testing.assert_array_equal(found.x.transpose(0, 2, 3, 1), train.data)
    np.testing.assert_array_equal(found.y, train.targets)
    np.testing.assert_array_equal(found.test_x.transpose(0, 2, 3, 1), test.data)
    np.testing.assert_array_equal(found.test_y, test.targets)
    assert list(found.class_names) == train.classes


def test_svhn_is_what_torchvision_reads(tmp_path, monkeypatch):
    write_svhn(tmp_path / "SVHN")
    found = loaded("svhn", tmp_path)
    monkeypatch.setattr(published.SVHN, "_check_integrity", lambda _: True)
    train, test = (published.SVHN(tmp_path / "SVHN", split) for split in ("train", "test"))
    np.testing.assert_array_equal(found.x, train.data)
    np.testing.assert_array_equal(found.y, train.labels)
    np.testing.assert_array_equal(found.test_x, test.data)
    np.testing.assert_array_equal(found.test_y, test.labels)
    assert set(found.y) == set(range(10))


@pytest.mark.skipif(not DEBIAN_FASHION_MNIST.is_dir(), reason="Debian's package is not installed")
def test_debians_fashion_mnist_is_found_by_itself():
    found = loaded("fashion-mnist")
    assert (found.x.shape, found.test_x.shape) == ((60_000, 1, 28, 28), (10_000, 1, 28, 28))
    assert (np.bincount(found.y) == 6000).all()
    assert found.class_names[found.y[0]] == "ankle boot"
    where = {row["name"]: row["where"] for row in listing()}
    assert where["fashion-mnist"] == str(DEBIAN_FASHION_MNIST)


def test_the_first_folder_that_has_all_files_is_taken(tmp_path):
    write_idx_set(tmp_path / "one" / "MNIST" / "raw")
    (tmp_path / "one" / "MNIST" / "raw" / IDX_NAMES[3]).unlink()
    write_idx_set(tmp_path / "two" / "MNIST" / "raw", gzipped=True, train=30)
    assert len(loaded("mnist", tmp_path / "one", tmp_path / "two").y) == 30


def test_a_missing_dataset_says_what_was_looked_for_and_where_and_how_to_supply_it(tmp_path):
    with pytest.raises(DatasetUnavailable) as caught:
        loaded("mnist", tmp_path)
    text = str(caught.value)
    for part in ("MNIST", IDX_NAMES[0], str(tmp_path / "MNIST/raw"), "12 MB", "dataset_folders"):
        assert part in text
    assert "\n" not in text


def sentence(error: pytest.ExceptionInfo[InvalidDataset], path: Path) -> str:
    text = str(error.value)
    assert str(path) in text
    assert "\n" not in text
    return text


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_an_idx_file_cut_at_any_byte_is_refused(tmp_path, ending):
    array = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    whole = idx_bytes(array)
    whole = gzip.compress(whole) if ending else whole
    path = tmp_path / f"images{ending}"
    path.write_bytes(whole)
    np.testing.assert_array_equal(read_idx(path, 3), array)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(InvalidDataset) as caught:
            read_idx(path, 3)
        sentence(caught, path)
    path.write_bytes(whole + b"\1")
    with pytest.raises(InvalidDataset):
        read_idx(path, 3)


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_an_idx_file_with_any_byte_changed_is_read_or_refused(tmp_path, ending):
    whole = idx_bytes(np.arange(12, dtype=np.uint8).reshape(3, 2, 2))
    whole = gzip.compress(whole, mtime=0) if ending else whole
    path = tmp_path / f"images{ending}"
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes((whole[place] ^ 0xFF,)) + whole[place + 1 :])
        with suppress(InvalidDataset):
            read_idx(path, 3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (idx_bytes(np.arange(40)), "no IDX file of bytes in 3 dimensions"),
        (bytes((0, 0, 0x0D, 3)) + bytes(40), "no IDX file of bytes"),
        (b"<html>404 not found</html>", "no IDX file"),
        (idx_bytes(np.zeros((39, 28, 28))), "40 labels for 39 images"),
        (idx_bytes(np.zeros((40, 0, 28))), "no examples"),
        (idx_bytes(np.zeros((40, 27, 28))), "one size for training, of another for test"),
    ],
)
def test_wrong_images_in_a_set_are_refused(tmp_path, content, words):
    folder = write_idx_set(tmp_path / "MNIST" / "raw")
    (folder / IDX_NAMES[0]).write_bytes(content)
    with pytest.raises(InvalidDataset, match=words):
        loaded("mnist", tmp_path)


def test_a_label_that_is_no_class_is_named_with_its_example(tmp_path):
    folder = write_idx_set(tmp_path / "MNIST" / "raw")
    labels = np.arange(40) % 10
    labels[17] = 10
    (folder / IDX_NAMES[1]).write_bytes(idx_bytes(labels))
    with pytest.raises(InvalidDataset, match="label 10 of example 17 is not in 0 … 9"):
        loaded("mnist", tmp_path)


class Evil:
    """Makes a folder when it is read by `pickle`."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_pickle_that_runs_code_is_refused_and_runs_nothing(tmp_path, protocol):
    folder = write_cifar(tmp_path, False)
    trace = tmp_path / "trace"
    content = pickle.dumps({"data": Evil(trace), "labels": []}, protocol)
    (folder / "data_batch_3").write_bytes(content)
    with pytest.raises(InvalidDataset, match=r"data_batch_3 .*more than plain data"):
        loaded("cifar10", tmp_path)
    assert not trace.exists()
    pickle.loads(content)
    assert trace.exists(), "the pickle would have run"


TYPE = b"cnumpy\ndtype\n(U\x02%sK\x00K\x01tR"
STATE = b"(K\x03U\x01%s%sJ\xff\xff\xff\xffJ\xff\xff\xff\xff%stb"
ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"


def hostile(value: bytes) -> bytes:
    return b"\x80\x02}U\x04data" + value + b"s."


@pytest.mark.parametrize(
    "value",
    [
        TYPE % b"O8",
        TYPE % b"V8",
        # a type with the flag that makes NumPy take bytes for pointers, or with hidden fields
        TYPE % b"u1" + STATE % (b"|", b"NNN", b"K\x3f"),
        TYPE % b"u1" + STATE % (b"|", b"(K\x02K\x02tNN", b"K\x00"),
        ARRAY + b"(K\x01(K\x05t" + TYPE % b"u1" + b"\x89U\x03abctb",
        ARRAY + b"(K\x01(J\xff\xff\xff\xfft" + TYPE % b"u1" + b"\x89U\x03abctb",
        ARRAY + b"(K\x01(K\x03tN\x89U\x03abctb",
        b"c_codecs\nencode\n}U\x0c__defaults__K\x01sb",
        b"cnumpy\nndarray\n(K\x05tR",
        b"cnumpy.core.multiarray\nscalar\n",
        b"cbuiltins\neval\n(U\x031+1tR",
        b"cos\nsystem\n",
    ],
)
def test_crafted_pickles_of_arrays_are_refused_or_harmless(tmp_path, value):
    path = tmp_path / "data_batch_1"
    path.write_bytes(hostile(value))
    with suppress(InvalidDataset):
        assert not isinstance(read_plain_pickle(path)["data"], np.ndarray)


def test_a_pickle_cannot_change_the_types_of_numpy(tmp_path):
    path = tmp_path / "data_batch_1"
    path.write_bytes(hostile(TYPE % b"f8" + STATE % (b">", b"NNN", b"K\x00")))
    read_plain_pickle(path)
    assert np.dtype("f8").isnative
    assert float(np.frombuffer(np.float64(1.5).tobytes(), "f8")[0]) == 1.5


def test_arrays_of_any_number_type_and_order_are_read(tmp_path):
    arrays = {
        "fortran": np.asfortranarray(np.arange(6, dtype=np.int32).reshape(2, 3)),
        "big": np.arange(4, dtype=">f8"),
        "true": np.array([True, False]),
    }
    path = tmp_path / "batch"
    for protocol in (2, 4):
        path.write_bytes(pickle.dumps(arrays, protocol))
        read = read_plain_pickle(path)
        for name, array in arrays.items():
            np.testing.assert_array_equal(read[name], array)
            assert read[name].dtype == array.dtype


def test_a_cifar_batch_cut_at_any_byte_is_refused(tmp_path):
    entry = {"data": np.zeros((2, 3), np.uint8), "labels": [1, 2]}
    path = tmp_path / "batch"
    for whole in (pickle.dumps(entry, 2), python2_pickle(entry)):
        for length in range(len(whole)):
            path.write_bytes(whole[:length])
            with pytest.raises(InvalidDataset) as caught:
                read_plain_pickle(path)
            sentence(caught, path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"labels": [0] * 11}, "11 labels for 12 images"),
        ({"labels": [0] * 11 + [10]}, "label 10 of example 11"),
        ({"labels": [0] * 11 + [-1]}, "label -1 of example 11"),
        ({"labels": [0] * 11 + [1 << 80]}, "no class numbers"),
        ({"labels": [0.5] * 12}, "no class numbers"),
        ({"labels": None}, "with a list 'labels'"),
        ({"data": np.zeros((12, 3071), np.uint8)}, "no images of 3×32×32"),
        ({"data": np.zeros((12, 3072))}, "no array 'data' of bytes"),
        ({"data": [1, 2]}, "no array 'data' of bytes"),
    ],
)
def test_a_wrong_cifar_batch_is_refused_by_name(tmp_path, change, words):
    folder = write_cifar(tmp_path, False)
    entry = {"data": np.zeros((12, 3072), np.uint8), "labels": [0] * 12, **change}
    (folder / "data_batch_2").write_bytes(pickle.dumps(entry, 2))
    with pytest.raises(InvalidDataset, match=f"data_batch_2.*{words}"):
        loaded("cifar10", tmp_path)


def test_cifar_without_names_of_classes_is_refused(tmp_path):
    folder = write_cifar(tmp_path, False)
    (folder / "batches.meta").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(InvalidDataset, match="holds no dictionary"):
        loaded("cifar10", tmp_path)
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": "cat"}, 2))
    with pytest.raises(InvalidDataset, match="no list 'label_names'"):
        loaded("cifar10", tmp_path)


def test_a_damaged_svhn_file_is_refused_by_name(tmp_path):
    folder = write_svhn(tmp_path)
    whole = (folder / "train_32x32.mat").read_bytes()
    for length in (0, 1, 100, 127, 128, 140, len(whole) // 2, len(whole) - 9):
        (folder / "train_32x32.mat").write_bytes(whole[:length])
        with pytest.raises(InvalidDataset, match="train_32x32"):
            loaded("svhn", tmp_path)
    savemat(folder / "train_32x32.mat", {"X": np.zeros((32, 32, 3, 4)), "y": np.ones((4, 1))})
    with pytest.raises(InvalidDataset, match="no images of 32×32×3 bytes"):
        loaded("svhn", tmp_path)


def test_verify_compares_with_the_published_checksums(tmp_path, monkeypatch):
    write_idx_set(tmp_path / "KMNIST" / "raw", gzipped=True)
    assert "packed differently" in verify("kmnist", [tmp_path])
    write_svhn(tmp_path / "SVHN")
    with pytest.raises(InvalidDataset, match="another checksum than the published file"):
        verify("svhn", [tmp_path])
    from memlab.data.download import md5_of

    lists = {
        part: ["", f"{part}_32x32.mat", md5_of(tmp_path / "SVHN" / f"{part}_32x32.mat")]
        for part in ("train", "test")
    }
    monkeypatch.setattr(published.SVHN, "split_list", lists)
    assert "15 + 15 examples read; checksums as published" in verify("svhn", [tmp_path])
    shutil.rmtree(tmp_path / "SVHN")
    with pytest.raises(DatasetUnavailable, match="memlab data fetch"):
        verify("svhn", [tmp_path])


def test_the_maker_of_idx_files_is_sound(tmp_path):
    path = tmp_path / "set"
    path.write_bytes(idx_set()[IDX_NAMES[0]])
    assert published.mnist.read_image_file(str(path)).shape == (40, 28, 28)

"""What hostile data files may take: a cap before memory is taken, and one sentence."""

from __future__ import annotations

import gzip
import os
import socket
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from memlab.data import data_file, image_folder
from memlab.data.data_file import Inflating, opened, read_whole
from memlab.data.idx import MOST_BYTES, read_idx
from memlab.data.image_folder import read_folder
from memlab.data.matlab import read_matlab
from memlab.data.npz import read_npz
from memlab.data.plain_pickle import read_plain_pickle
from memlab.errors import MemlabError
from tests.data.conftest import idx_bytes

MEGA = 1 << 20


def refusal(read: Callable[[], object], words: str, most: int = 40 * MEGA) -> str:
    """The sentence of a refusal that took at most `most` bytes of memory."""
    tracemalloc.start()
    try:
        with pytest.raises(MemlabError, match=words) as caught:
            read()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < most
    text = str(caught.value)
    assert text.isprintable()
    return text


def header(shape: str, descr: str = "|u1") -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def zipped(path: Path, compress: int = zipfile.ZIP_DEFLATED, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", compress) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def test_an_archive_that_expands_a_thousandfold_is_refused_before_it_does(tmp_path):
    bomb = header("(64, 1048576)") + bytes(64 * MEGA)
    path = zipped(tmp_path / "a.npz", x=bomb, y=bomb)
    text = refusal(lambda: read_npz(path), "would expand to 67,108,992 bytes")
    assert "more than 300 times" in text


def test_an_array_larger_than_half_of_memory_is_refused_by_size(tmp_path, monkeypatch):
    x, y = np.ones((1000, 1000), np.float32), np.arange(1000) % 3
    np.savez(tmp_path / "a.npz", x=x, y=y)
    assert len(read_npz(tmp_path / "a.npz").y) == 1000
    monkeypatch.setattr(data_file, "memory_bytes", lambda: 10 * MEGA)
    text = refusal(lambda: read_npz(tmp_path / "a.npz"), "would take 9.0 MB of memory", MEGA)
    assert "half of what this machine has" in text


def test_a_table_of_contents_of_gigabytes_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.ones((20, 4)), y=np.arange(20) % 2)
    whole = (tmp_path / "a.npz").read_bytes()
    end = whole.rindex(b"PK\5\6")
    size, start = struct.unpack("<II", whole[end + 12 : end + 20])
    padding = bytes(4 * MEGA)
    changed = struct.pack("<II", size + len(padding), start)
    (tmp_path / "b.npz").write_bytes(
        whole[:end] + padding + whole[end : end + 12] + changed + whole[end + 20 :]
    )
    refusal(lambda: read_npz(tmp_path / "b.npz"), "cannot be opened")


@pytest.mark.parametrize("shape", ["(40, 99999999999999999)", "(40, 6, " + "9, " * 180 + ")"])
@pytest.mark.parametrize("descr", ["<f8", "<u1"])
def test_a_shape_that_its_values_do_not_fill_is_refused(tmp_path, shape, descr):
    content = header(shape, descr) + bytes(240)
    path = zipped(tmp_path / "a.npz", x=content, y=content)
    refusal(lambda: read_npz(path), "array 'x' cannot be read")


def test_a_header_is_not_evaluated(tmp_path):
    deep = header("(" * 5000 + ")" * 4000)
    path = zipped(tmp_path / "a.npz", x=deep, y=deep)
    refusal(lambda: read_npz(path), "array 'x' cannot be read")
    path = zipped(tmp_path / "b.npz", x=b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + bytes(99), y=b"")
    refusal(lambda: read_npz(path), "array 'x' cannot be read")


@pytest.mark.parametrize("packing", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_packings_that_numpy_does_not_use_are_refused(tmp_path, packing):
    content = header("(40, 6)") + bytes(240)
    path = zipped(tmp_path / "a.npz", packing, x=content, y=content)
    refusal(lambda: read_npz(path), "packed in a way that NumPy does not use")


def test_names_in_an_archive_are_shown_printable_and_few(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("\x1b]52;c;aGk=\x07.npy", b"")
        archive.writestr("‮txt", b"")
        for number in range(500):
            archive.writestr(f"name{number}", b"")
    text = refusal(lambda: read_npz(tmp_path / "a.npz"), "no array 'x'")
    assert "490 more" in text
    assert len(text) < 500


def test_arrays_in_either_order_and_byte_order_are_read_as_numpy_reads_them(tmp_path):
    x = np.arange(240, dtype=">f4").reshape(40, 6)
    y = (np.arange(40) % 4).astype(">i2")
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", x=np.asfortranarray(x), y=y)
        found = read_npz(tmp_path / "a.npz")
        np.testing.assert_array_equal(found.x, x)
        np.testing.assert_array_equal(found.y, y)


def idx_gz(shape: tuple[int, ...], body: bytes) -> bytes:
    head = bytes((0, 0, 8, len(shape))) + b"".join(n.to_bytes(4, "big") for n in shape)
    return gzip.compress(head + body)


def test_gzipped_idx_is_expanded_to_what_its_header_says_and_no_further(tmp_path):
    path = tmp_path / "images.gz"
    path.write_bytes(idx_gz((2, 2, 2), bytes(200 * MEGA)))
    refusal(lambda: read_idx(path, 3), "more data than its header says", 8 * MEGA)
    path.write_bytes(idx_gz((2**31, 2**31, 2), bytes(8)))
    refusal(lambda: read_idx(path, 3), f"{MOST_BYTES:,} are the most", MEGA)
    path.write_bytes(idx_gz((400, 1000, 1000), bytes(8)))
    refusal(lambda: read_idx(path, 3), "would expand to 400,000,000 bytes from", MEGA)


def test_gzip_within_gzip_and_several_streams_are_refused(tmp_path):
    path = tmp_path / "images.gz"
    whole = gzip.compress(idx_bytes(np.zeros((2, 2, 2))))
    path.write_bytes(whole + gzip.compress(b"") * 50_000)
    refusal(lambda: read_idx(path, 3), "more data")
    path.write_bytes(gzip.compress(whole))
    refusal(lambda: read_idx(path, 3), "no IDX file")


def test_a_stream_gives_exactly_what_is_asked_for(tmp_path):
    content = np.random.default_rng(0).integers(0, 4, 300_000).astype(np.uint8).tobytes()
    (tmp_path / "a").write_bytes(zlib.compress(content) + b"rest")
    with opened(tmp_path / "a") as file:
        stream = Inflating(file, 15)
        pieces = [stream.read(n) for n in (0, 1, 257, 65_536, 200_000, 100_000, 5)]
        assert b"".join(pieces) == content
        assert [len(piece) for piece in pieces] == [0, 1, 257, 65_536, 200_000, 34_206, 0]
        assert not stream.ended()


SMALL_PICKLES = (
    b"\x80\x02Nr\xff\xff\xff\x7f.",  # a memo of 2³¹ entries; this took 4 GB
    b"\x80\x02Nr\xff\xff\xff\xff.",
    b"\x80\x05\x96\xff\xff\xff\xff\x00\x00\x00\x00.",  # a bytearray of 4 GB
    b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",
    b"\x80\x04\x8d\xff\xff\xff\xff\x00\x00\x00\x00.",
    b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f.",
    b"\x80\x02B\xff\xff\xff\xff.",
    b"\x80\x02T\xff\xff\xff\x7f.",
    b"\x80\x02\x8b\xff\xff\xff\x7f.",
    b"L" + b"9" * 5000 + b"L\n.",
    b"]" * 1_200_000 + b".",
    b"(" * 1_200_000 + b".",
    b"}(" + b"K\x01K\x02" * 10 + b"u.",
    b"}" + b"(K\x01" + b"q\x01h\x01\x86" * 60 + b"K\x00u.",  # a key that takes years to hash
    b"cnumpy\n\x1b]52;c;\x07\n.",
)


@pytest.mark.parametrize("number", range(len(SMALL_PICKLES)))
def test_a_few_bytes_of_pickle_take_a_few_bytes_of_memory(tmp_path, number):
    content = SMALL_PICKLES[number]
    (tmp_path / "batch").write_bytes(content)
    most = 20 * MEGA + 100 * len(content)
    refusal(lambda: read_plain_pickle(tmp_path / "batch"), "damaged|no batch of CIFAR", most)


def test_a_pickle_cannot_make_the_same_bytes_over_and_over(tmp_path):
    text = b"T" + (1 << 16).to_bytes(4, "little") + bytes(1 << 16) + b"q\x00"
    call = b"c_codecs\nencode\n(h\x00U\x06latin1tR"
    (tmp_path / "batch").write_bytes(b"\x80\x02](" + text + call * 5_000 + b"e.")
    refusal(lambda: read_plain_pickle(tmp_path / "batch"), "the same bytes over and over")


def test_a_shape_of_a_million_dimensions_is_not_multiplied_out(tmp_path):
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
    big = b"\x8a\x10" + b"\x7f" * 16
    state = b"(K\x01(" + big * 100_000 + b"tcnumpy\ndtype\n(U\x02u1tR\x89U\x00tb"
    (tmp_path / "batch").write_bytes(b"\x80\x02}U\x01a" + array + state + b"s.")
    refusal(lambda: read_plain_pickle(tmp_path / "batch"), "without a shape")


def mat(path: Path, kind: int, count: int, body: bytes) -> Path:
    path.write_bytes(bytes(124) + b"\x00\x01IM" + struct.pack("<II", kind, count) + body)
    return path


def test_matlab_files_are_bounded_by_their_size(tmp_path):
    path = mat(tmp_path / "a.mat", 14, 1 << 31, b"")
    refusal(lambda: read_matlab(path, ("X",)), "no MATLAB file", MEGA)
    inside = zlib.compress(struct.pack("<II", 14, 1 << 30) + bytes(50 * MEGA))
    path = mat(tmp_path / "a.mat", 15, len(inside), inside)
    refusal(lambda: read_matlab(path, ("X",)), "would expand to 1,073,741,824 bytes", 2 * MEGA)
    path = mat(tmp_path / "a.mat", 0, 0, bytes(8 * 1000))
    refusal(lambda: read_matlab(path, ("X",)), "more than 100 variables", MEGA)


@pytest.mark.parametrize("compressed", [False, True])
def test_matlab_arrays_are_what_scipy_wrote(tmp_path, compressed):
    draws = np.random.default_rng(0)
    arrays = {
        "X": draws.integers(0, 256, (3, 4, 2, 5), dtype=np.uint8),
        "y": np.arange(5.0)[:, None],
        "z": np.array([[7]], dtype=np.int16),
        "skipped": np.array(["text"]),
    }
    savemat(tmp_path / "a.mat", arrays, do_compression=compressed)
    found = read_matlab(tmp_path / "a.mat", ("X", "y", "z"))
    assert set(found) == {"X", "y", "z"}
    for name, array in found.items():
        np.testing.assert_array_equal(array, arrays[name])
        assert array.dtype == arrays[name].dtype


def pictures(folder: Path) -> Path:
    for number in range(10):
        path = folder / ("a", "b")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 5, 3), number, np.uint8)).save(path)
    return folder


def test_a_picture_of_gigapixels_is_refused_before_it_is_decoded(tmp_path, recwarn):
    folder = pictures(tmp_path)
    whole = (folder / "a" / "0.png").read_bytes()
    for side in (5_000, 12_000, 60_000):
        chunk = b"IHDR" + struct.pack(">II", side, side) + whole[24:29]
        changed = whole[:12] + chunk + zlib.crc32(chunk).to_bytes(4, "big") + whole[33:]
        (folder / "a" / "0.png").write_bytes(changed)
        refusal(lambda: read_folder(folder), "0.png (is .* pixels at most|is no readable picture)")
    assert not recwarn.list


def test_only_raster_formats_are_decoded(tmp_path):
    folder = pictures(tmp_path)
    Image.open(folder / "b" / "1.png").save(folder / "b" / "page.eps")
    refusal(lambda: read_folder(folder), "page.eps is no readable picture")


def test_of_a_picture_that_moves_the_first_frame_is_taken(tmp_path):
    folder = pictures(tmp_path)
    frames = [Image.fromarray(np.full((4, 5), value, np.uint8)) for value in (9, 99, 199)]
    frames[0].save(folder / "a" / "moving.gif", save_all=True, append_images=frames[1:])
    found = read_folder(folder)
    assert found.x[5].max() == 9


def test_too_many_pictures_for_the_memory_are_refused(tmp_path, monkeypatch):
    folder = pictures(tmp_path)
    monkeypatch.setattr(data_file, "memory_bytes", lambda: 1000)
    refusal(lambda: read_folder(folder), "of memory")
    monkeypatch.setattr(image_folder, "MOST_FILE_BYTES", 10)
    refusal(lambda: read_folder(folder), "pictures have 10 at most")


def socket_at(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


READERS: dict[str, Callable[[Path], object]] = {
    "idx": lambda path: read_idx(path, 3),
    "gz": lambda path: read_idx(path.rename(path.with_suffix(".gz")), 3),
    "pickle": read_plain_pickle,
    "mat": lambda path: read_matlab(path, ("X",)),
    "whole": lambda path: read_whole(path, 100),
}


@pytest.mark.parametrize("make", [os.mkfifo, socket_at, Path.mkdir], ids=["pipe", "socket", "dir"])
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path, reader, make):
    make(tmp_path / "data")
    refusal(lambda: READERS[reader](tmp_path / "data"), "no regular file|cannot be read", MEGA)


def test_a_device_is_refused_and_a_link_to_a_file_is_followed(tmp_path):
    (tmp_path / "zero").symlink_to("/dev/zero")
    refusal(lambda: read_idx(tmp_path / "zero", 3), "no regular file", MEGA)
    (tmp_path / "set").write_bytes(idx_bytes(np.ones((2, 2, 2))))
    (tmp_path / "link").symlink_to(tmp_path / "set")
    assert read_idx(tmp_path / "link", 3).sum() == 8


@pytest.mark.parametrize("reader", READERS)
def test_a_huge_file_of_holes_is_refused(tmp_path, reader):
    with (tmp_path / "data").open("wb") as file:
        file.write(bytes((0, 0, 8, 3)) + (6000).to_bytes(4, "big") + b"\0\0\3\xe8" * 2)
        file.truncate(6_000_000_016)
    refusal(lambda: READERS[reader](tmp_path / "data"), "mostly holes", MEGA)


def test_files_of_a_kind_have_a_size(tmp_path):
    (tmp_path / "a").write_bytes(bytes(101))
    refusal(lambda: read_whole(tmp_path / "a", 100), "has 101 bytes; files of its kind have 100")


def test_a_container_has_the_memory_that_it_was_given(tmp_path, monkeypatch):
    monkeypatch.setattr(data_file, "CONTROL_GROUP_LIMIT", tmp_path / "memory.max")
    whole = data_file.memory_bytes()
    (tmp_path / "memory.max").write_text("1000000\n")
    assert data_file.memory_bytes() == 1_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert data_file.memory_bytes() == whole

"""Philox in torch against its published answers, an independent one, and what is drawn from it."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
import torch

from memlab.training.device_noise import DeviceNoise, DeviceStream, augment_on_device
from memlab.training.philox import (
    KERNEL,
    _kernel,
    below,
    halves,
    in_one_kernel,
    in_operations,
    normals,
    philox,
)
from memlab.training.randomness import Rates

LOW = 0xFFFFFFFF
CPU = torch.device("cpu")
#: Random123's known answers (kat_vectors: philox4x32 10): counter, key, words.
KNOWN = (
    ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((LOW,) * 4, (LOW,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
)


def by_hand(counter: tuple[int, ...], key: tuple[int, ...]) -> tuple[int, ...]:
    """Philox-4x32-10 in Python's integers."""
    (a, b, c, d), (k, l) = counter, key  # noqa: E741
    for _ in range(10):
        p, q = a * 0xD2511F53, c * 0xCD9E8D57
        a, b, c, d = (q >> 32) ^ b ^ k, q & LOW, (p >> 32) ^ d ^ l, p & LOW
        k, l = (k + 0x9E3779B9) & LOW, (l + 0xBB67AE85) & LOW  # noqa: E741
    return a, b, c, d


def words(*values: int) -> tuple[torch.Tensor, ...]:
    return tuple(torch.tensor(value, dtype=torch.int64) for value in values)


def rates(members: int, **strengths: float) -> Rates:
    names = ("dropout", "input_dropout", "input_noise", "hidden_noise")
    return Rates(*(np.full(members, strengths.get(name, 0.0)) for name in names))


def stream(seeds: list[int], update: int = 3, **strengths: float) -> DeviceStream:
    return DeviceStream(seeds, rates(len(seeds), **strengths), CPU, update)


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_the_published_answers_come_out(counter, key, answer):
    assert tuple(map(int, philox(words(*counter), words(*key)))) == answer
    assert by_hand(counter, key) == answer


def test_many_counters_and_keys_come_out_as_in_pythons_integers():
    drawn = np.random.default_rng(0).integers(0, 1 << 32, (6, 200))
    found = philox(*[tuple(torch.from_numpy(part)) for part in (drawn[:4], drawn[4:])])
    for at in range(200):
        expected = by_hand(tuple(map(int, drawn[:4, at])), tuple(map(int, drawn[4:, at])))
        assert tuple(int(word[at]) for word in found) == expected


def test_the_words_of_a_stream_are_those_of_its_key_update_and_place():
    from memlab.experiment.keys import digest

    found = stream([7, 8], update=5).words("dropout:input", 4)
    k0, k1, c2, c3 = np.frombuffer(digest(8, "dropout:input"), "<u4").tolist()
    for block in range(4):
        expected = by_hand((block, 5, c2, c3), (k0, k1))
        assert tuple(int(word[1, block]) for word in found) == expected


def test_uniform_halves_are_uniform_and_independent_of_their_neighbours():
    drawn = halves(stream([1]).words("x", 1 << 15))[0].numpy() / 65536
    n = len(drawn)
    assert n == 1 << 18
    counts = np.histogram(drawn, 64, (0, 1))[0]
    chi = ((counts - n / 64) ** 2 / (n / 64)).sum()
    assert 30 < chi < 110  # 63 degrees of freedom: 1e-4 on either side
    for lag in (1, 2, 7, 8):
        assert abs(np.corrcoef(drawn[:-lag], drawn[lag:])[0, 1]) < 4 / np.sqrt(n)


def test_normal_numbers_are_normal():
    from scipy import stats

    drawn = normals(stream([1]).words("x", 1 << 15))[0].double().numpy()
    assert stats.kstest(drawn, "norm").pvalue > 1e-3
    n = len(drawn)
    assert abs(drawn.mean()) < 4 / np.sqrt(n)
    assert drawn.var() == pytest.approx(1, abs=4 * np.sqrt(2 / n))
    assert (drawn**4).mean() == pytest.approx(3, abs=4 * np.sqrt(96 / n))
    for lag in (1, 2, 3, 4):
        assert abs(np.corrcoef(drawn[:-lag], drawn[lag:])[0, 1]) < 4 / np.sqrt(n)


def test_the_smallest_and_the_largest_word_give_finite_numbers():
    edges = tuple(torch.tensor([value]) for value in (0, 0, LOW, LOW))
    drawn = normals(edges)
    assert bool(torch.isfinite(drawn).all())
    assert float(drawn[0]) == pytest.approx(6.66, abs=0.01)
    assert below(torch.tensor([0, LOW]), 9).tolist() == [0, 8]


def test_a_member_draws_the_same_alone_and_in_a_stack():
    like = torch.empty(3, 5, 7)
    strengths = {"dropout": 0.3, "input_noise": 0.5}
    whole = DeviceNoise(stream([4, 5, 6], **strengths))
    alone = DeviceNoise(stream([5], **strengths))
    for draw in (
        lambda noise, x: noise.keep_mask("hidden0", noise.rates.dropout, x),
        lambda noise, x: noise.gaussian("input", noise.rates.input_noise, x),
    ):
        assert torch.equal(draw(whole, like)[1], draw(alone, like[:1])[0])
        assert not torch.equal(draw(whole, like)[0], draw(whole, like)[1])


def test_masks_keep_what_their_rate_says_and_members_without_it_everything():
    given = stream([0, 1, 2])
    mask = DeviceNoise(given).keep_mask(
        "input", np.array([0.25, 0.0, 0.5]), torch.empty(3, 100, 999)
    )
    assert mask is not None
    for member, rate in enumerate((0.25, 0.0, 0.5)):
        assert set(mask[member].unique().tolist()) <= {0.0, float(np.float32(1 / (1 - rate)))}
        assert float((mask[member] == 0).double().mean()) == pytest.approx(rate, abs=0.006)


def test_another_update_site_or_tag_draws_other_numbers():
    like = torch.empty(1, 4, 64)
    one = np.ones(1)
    drawn = [
        DeviceNoise(stream([1], update), tag).gaussian(site, one, like)
        for update, tag, site in (
            (3, "", "input"),
            (4, "", "input"),
            (3, ":adversarial", "input"),
            (3, "", "hidden0"),
        )
    ]
    for at, first in enumerate(drawn):
        assert first is not None
        assert all(not torch.equal(first, other) for other in drawn[:at] if other is not None)


def test_the_counter_is_a_tensor_that_can_be_counted_up_in_place():
    moving = stream([1], update=3)
    moving.words("x", 2)
    moving.update.add_(1)
    for a, b in zip(moving.words("x", 2), stream([1], update=4).words("x", 2), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("kind", ["shift", "crop-flip"])
def test_images_are_moved_on_the_device_by_up_to_their_reach(kind):
    x = torch.zeros(1, 400, 1, 16, 16)
    x[..., 8, 8] = 1.0
    found = augment_on_device(kind, x, stream([3]))
    rows, columns = (
        found[0, :, 0].flatten(1).argmax(1) // 16,
        found[0, :, 0].flatten(1).argmax(1) % 16,
    )
    assert found.sum() == 400
    assert set(rows.tolist()) == {6, 7, 8, 9, 10}
    expected = {6, 7, 8, 9, 10} if kind == "shift" else {5, 6, 7, 8, 9, 10}
    assert set(columns.tolist()) == expected
    alone = augment_on_device(kind, x[:, :100], stream([3]))
    assert torch.equal(alone, found[:, :100])


@pytest.mark.skipif(shutil.which("c++") is None, reason="needs a C++ compiler")
def test_the_kernel_is_the_same_function(tmp_path):
    source = tmp_path / "philox.cpp"
    source.write_text(
        "#include <cstdio>\n" + KERNEL + "int main() { long long v[6], w[4];\n"
        '  while (scanf("%lld %lld %lld %lld %lld %lld", v, v+1, v+2, v+3, v+4, v+5) == 6) {\n'
        "    philox<long long>(v[0], v[1], v[2], v[3], v[4], v[5], w[0], w[1], w[2], w[3]);\n"
        '    printf("%lld %lld %lld %lld\\n", w[0], w[1], w[2], w[3]); } }\n'
    )
    made = tmp_path / "philox"
    subprocess.run(["c++", "-O1", "-o", made, source], check=True)
    drawn = np.random.default_rng(1).integers(0, 1 << 32, (100, 6))
    asked = "\n".join(" ".join(map(str, row)) for row in drawn)
    done = subprocess.run([made], input=asked, capture_output=True, text=True, check=True)
    for row, line in zip(drawn, done.stdout.splitlines(), strict=True):
        numbers = tuple(map(int, row))
        assert tuple(map(int, line.split())) == by_hand(numbers[:4], numbers[4:])


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_on_a_gpu_one_kernel_gives_what_the_operations_give():
    drawn = torch.from_numpy(np.random.default_rng(0).integers(0, 1 << 32, (6, 3, 500))).cuda()
    shapes = [drawn[0, :1], drawn[1, :1, :1], *drawn[2:, :, :1]]  # as `DeviceStream.words` has them
    found = in_one_kernel(tuple(shapes[:4]), tuple(shapes[4:]))
    expected = in_operations(tuple(shapes[:4]), tuple(shapes[4:]))
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)


def test_a_kernel_that_is_wrong_or_cannot_be_made_is_not_used(monkeypatch):
    from torch.cuda import jiterator

    def made(wrong: int):
        def kernel(*tensors: torch.Tensor) -> list[torch.Tensor]:
            a, b, c, d = in_operations(tensors[:4], tensors[4:])
            return [a, b, c, d + wrong]

        return lambda code, num_outputs: kernel

    arange = torch.arange
    monkeypatch.setattr(torch, "arange", lambda count, device: arange(count))
    for offered, used in ((made(0), True), (made(1), False), (None, False)):
        monkeypatch.setattr(jiterator, "_create_multi_output_jit_fn", offered)
        if offered is None:
            monkeypatch.delattr(jiterator, "_create_multi_output_jit_fn")
        _kernel.cache_clear()
        assert (_kernel(CPU) is not None) == used
    _kernel.cache_clear()
    monkeypatch.undo()
    if not torch.cuda.is_available():
        assert _kernel(torch.device("cuda:0")) is None
    _kernel.cache_clear()

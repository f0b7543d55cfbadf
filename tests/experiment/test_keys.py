"""Keyed generators: the one that is taken over draws what one of its own would."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from memlab.experiment.keys import key, key_at_once

Key = tuple[int, str, int]
KEYS = st.tuples(st.integers(-(1 << 70), 1 << 70), st.text(max_size=8), st.integers(0, 1 << 40))


def draws(generator: np.random.Generator) -> list[np.ndarray]:
    """Draws that leave halves of words behind, for whoever comes next."""
    return [
        generator.permutation(37),
        generator.standard_normal(5, dtype=np.float32),
        generator.integers(0, 9, 3, dtype=np.int32),
        generator.random(2),
        generator.bit_generator.random_raw(3),
    ]


@given(st.lists(KEYS, min_size=1, max_size=5))
def test_each_draws_what_a_generator_of_its_own_draws(keys: list[Key]) -> None:
    for each in keys:
        for found, expected in zip(draws(key_at_once(*each)), draws(key(*each)), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_threads_do_not_take_each_others_over() -> None:
    def drawn(seed: int) -> bool:
        for update in range(200):
            found = key_at_once(seed, "order", update).permutation(500)
            if not np.array_equal(found, key(seed, "order", update).permutation(500)):
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(drawn, range(4)))

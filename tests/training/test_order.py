"""The order of examples, as it is drawn ahead while a GPU trains."""

from __future__ import annotations

import numpy as np
import torch

from memlab.training.order import BatchOrder
from memlab.training.randomness import orders

KEYS = [3, 1, 4]


def test_what_is_drawn_ahead_is_what_would_be_drawn_then():
    order = BatchOrder(KEYS, 50, None, torch.device("cuda:0"))
    for epoch in (0, 1, 2, 5, 6, 1):  # forks and resumes begin elsewhere
        np.testing.assert_array_equal(order._drawn(epoch), orders(KEYS, epoch, 50))
        assert order._next is not None
        assert order._next.epoch == epoch + 1


def test_an_order_that_could_not_be_drawn_ahead_is_drawn_when_it_is_due():
    order = BatchOrder(KEYS, 50, None, torch.device("cuda:0"))
    order._drawn(0)
    assert order._next is not None
    order._next.order()
    order._next._order = None
    np.testing.assert_array_equal(order._drawn(1), orders(KEYS, 1, 50))

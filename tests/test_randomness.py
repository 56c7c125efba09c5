"""Draws are pure functions of (seed, replica, purpose) and a position."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from landmarks.randomness import Orders, stream, torch_seed


@given(st.integers(0, 2**32), st.integers(0, 1000), st.integers(1, 300))
def test_an_order_is_a_permutation(seed: int, epoch: int, n: int) -> None:
    order = Orders(seed, 3).epoch(epoch, n)
    assert order.shape == (3, n)
    assert (np.sort(order, axis=1) == np.arange(n)).all()


def test_replica_seven_alone_has_the_order_of_replica_seven_among_many() -> None:
    assert (Orders(5, 20).epoch(3, 50)[7] == Orders(5, 1, first=7).epoch(3, 50)[0]).all()
    assert torch_seed(5, 7, "training") != torch_seed(5, 8, "training")


def test_orders_differ_by_seed_replica_and_epoch() -> None:
    orders = {tuple(Orders(s, 2).epoch(e, 40)[r]) for s in range(4) for e in range(4) for r in range(2)}
    assert len(orders) == 32


def test_all_positions_are_equally_likely() -> None:
    """Chi-squared over where item 0 of 8 lands in 8,000 epochs: 7 degrees of freedom, 0.1 % limit 24.3."""
    orders = Orders(0, 1)
    places = np.bincount([int(np.argmin(orders.epoch(e, 8)[0])) for e in range(8000)], minlength=8)
    assert ((places - 1000) ** 2 / 1000).sum() < 24.3


def test_purposes_do_not_share_draws() -> None:
    assert stream(0, 0, "weights").random() != stream(0, 0, "evaluation").random()

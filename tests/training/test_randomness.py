"""Randomness depends on the seed and the step alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zigma.data.dataset import ENDLESS
from zigma.training.randomness import batch_indices, derived_seed


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**31), batch=st.integers(1, 17), n=st.integers(1, 11))
def test_every_item_is_seen_once_an_epoch(seed: int, batch: int, n: int) -> None:
    steps = n  # n batches of `batch` are exactly `batch` epochs of n
    seen = np.concatenate([batch_indices(seed, step, batch, n) for step in range(steps)])
    assert np.bincount(seen, minlength=n).tolist() == [batch] * n
    for epoch in seen.reshape(batch, n):
        assert sorted(epoch) == list(range(n))


def test_epochs_and_seeds_differ() -> None:
    first, second = batch_indices(0, 0, 50, 50), batch_indices(0, 1, 50, 50)
    assert (first != second).any()
    assert (first != batch_indices(1, 0, 50, 50)).any()


def test_of_endless_data_nothing_is_seen_twice() -> None:
    seen = np.concatenate([batch_indices(seed, step, 7, ENDLESS) for seed in range(5) for step in range(50)])
    assert len(set(seen.tolist())) == len(seen)
    assert seen.min() >= 0
    assert seen.max() < ENDLESS
    assert batch_indices(3, 20, 7, ENDLESS).tolist() == batch_indices(3, 10, 14, ENDLESS)[:7].tolist()


@pytest.mark.parametrize("other", [(0, "step", 8), (1, "step", 7), (0, "samples", 7)])
def test_derived_seeds_differ(other: tuple[int | str, ...]) -> None:
    assert derived_seed(0, "step", 7) == derived_seed(0, "step", 7)
    assert derived_seed(*other) != derived_seed(0, "step", 7)

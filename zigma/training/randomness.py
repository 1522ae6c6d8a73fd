"""Randomness that depends on the seed and the step alone, never on how the process got there.

No generator's state is ever saved: step 7 of seed 3 draws the same batch and noise in an uninterrupted run, in a
run resumed at step 7, and on any number of devices.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from zigma.data.dataset import ENDLESS


def derived_seed(*parts: int | str) -> int:
    """A 63-bit seed from a sequence of words and numbers: `derived_seed(seed, "step", 7)`."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def batch_indices(seed: int, step: int, batch: int, n: int) -> NDArray[np.int64]:
    """Which of `n` items step `step` (from 0) sees: epochs of fresh permutations, read `batch` items at a time.

    A batch may run over the end of an epoch into the next one, so every item is seen equally often. Of data without
    an end (`zigma.data.dataset.ENDLESS`) there are no epochs: items follow each other from a place that the seed
    chooses, and none is seen again.
    """
    positions = np.arange(step * batch, (step + 1) * batch)
    if n == ENDLESS:
        return (derived_seed(seed, "items") % n + positions) % n
    epochs, offsets = np.divmod(positions, n)
    indices = np.empty(batch, dtype=np.int64)
    for epoch in np.unique(epochs):
        permutation = np.random.default_rng([seed, int(epoch)]).permutation(n)
        indices[epochs == epoch] = permutation[offsets[epochs == epoch]]
    return indices

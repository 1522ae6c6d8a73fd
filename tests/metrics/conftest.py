"""The shipped extractor, and the digits it was trained on and not."""

import pytest

from zigma.metrics import (
    load_extractor,
)
from zigma.metrics.extractors.digits_training import digits_split


@pytest.fixture(scope="module")
def digits():
    return load_extractor("digits")


@pytest.fixture(scope="module")
def split():
    return digits_split()

"""Which weights an extractor has, asked without loading it: for the identity of a run. No torch."""

from functools import cache
from typing import get_args

from zigma.common.remembered import remembered_sha256
from zigma.metrics.config import ExtractorName, check_name
from zigma.metrics.weights import WEIGHTS

LARGE_BYTES = 1 << 26  # hashing DINOv2's 1.2 GB takes seconds, and `studies list` asks each time


@cache
def extractor_identity(name: ExtractorName) -> str:
    """The sha256 of an extractor's weights.

    Raises:
        ValueError: no such extractor.
        MissingWeights: its weights are not on this machine.
    """
    check_name("extractor", name, get_args(ExtractorName))
    return remembered_sha256([WEIGHTS[name].find()], LARGE_BYTES)[0]

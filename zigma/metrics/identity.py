"""Which weights an extractor has, asked without loading it: for the identity of a run. No torch."""

from functools import cache
from pathlib import Path

from zigma.common.plugged import EXTRACTORS
from zigma.common.remembered import remembered_sha256
from zigma.metrics.config import check_extractor, is_own
from zigma.metrics.weights import WEIGHTS

LARGE_BYTES = 1 << 26  # hashing DINOv2's 1.2 GB takes seconds, and `studies list` asks each time


def extractor_identity(name: str) -> str:
    """The sha256 of an extractor's weights; of one's own, of its source and of the files that it lists.

    Raises:
        ValueError: no such extractor.
        MissingWeights: its weights are not on this machine.
    """
    check_extractor(name)
    return EXTRACTORS.identity(name) if is_own(name) else _of_file(WEIGHTS[name].find())


@cache  # of the file: $ZIGMA_WEIGHTS may name another folder later in the same process
def _of_file(path: Path) -> str:
    return remembered_sha256([path], LARGE_BYTES)[0]

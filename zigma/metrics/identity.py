"""Which weights an extractor has, asked without loading it: for the identity of a run. No torch for the digits."""

import hashlib
from functools import cache
from pathlib import Path

DIGITS_WEIGHTS = Path(__file__).parent / "weights" / "digits.safetensors"


@cache
def extractor_identity(name: str) -> str:
    """The sha256 of an extractor's weights.

    Raises:
        MissingWeights: the weights of a published extractor are not on this machine.
    """
    if name == "digits":
        return hashlib.sha256(DIGITS_WEIGHTS.read_bytes()).hexdigest()
    from zigma.metrics.extractors import load_extractor

    return load_extractor(name).identity

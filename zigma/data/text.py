"""A text encoder without weights: words and their places, hashed to fixed random vectors.

It serves captions where CLIP's weights are not at hand. Equal captions give equal features on every machine;
a changed word or a changed order changes them, also after averaging over the tokens.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from zigma.common.words import shown


def words_of(caption: str) -> list[str]:
    """The words of a caption, each a token: `a cat's ear-ring` has five, and a picture such as an emoji is one.

    Marks belong to the letters that they stand on, and letters may be written with them in one sign or in two.
    """
    text = unicodedata.normalize("NFC", caption.lower())
    return "".join(sign if _in_a_word(sign) else " " for sign in text).split()


def _in_a_word(sign: str) -> bool:
    """Letters, marks, numbers, the underscore, and symbols that are none of mathematics, currency or accents."""
    kind = unicodedata.category(sign)
    return kind[0] in "LMN" or kind == "So" or sign == "_"


def encode_captions(captions: Sequence[str], width: int, tokens: int) -> Tensor:
    """Features (B, tokens, width), float32, of B captions: one token per word, zeros after the last.

    A token is the sum of three vectors with independent normal entries, scaled to unit variance: of the word,
    of its place, and of the word at that place. The first two can be read off by a linear map, the third
    keeps the order of the words in the mean over the tokens. Case and punctuation do not count: a caption of these
    alone is as an empty one.
    Raises ValueError for a caption of more than `tokens` words: what is cut off could be what matters.
    """
    features = torch.zeros(len(captions), tokens, width)
    for row, caption in enumerate(captions):
        words = words_of(caption)
        if len(words) > tokens:
            raise ValueError(
                f"{shown(caption, 60)!r} has {len(words)} words, more than the {tokens} tokens of the encoder"
            )
        for place, word in enumerate(words):
            features[row, place] = _token(word, place, width)
    return features


@lru_cache(maxsize=65536)
def _token(word: str, place: int, width: int) -> Tensor:
    parts = [
        _vector(text, width) for text in (f"word {word}", f"place {place}", f"word {word} place {place}")
    ]
    return torch.from_numpy((sum(parts) / np.sqrt(3)).astype(np.float32))


def _vector(text: str, width: int) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
    return np.random.default_rng(seed).standard_normal(width)

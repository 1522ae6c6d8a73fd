"""The encoder of captions that needs no weights: words and their order decide, nothing else does."""

import subprocess
import sys

import pytest
import torch

from zigma.data import encode_captions
from zigma.data.text import words_of

LEFT = "a small red circle left of a large blue square"
SWAPPED = "a large blue square left of a small red circle"


def test_shape_and_unit_variance_where_there_are_words():
    features = encode_captions([LEFT, "the digit three"], width=256, tokens=12)
    assert features.shape == (2, 12, 256)
    assert features.dtype == torch.float32
    assert torch.all(features[1, 3:] == 0)
    assert features[0, :10].std() == pytest.approx(1, abs=0.05)


def test_the_same_words_in_another_order_differ_also_in_the_mean():
    one, other = encode_captions([LEFT, SWAPPED], width=64, tokens=10)
    assert (one.mean(0) - other.mean(0)).norm() > 0.1 * one.mean(0).norm()


def test_one_changed_word_changes_its_own_token_only():
    three, seven = encode_captions(["the digit three", "the digit seven"], width=32, tokens=4)
    assert torch.equal(three[[0, 1, 3]], seven[[0, 1, 3]])
    assert not torch.allclose(three[2], seven[2], atol=0.5)


def test_the_word_can_be_read_off_its_token_at_any_place():
    """A token resembles the same word elsewhere (one part of three is shared), and no other word."""
    a, b = encode_captions(["red blue", "blue red"], width=4096, tokens=2)
    alike = torch.cosine_similarity(a[0], b[1], dim=0)
    different = torch.cosine_similarity(a[0], b[0], dim=0) - 1 / 3  # the place is shared
    assert alike == pytest.approx(1 / 3, abs=0.06)
    assert different == pytest.approx(0, abs=0.06)


def test_case_and_punctuation_do_not_count_and_the_empty_caption_is_zero():
    one, other = encode_captions(["A red circle, moving up", "a red circle moving up"], width=16, tokens=6)
    assert torch.equal(one, other)
    assert torch.all(encode_captions([""], width=16, tokens=6) == 0)


def test_features_are_the_same_in_another_process():
    """Python's own hash of a string changes from process to process; the encoder must not depend on it."""
    code = (
        "from zigma.data import encode_captions;"
        f"print(float(encode_captions([{LEFT!r}], width=8, tokens=10).double().abs().sum()))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert float(run.stdout) == float(encode_captions([LEFT], width=8, tokens=10).double().abs().sum())


def test_a_caption_that_does_not_fit_is_refused_not_cut():
    with pytest.raises(ValueError, match="10 words, more than the 8 tokens"):
        encode_captions([LEFT], width=8, tokens=8)


def test_marks_belong_to_their_letters_and_one_text_has_one_spelling():
    hindi = encode_captions(["\u0915\u093f", "\u0915\u093e"], width=8, tokens=4)  # one letter, two vowels
    assert not torch.equal(hindi[0], hindi[1])
    assert words_of("cafe\u0301 au lait") == words_of("CAF\u00c9, au lait!") == ["caf\u00e9", "au", "lait"]


def test_a_picture_is_a_word_and_punctuation_none():
    assert words_of("a \U0001f642, and 3+4_x") == ["a", "\U0001f642", "and", "3", "4_x"]
    assert encode_captions(["!!!"], width=8, tokens=4).eq(0).all()

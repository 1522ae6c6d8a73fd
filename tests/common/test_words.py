"""Words that a person types, and those that are printed."""

import pytest

from zigma.common.words import counted, first_line


@pytest.mark.parametrize(
    ("count", "words", "text"),
    [
        (1, ("run",), "1 run"),
        (0, ("run",), "0 runs"),
        (12_000, ("image",), "12,000 images"),
        (1, ("class", "classes"), "1 class"),
        (2, ("class", "classes"), "2 classes"),
    ],
)
def test_one_thing_is_not_called_several(count, words, text):
    assert counted(count, *words) == text


def test_a_fault_without_words_is_called_by_its_name() -> None:
    assert first_line(RuntimeError("  one\ntwo")) == "one"
    assert first_line(RuntimeError("")) == "RuntimeError"

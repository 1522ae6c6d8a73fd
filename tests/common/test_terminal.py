"""Tables on a person's screen: no number and no short word is broken, whatever the width."""

import io
import re
import sys

import pytest

from zigma.common.terminal import print_table

ROWS = [
    ["run", "identity", "record", "estimate", "memory"],
    ["a run whose name is long", "81a0c768f848466a", "-", "1:27", "0.6 GiB"],
    ["sweep", "6bb2a28611aacbd2", "done", "cached", "12.5 GiB"],
]


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def drawn(monkeypatch: pytest.MonkeyPatch, width: int, **options: object) -> list[str]:
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    print_table(ROWS, **options)  # type: ignore[arg-type]
    plain = re.sub(r"\x1b\[[\d;]*m", "", screen.getvalue())
    return [line.rstrip() for line in plain.splitlines()]


@pytest.mark.parametrize("width", [40, 50, 60, 80, 200])
def test_every_value_stands_whole_at_every_width(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    lines = drawn(monkeypatch, width)
    assert max(map(len, lines)) <= width
    words = " ".join(lines).split()
    for row in ROWS:
        for cell in row[1:]:
            assert all(word in words for word in cell.split()), (cell, lines)


def test_what_does_not_fit_stands_below_with_the_names_again(monkeypatch: pytest.MonkeyPatch) -> None:
    heads = [line for line in drawn(monkeypatch, 55) if line.startswith("run")]
    assert [head.split() for head in heads] == [["run", "identity", "record"], ["run", "estimate", "memory"]]
    (whole,) = [line for line in drawn(monkeypatch, 100) if line.startswith("run")]
    assert whole.split() == ROWS[0]


def test_columns_that_belong_together_are_not_parted(monkeypatch: pytest.MonkeyPatch) -> None:
    heads = [line for line in drawn(monkeypatch, 60, together=[[1], [2, 3, 4]]) if line.startswith("run")]
    assert [head.split() for head in heads] == [["run", "identity"], ["run", "record", "estimate", "memory"]]

"""A curve that draws itself differently in another process is refused before anything is trained along it."""

from pathlib import Path
from typing import Any

import pytest

from zigma.scans import again, parse_plan
from zigma.scans.__main__ import main

CURVES = """
import numpy as np

DRAWN = np.random.permutation(10_000)
kept = {}

def of_a_set(height, width):
    return [int(word) for word in {str(index) for index in range(height * width)}]

def of_its_module(height, width):
    return np.argsort(DRAWN[: height * width])

def drawn_once(height, width):
    return kept.setdefault((height, width), np.random.permutation(height * width))

def steady(height, width):
    return np.random.default_rng(0).permutation(height * width)

print("a file may print")
"""


@pytest.fixture
def curves(tmp_path: Path) -> str:
    (tmp_path / "my curves.py").write_text(CURVES)
    return f"{tmp_path}/my curves.py"


@pytest.mark.parametrize("name", ["of_a_set", "of_its_module", "drawn_once"])
def test_what_differs_between_processes_is_refused(
    curves: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parse_plan(f"{curves}:{name}-1").layers((8, 8), 1)  # within a process it is always the same
    with pytest.raises(SystemExit) as left:
        main([f"zigzag-1+{curves}:{name}-1"])
    assert left.value.code == 2
    complaint = capsys.readouterr().err
    assert f"'zigzag-1+{name}-1' of my curves.py gives other orders in another process" in complaint
    assert complaint.count("\n") == 1


def test_a_curve_is_drawn_here_before_the_other_process_starts(
    curves: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that hangs on the clock would else be drawn twice within its tick, as the other ends."""
    drawn: list[str] = []
    begin = again.subprocess.run

    def child(*words: Any, **options: Any) -> Any:
        drawn.append("there")
        return begin(*words, **options)

    monkeypatch.setattr(again.subprocess, "run", child)
    found = again.orders_hash
    monkeypatch.setattr(again, "orders_hash", lambda *of: drawn.append("here") or found(*of))
    again.check_again(parse_plan(f"{curves}:steady-1"), (3, 5), 1)
    assert drawn == ["here", "there"]


def test_what_is_the_same_everywhere_is_not(curves: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"windowed:inner={curves}:steady", "--grid", "4x6"]) == 0
    assert "windowed 0" in capsys.readouterr().out

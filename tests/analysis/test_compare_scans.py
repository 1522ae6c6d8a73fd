"""compare-scans: the measures as a table, the picture, and wrong words."""

from pathlib import Path

import pytest

from analysis.__main__ import main
from analysis.compare_scans import compare, parse_grid
from zigma.scans import locality, scan_order


def test_the_table_holds_the_measures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    curve = tmp_path / "my_curves.py"
    curve.write_text(
        "def columns(height, width):\n    return [(r, c) for c in range(width) for r in range(height)]\n"
    )
    words = ["compare-scans", "sweep", "zigzag", "random", f"{curve}:columns", "bidirectional"]
    assert main([*words, "--grid", "5x6", "--out", str(tmp_path)]) == 0
    head, *rows = (line.split() for line in capsys.readouterr().out.splitlines())
    assert [row[0] for row in rows] == ["sweep", "zigzag", "random", "columns-8", "bidirectional"]
    zigzag = dict(zip(head[1:], rows[1][1:], strict=True))
    for name, value in locality(scan_order("zigzag", (5, 6)), (5, 6)).items():
        assert float(zigzag[name]) == pytest.approx(value, rel=5e-3), name
    assert (tmp_path / "compare-scans-5x6.png").stat().st_size > 10_000
    assert (tmp_path / "compare-scans-5x6.svg").read_text().startswith("<?xml")


def test_reach_is_that_of_the_whole_plan() -> None:
    assert compare("sweep-1", (4, 4), depth=6).reach == pytest.approx([17 / 32] * 6)
    assert compare("zigzag", (4, 4), depth=8).reach[-1] == 1.0
    assert compare("bidirectional", (4, 4), depth=1).reach == [1.0]


def test_three_dimensions(tmp_path: Path) -> None:
    words = ["compare-scans", "zigzag", "video-sst", "hilbert", "--grid", "2x3x4", "--out", str(tmp_path)]
    assert main(words) == 0
    assert (tmp_path / "compare-scans-2x3x4.png").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("sweep zigzga", "zigzag"),
        ("sweep --grid 16", "HxW"),
        ("sweep --grid 0x4", "HxW"),
        ("sweep --grid 512x512", "at most"),
        ("sweep --depth 0", "from 1 on"),
        ("none.py:spiral", "no file"),
        ("spiral --grid 2x4x4", "spiral"),
    ],
)
def test_wrong_words(words: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["compare-scans", *words.split(), "--out", str(tmp_path / "new")])
    assert left.value.code == 2
    complaint = capsys.readouterr().err
    assert says in complaint
    assert complaint.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_grids() -> None:
    assert parse_grid("16x16") == (16, 16)
    assert parse_grid("4x16x16") == (4, 16, 16)

"""`python -m zigma.scans`: a plan as what its layers read, and wrong words."""

import pytest

from zigma.scans import STRATEGIES
from zigma.scans.__main__ import main
from zigma.scans.order import grid_text, parse_grid


def test_it_prints_what_each_layer_reads(capsys: pytest.CaptureFixture[str]) -> None:
    main(["plainmamba", "--grid", "2x3", "--depth", "2"])
    first, *others = capsys.readouterr().out.splitlines()
    assert first == "layers 0, 1  shared: zigzag 0           (0, 0) (0, 1) (0, 2) (1, 2) ... (1, 0)"
    assert len(others) == 3


def test_without_a_plan_it_tells_how_plans_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    told = capsys.readouterr().out
    assert "channels-SCANS" in told
    assert all(strategy.source in told for strategy in STRATEGIES.values())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["zigzga-8"], "did you mean 'zigzag'"),
        (["zigzag-8", "--grid", "8"], "HxW or TxHxW"),
        (["zigzag-8", "--grid", "0x8"], "HxW or TxHxW"),
        (["zigzag-8", "--grid", "100000x100000"], "is too large: plans are described on 1048576 tokens"),
        (["zigzag-8", "--grid", "9" * 6000 + "x2"], "HxW or TxHxW"),
        (["zigzag-8", "--depth", "0"], "depth is a number of layers"),
        (["zigzag-8", "--depth", "99999999999"], "from 1 to 10000"),  # a list of so many fills the memory
        (["parallel-vmamba"], "'vmamba' is a plan, parallel-sweep@0,1,6,7: only + may stand beside it"),
        (["vmamba:axes=wh"], "only + may stand beside it"),
        (["video-sst"], "needs a grid (T, H, W)"),
    ],
)
def test_wrong_words(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    complaint = capsys.readouterr().err
    assert says in complaint
    assert complaint.count("\n") == 1


@pytest.mark.parametrize("grid", [(1, 1), (16, 12), (4, 16, 16)])
def test_a_grid_is_read_as_it_is_written(grid: tuple[int, ...]) -> None:
    assert parse_grid(grid_text(grid)) == grid


@pytest.mark.parametrize("text", ["", "8", "8x", "1x2x3x4", "-1x2", "8 x8", "\u0668x8", "0x8"])
def test_what_is_no_grid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="H"):
        parse_grid(text)

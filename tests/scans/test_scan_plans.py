"""Plans, orders and their checks, users' curves, measures and reach."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zigma.scans import (
    ParallelScan,
    ScanOrder,
    coverage,
    load_scan,
    locality,
    make_scan,
    reach,
    reach_shares,
    register_scan,
    scan_order,
    scan_plan,
)


def test_layer_i_takes_variant_i_modulo_k() -> None:
    plan = scan_plan("zigzag-8", grid=(4, 6), depth=24)
    for i, layer in enumerate(plan):
        assert isinstance(layer, ScanOrder)
        assert np.array_equal(layer.order, scan_order("zigzag", (4, 6), variant=i % 8))
        assert np.array_equal(layer.order[layer.inverse], np.arange(24))


def test_a_mixture_takes_its_parts_in_turn() -> None:
    names = [layer.name for layer in scan_plan("zigzag-2+hilbert-1", grid=(4, 4), depth=6)]  # type: ignore[union-attr]
    assert names == ["zigzag", "zigzag", "hilbert"] * 2


def test_parallel_plans() -> None:
    both = scan_plan("bidirectional", grid=(3, 4), depth=2)[0]
    assert isinstance(both, ParallelScan)
    assert both.scans[0].order.tolist() == list(range(12))
    assert both.scans[1].order.tolist() == list(range(12))[::-1]
    four = scan_plan("parallel-4", grid=(3, 3), depth=1)[0]
    assert isinstance(four, ParallelScan)
    assert [scan.variant for scan in four.scans] == [0, 1, 2, 3]


def test_factorised_video_counts_space_and_time_apart() -> None:
    grid = (3, 2, 4)
    plan = scan_plan("video-sst", grid=grid, depth=9)
    spaces = [layer for i, layer in enumerate(plan) if i % 3 < 2]
    times = [layer for i, layer in enumerate(plan) if i % 3 == 2]
    for turn, layer in enumerate(spaces):
        assert isinstance(layer, ScanOrder)
        frame = scan_order("zigzag", (2, 4), variant=turn % 8)
        assert layer.segments == 3
        assert layer.order.tolist() == [t * 8 + i for t in range(3) for i in frame]
    for turn, layer in enumerate(times):
        assert isinstance(layer, ScanOrder)
        frames = range(3) if turn % 2 == 0 else range(2, -1, -1)
        assert layer.segments == 8
        assert layer.order.tolist() == [t * 8 + place for place in range(8) for t in frames]


@pytest.mark.parametrize("letters", ["st", "sstt", "ststst", "tss", "s", "t"])
def test_any_string_of_s_and_t(letters: str) -> None:
    assert len(scan_plan(f"video-{letters}", grid=(2, 2, 3), depth=7)) == 7


@pytest.mark.parametrize(
    ("plan", "grid", "says"),
    [
        ("zigzga-8", (4, 4), "did you mean 'zigzag'"),
        ("zigzag-9", (4, 4), "1..8"),
        ("video-sst", (4, 4), "T, H, W"),
        ("video-sxt", (2, 4, 4), "video-"),
        ("nothing", (4, 4), "known: "),
        ("bidirectional-2", (4, 4), "unknown plan 'bidirectional-2': did you mean 'bidirectional'"),
    ],
)
def test_an_unknown_plan_lists_the_known_ones(plan: str, grid: tuple[int, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        scan_plan(plan, grid=grid, depth=2)
    assert "\n" not in str(caught.value)


def test_an_order_says_what_is_missing_and_what_comes_twice() -> None:
    with pytest.raises(ValueError, match=r"never visits \(1, 1\).*more than once \(0, 1\)"):
        ScanOrder(np.array([0, 1, 2, 1]), (2, 2))
    with pytest.raises(ValueError, match="outside the 2x2 grid"):
        ScanOrder(np.array([0, 1, 2, 4]), (2, 2))


def test_a_rank_taken_for_an_order_is_caught_by_the_claim() -> None:
    @register_scan("test-rank", continuous=True, diagonal_steps=1)
    def rank(height: int, width: int) -> np.ndarray:
        return ScanOrder(scan_order("hilbert", (height, width)), (height, width)).inverse

    with pytest.raises(ValueError, match="rank"):
        scan_order("test-rank", (16, 16))


def test_a_fault_of_a_users_curve_names_the_curve() -> None:
    @register_scan("test-short")
    def short(height: int, width: int) -> list[int]:
        return list(range(height * width - 1))

    with pytest.raises(ValueError, match=r"scan 'test-short': .* never visits \(1, 2\)"):
        scan_order("test-short", (2, 3))


def test_a_rank_that_says_so_is_turned_into_the_order() -> None:
    @register_scan("test-honest-rank", returns="rank", continuous=True)
    def rank(height: int, width: int) -> np.ndarray:
        return ScanOrder(scan_order("zigzag", (height, width)), (height, width)).inverse

    assert np.array_equal(scan_order("test-honest-rank", (5, 4)), scan_order("zigzag", (5, 4)))


def test_a_curve_of_a_file_may_give_cells(tmp_path: Path) -> None:
    file = tmp_path / "curves.py"
    file.write_text(
        "from zigma.scans import register_scan\n"
        "@register_scan('test-columns')\n"
        "def columns(height, width):\n"
        "    return [(r, c) for c in range(width) for r in range(height)]\n"
    )
    name = load_scan(f"{file}:test-columns")
    assert scan_order(name, (2, 3)).tolist() == [0, 3, 1, 4, 2, 5]
    file.write_text(file.read_text() + "def zigzag(height, width):\n    return range(height * width)\n")
    assert load_scan(f"{file}:zigzag") == "curves.zigzag"
    assert scan_order("curves.zigzag", (2, 2)).tolist() == [0, 1, 2, 3]
    assert scan_order("zigzag", (2, 2)).tolist() == [0, 1, 3, 2]
    with pytest.raises(ValueError, match="test-columns"):
        load_scan(f"{file}:test-colums")
    with pytest.raises(ValueError, match="no file"):
        load_scan(f"{tmp_path}/none.py:spiral")
    file.write_text("1 / 0\n")
    with pytest.raises(ValueError, match="does not run: ZeroDivisionError"):
        load_scan(f"{file}:columns")


def test_locality_of_a_sweep_and_a_zigzag_in_closed_form() -> None:
    height, width = 6, 8
    sweep = locality(scan_order("sweep", (height, width)), (height, width))
    n = height * width
    assert sweep["unit_steps"] == pytest.approx((n - height) / (n - 1))
    assert sweep["step_max"] == width  # to the beginning of the next row
    assert sweep["gap_p95"] == width
    zigzag = locality(scan_order("zigzag", (height, width)), (height, width))
    assert zigzag["unit_steps"] == 1.0
    assert zigzag["horizontal"] == pytest.approx(height * (width - 1) / (n - 1))
    assert zigzag["vertical"] == pytest.approx((height - 1) / (n - 1))
    # row pairs are 1, 3, ..., 2W - 1 steps apart: W on average; columns 1 apart
    pairs = height * (width - 1) + (height - 1) * width
    assert zigzag["gap_mean"] == pytest.approx((height * (width - 1) + (height - 1) * width * width) / pairs)


def test_hilbert_is_more_local_than_a_zigzag() -> None:
    hilbert, zigzag = (locality(scan_order(name, (16, 16)), (16, 16)) for name in ("hilbert", "zigzag"))
    assert hilbert["stretch"] < zigzag["stretch"]
    assert hilbert["clusters"] < zigzag["clusters"]


def test_reach_of_one_order_stays_and_of_eight_zigzags_is_everything() -> None:
    one = reach(scan_plan("sweep-1", (4, 4), depth=5))
    assert all(np.array_equal(reached, np.tri(16, dtype=bool)) for reached in one)
    eight = reach(scan_plan("zigzag-8", (4, 4), depth=8))
    assert not eight[0].all()
    assert eight[-1].all()
    assert (eight[1:] >= eight[:-1]).all()


def test_coverage_of_zigzags() -> None:
    shares = coverage(scan_plan("zigzag-2", (5, 5), depth=2), steps=1)
    assert shares[0] == pytest.approx((24) / 40)
    assert shares[1] == pytest.approx((40) / 40)


def test_of_segments_steps_and_sections_inside_one_are_measured() -> None:
    first = scan_plan("video-s", (3, 4, 5), 1)[0]  # each frame apart
    assert isinstance(first, ScanOrder)
    frames, frame = locality(first, (3, 4, 5)), locality(scan_order("zigzag", (4, 5)), (4, 5))
    assert frames["temporal"] == 0
    assert frames["turns"] == 3 * frame["turns"]
    for name in ("unit_steps", "step_max", "gap_mean", "gap_p95", "box_stretch", "horizontal"):
        assert frames[name] == frame[name]


def test_stretch_boxes_and_clusters_in_closed_form() -> None:
    line = locality(scan_order("sweep", (1, 9)), (1, 9), query=1)
    assert line["stretch"] == 8  # 8 cells away after 8 steps: 8^2 / 8
    assert line["box_stretch"] == 1  # each section fills its box
    assert line["clusters"] == 1
    sweep = locality(scan_order("sweep", (6, 8)), (6, 8), query=3)
    assert sweep["clusters"] == 3  # one run for each row of the square
    assert sweep["stretch"] == 7**2 + 1  # from the end of a row to the beginning of the next: one step
    assert sweep["box_stretch"] == 8  # two cells, one at each side of two rows: 2 x 8 cells
    alone = locality(scan_order("sweep", (1, 1)), (1, 1), query=1)
    assert (alone["unit_steps"], alone["step_max"], alone["gap_mean"], alone["stretch"]) == (1, 0, 0, 0)


def test_a_packages_entry_point_brings_a_curve() -> None:
    code = """
from zigma.common import plugged

class Entry:
    name, value, dist = "from-a-package", "package:curve", None
    def load(self):
        return lambda height, width: list(range(height * width))[::-1]

class Broken(Entry):
    name = "broken"
    def load(self):
        raise ImportError("no such module")

plugged.entry_points = lambda group: [Broken(), Entry()] if group == "zigma.scans" else []
from zigma.scans import scan_names, scan_order
assert "from-a-package" in scan_names()
assert scan_order("from-a-package", (1, 3)).tolist() == [2, 1, 0]
assert "zigzag" in scan_names()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "broken" in done.stderr  # said, and the others work


@pytest.mark.parametrize("depth", [0, -1, 1.5, True])
def test_a_depth_that_is_none_is_refused(depth: Any) -> None:
    layers = scan_plan("sweep-1", (3, 4), 2)
    for measure in (reach, reach_shares, lambda of, d: coverage(of, 3, d)):
        with pytest.raises(ValueError, match="depth is a whole number of at least 1"):
            measure(layers, depth)


def test_steps_queries_and_layers_that_are_none_are_refused() -> None:
    layers = scan_plan("sweep-1", (3, 4), 2)
    with pytest.raises(ValueError, match="steps is a whole number"):
        coverage(layers, -1)
    with pytest.raises(ValueError, match="query is a whole number"):
        locality(scan_order("sweep", (3, 4)), (3, 4), query=2.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no layer"):
        reach([])


@pytest.mark.parametrize("segments", [1.5, 2.0, True, 0, -1])
def test_segments_are_a_whole_number(segments: Any) -> None:
    with pytest.raises(ValueError, match="segments is a whole number of at least 1"):
        ScanOrder(np.arange(6), (2, 3), segments=segments)


def test_a_mixing_that_is_none_is_refused_with_the_nearest() -> None:
    scans = (make_scan("sweep", (2, 3)), make_scan("sweep", (2, 3), 6))
    with pytest.raises(ValueError, match="unknown mixing 'channel': did you mean 'channels'"):
        ParallelScan(scans, "channel")  # type: ignore[arg-type]


def test_layers_are_scans_of_one_grid_in_a_list() -> None:
    scan = make_scan("sweep", (2, 3))
    for measure in (reach, reach_shares, lambda of: coverage(of, 3)):
        for layers in (scan, ParallelScan((scan,)), [np.arange(6)]):
            with pytest.raises(ValueError, match="a list as scan_plan gives it"):
                measure(layers)
        with pytest.raises(ValueError, match="of one grid, not of 2x3, 3x2"):
            measure([scan, make_scan("sweep", (3, 2))])


def test_an_order_is_not_measured_on_another_grid() -> None:
    with pytest.raises(ValueError, match="of the 2x3 grid, not of 3x2"):
        locality(make_scan("sweep", (2, 3)), (3, 2))


def test_what_a_mask_hides_is_no_order() -> None:
    hidden = np.ma.masked_array(np.arange(6), mask=np.arange(6) == 2)
    register_scan("masked")(lambda height, width: hidden)
    for use in (
        lambda: scan_plan("masked", (2, 3), 1),
        lambda: scan_plan(hidden, (2, 3), 1),
        lambda: ScanOrder(hidden, (2, 3)),
        lambda: locality(hidden, (2, 3)),
    ):
        with pytest.raises(ValueError, match="has 1 masked entry"):
            use()
    seen = np.ma.masked_array(np.arange(6))
    assert ScanOrder(seen, (2, 3)).order.tolist() == list(range(6))


@pytest.mark.parametrize(
    "name", ["zigzag-8", "my-curve-2", "bidirectional", "video-sst", "parallel-4", "shared-x"]
)
def test_a_plan_gives_no_curve_its_name(name: str) -> None:
    """Else the networks of one plan would read two different paths."""
    register_scan("my-curve")(lambda height, width: range(height * width))
    with pytest.raises(ValueError, match=f"'{name}' is a plan already; give your scan another name"):
        register_scan(name)(lambda height, width: range(height * width))

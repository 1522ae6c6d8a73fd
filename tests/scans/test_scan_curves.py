"""Curves: permutations everywhere, the released variants, and what each curve claims, in closed form."""

import itertools

import numpy as np
import pytest

from zigma.scans import ScanOrder, scan_names, scan_order
from zigma.scans.registry import curve_of

GRIDS_2D = [(1, 1), (1, 7), (6, 1), (2, 3), (3, 5), (4, 4), (5, 4), (7, 9), (8, 8), (15, 12)]
GRIDS_3D = [(1, 1, 1), (2, 2, 2), (3, 4, 5), (4, 1, 6), (1, 3, 2)]
IN_3D = ("sweep", "zigzag", "hilbert", "morton", "random")


def steps(order: np.ndarray, grid: tuple[int, ...]) -> np.ndarray:
    """Manhattan length of each step."""
    return np.abs(np.diff(np.stack(np.unravel_index(order, grid)), axis=1)).sum(axis=0)


@pytest.mark.parametrize("name", scan_names())
def test_every_curve_visits_every_cell_once(name: str) -> None:
    for grid in GRIDS_2D:
        for variant in range(8):
            order = scan_order(name, grid, variant=variant)
            assert order.dtype == np.int64
            assert np.array_equal(np.sort(order), np.arange(np.prod(grid))), (grid, variant)


@pytest.mark.parametrize("name", IN_3D)
def test_every_3d_curve_visits_every_cell_once(name: str) -> None:
    for grid in GRIDS_3D:
        for variant in range(8):
            order = scan_order(name, grid, variant=variant)
            assert np.array_equal(np.sort(order), np.arange(np.prod(grid))), (grid, variant)


def distinct(name: str, grid: tuple[int, ...]) -> int:
    return len({scan_order(name, grid, variant=variant).tobytes() for variant in range(8)})


@pytest.mark.parametrize("name", ["hilbert", "moore", "peano"])
def test_eight_variants_are_eight_orders_on_every_grid_up_to_16(name: str) -> None:
    for height in range(2, 17):
        for width in range(2, 17):
            assert distinct(name, (height, width)) == 8, (height, width)


@pytest.mark.parametrize("name", scan_names())
def test_the_variants_of_every_curve_differ_on_some_grids(name: str) -> None:
    for grid in [(2, 2), (2, 3), (2, 5), (3, 2), (3, 4), (4, 4), (7, 16), (15, 16), (16, 16), (9, 14)]:
        if name != "random" or grid != (2, 2):  # which has 24 orders, drawn by chance
            assert distinct(name, grid) == 8, grid


@pytest.mark.parametrize("name", IN_3D)
def test_the_variants_of_every_curve_differ_on_boxes(name: str) -> None:
    for grid in [(2, 2, 3), (2, 3, 4), (3, 2, 4), (4, 3, 2), (2, 4, 4), (6, 3, 5), (5, 4, 4), (3, 5, 4)]:
        assert distinct(name, grid) == 8, grid


def test_sweep_is_row_major() -> None:
    assert scan_order("sweep", (3, 4)).tolist() == list(range(12))


@pytest.mark.parametrize("grid", [(4, 4), (5, 5), (3, 5)])
def test_zigzags_are_the_eight_of_figure_3_in_the_released_order(grid: tuple[int, int]) -> None:
    height, width = grid
    expected = []
    for down, right in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        rows, columns = range(height)[::down], range(width)[::right]
        by_row = [
            r * width + c for i, r in enumerate(rows) for c in (columns if i % 2 == 0 else columns[::-1])
        ]
        by_column = [
            r * width + c for j, c in enumerate(columns) for r in (rows if j % 2 == 0 else rows[::-1])
        ]
        expected += [by_row, by_column]
    assert [scan_order("zigzag", grid, variant=j).tolist() for j in range(8)] == expected


@pytest.mark.parametrize("name", ["zigzag", "spiral", "spiral-in"])
def test_continuous_curves_step_to_a_neighbour(name: str) -> None:
    for grid in GRIDS_2D:
        for variant in range(8):
            assert (steps(scan_order(name, grid, variant=variant), grid) == 1).all(), (grid, variant)


def test_hilbert_steps_to_a_neighbour_but_for_one_diagonal_where_parity_forces_it() -> None:
    for grid in [*GRIDS_2D, (16, 16), (13, 21), (6, 30)]:
        for variant in range(8):
            lengths = steps(scan_order("hilbert", grid, variant=variant), grid)
            forced = max(grid) % 2 == 1 and min(grid) % 2 == 0
            assert (lengths > 1).sum() <= forced, (grid, variant)
            assert lengths.max(initial=1) <= 2, (grid, variant)
    assert (steps(scan_order("hilbert", (32, 32)), (32, 32)) == 1).all()


def test_hilbert_on_a_power_of_two_fills_each_quadrant_before_the_next() -> None:
    for side in (2, 4, 8, 16):
        rows, columns = np.unravel_index(scan_order("hilbert", (side, side)), (side, side))
        quadrant = 2 * (rows >= side // 2) + (columns >= side // 2)
        assert [len(set(part)) for part in quadrant.reshape(4, -1)] == [1, 1, 1, 1]
        assert len(set(quadrant[:: side * side // 4])) == 4


@pytest.mark.parametrize("variant", range(8))
@pytest.mark.parametrize("side", [4, 7, 16])
def test_the_released_hilbert_is_the_rank_taken_for_the_order(side: int, variant: int) -> None:
    """The released code flattens each cell's rank and gathers by it, so it scans the inverse permutation."""
    grid = (side, side)
    true, released = (scan_order(name, grid, variant=variant) for name in ("hilbert", "hilbert-released"))
    assert np.array_equal(ScanOrder(true, grid).inverse, released)


def test_the_released_hilbert_is_not_continuous() -> None:
    unit = (steps(scan_order("hilbert-released", (16, 16)), (16, 16)) == 1).mean()
    assert unit == pytest.approx(0.47, abs=0.01)


def test_variants_of_the_released_hilbert_are_its_transpose_and_quarter_turns() -> None:
    grid = (6, 6)
    rank = ScanOrder(scan_order("hilbert", grid), grid).inverse.reshape(grid)
    expected = []
    for turns in range(4):
        turned = np.rot90(rank, turns)
        expected += [turned.ravel().tolist(), turned.T.ravel().tolist()]
    assert [scan_order("hilbert-released", grid, variant=j).tolist() for j in range(8)] == expected


def test_morton_and_gray_are_their_bits() -> None:
    rows, columns = np.unravel_index(scan_order("morton", (8, 8)), (8, 8))
    code = sum((((rows >> b) & 1) << (2 * b + 1)) | (((columns >> b) & 1) << (2 * b)) for b in range(3))
    assert np.array_equal(code, np.arange(64))
    rows, columns = np.unravel_index(scan_order("gray", (8, 8)), (8, 8))
    code = sum((((rows >> b) & 1) << (2 * b + 1)) | (((columns >> b) & 1) << (2 * b)) for b in range(3))
    assert np.array_equal(code, np.arange(64) ^ (np.arange(64) >> 1))


def test_moore_closes_on_every_grid() -> None:
    for height in range(2, 16):
        for width in range(2, 16):
            order = scan_order("moore", (height, width))
            lengths = steps(np.append(order, order[0]), (height, width))
            forced = height * width % 2  # a closed walk of unit steps alternates between two colours of cells
            assert (lengths > 1).sum() == forced, (height, width)
            assert lengths.max() <= 2, (height, width)


def test_peano_steps_to_a_neighbour_on_every_grid() -> None:
    for height in range(1, 20):
        for width in range(1, 20):
            lengths = steps(scan_order("peano", (height, width)), (height, width))
            assert (lengths == 1).all(), (height, width)


def test_peano_on_a_power_of_three_fills_each_ninth_before_the_next() -> None:
    rows, columns = np.unravel_index(scan_order("peano", (27, 27)), (27, 27))
    ninths = (3 * (columns // 9) + rows // 9).reshape(9, -1)
    assert [set(part) for part in ninths] == [{0}, {1}, {2}, {5}, {4}, {3}, {6}, {7}, {8}]


def test_the_diagonal_zigzag_is_that_of_jpeg() -> None:
    assert scan_order("diagonal-zigzag", (4, 4)).tolist() in (
        [0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15],
        [0, 4, 1, 2, 5, 8, 12, 9, 6, 3, 7, 10, 13, 14, 11, 15],
    )


def test_the_spiral_inwards_starts_in_a_corner_and_the_other_ends_there() -> None:
    assert scan_order("spiral-in", (3, 3)).tolist() == [0, 1, 2, 5, 8, 7, 6, 3, 4]
    assert scan_order("spiral", (3, 3))[0] == 4


def test_blocks() -> None:
    order = scan_order("windowed", (4, 4), window=2, inner="zigzag")
    rows, columns = np.unravel_index(order, (4, 4))
    assert all(
        len({(r // 2, c // 2) for r, c in zip(rows[i : i + 4], columns[i : i + 4], strict=True)}) == 1
        for i in (0, 4, 8, 12)
    )
    atrous = scan_order("atrous", (4, 4), step=2)
    rows, columns = np.unravel_index(atrous[:4], (4, 4))
    assert len({(r % 2, c % 2) for r, c in zip(rows, columns, strict=True)}) == 1
    assert np.array_equal(scan_order("grouped", (8, 8), group=1), scan_order("zigzag", (8, 8)))


def test_random_is_its_seed() -> None:
    first = scan_order("random", (5, 6), seed=1)
    assert np.array_equal(first, scan_order("random", (5, 6), seed=1))
    assert not np.array_equal(first, scan_order("random", (5, 6), seed=2))
    assert not np.array_equal(first, scan_order("random", (5, 6), seed=1, variant=1))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("zigzga", (4, 4)), "did you mean 'zigzag'"),
        (("zigzag", (4, 4), 8), "0..7"),
        (("zigzag", (4,)), "a grid is"),
        (("zigzag", (0, 4)), "at least 1"),
        (("spiral", (2, 3, 4)), "spiral"),
    ],
)
def test_wrong_words(words: tuple, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        scan_order(*words)
    assert "\n" not in str(caught.value)


def test_a_wrong_option_is_refused() -> None:
    with pytest.raises(ValueError, match="windows"):
        scan_order("windowed", (4, 4), windows=2)


@pytest.mark.slow
@pytest.mark.parametrize("name", scan_names())
def test_a_million_tokens_take_a_moment(name: str) -> None:
    import time

    started = time.process_time()
    scan_order(name, (1024, 1024))
    assert time.process_time() - started < 1.5  # 0.3 s on an idle core; see `python -m zigma.scans.benchmark`


def test_a_curve_of_the_user_s_is_drawn_twice_for_all_its_variants():
    calls = []

    def counted(height, width, band=(1,)):
        calls.append((height, width))
        return range(height * width)

    curve = curve_of("counted-calls", counted)
    orders = [scan_order(curve, (4, 4), variant) for variant in range(8)]
    assert calls == [(4, 4)] * 2
    orders[0][0] = 99  # the caller's own
    assert scan_order(curve, (4, 4))[0] == 0
    assert scan_order(curve, (4, 4), band=[1]).tolist() == list(range(16))  # not remembered
    assert len(calls) == 4


def test_one_number_of_dimensions_is_enough():
    def cube(frames, height, width):
        return range(frames * height * width)

    assert curve_of("one-number", cube, dimensions=3).dimensions == (3,)


def test_a_curve_without_end_is_told_and_does_not_fill_the_memory():
    def endless(height, width):
        return (i % (height * width) for i in itertools.count())

    with pytest.raises(ValueError, match="one-without-end"):
        scan_order(curve_of("one-without-end", endless), (4, 4))

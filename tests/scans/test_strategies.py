"""Published strategies: each layer's orders in closed form, after the papers' pictures."""

import re

import numpy as np
import pytest

from studies.declare.registry import find_study
from zigma.scans import STRATEGIES, ParallelScan, parse_plan, register_scan, scan_plan

GRID = (4, 6)
CELLS = np.arange(24).reshape(GRID)
ROWS, COLUMNS = CELLS.ravel(), CELLS.T.ravel()


def orders(name: str, layer: int = 0, grid: tuple[int, ...] = GRID) -> list[list[int]]:
    return [scan.order.tolist() for scan in scan_plan(name, grid, 12)[layer].scans]


def there_and_back(*walks: np.ndarray) -> list[list[int]]:
    return [each.tolist() for walk in walks for each in (walk, walk[::-1])]


def snake(cells: np.ndarray) -> np.ndarray:
    cells = cells.copy()
    cells[1::2] = cells[1::2, ::-1]
    return cells.ravel()


def test_cross_scan_reads_rows_and_columns_there_and_back() -> None:
    expected = [walk.tolist() for walk in (ROWS, COLUMNS, ROWS[::-1], COLUMNS[::-1])]
    assert orders("vmamba") == expected
    assert [orders("vmamba-over-layers", layer)[0] for layer in range(5)] == [*expected, expected[0]]
    assert orders("mamba-nd", 1) + orders("mamba-nd", 2) == [expected[2], expected[1]]


def test_windows_are_read_one_after_the_other() -> None:
    windows = CELLS.reshape(2, 2, 3, 2).swapaxes(1, 2).ravel()
    assert orders("localvim") == there_and_back(ROWS, windows)


def test_skips_of_two_by_rows_and_by_columns_in_turn() -> None:
    offsets = [CELLS[::2, ::2], CELLS[1::2, ::2].T, CELLS[::2, 1::2], CELLS[1::2, 1::2].T]
    assert orders("efficientvmamba") == [np.concatenate([offset.ravel() for offset in offsets]).tolist()]


def test_continuous_walks_there_and_back_share_their_parameters() -> None:
    assert orders("plainmamba") == there_and_back(snake(CELLS), snake(CELLS.T))
    layer = scan_plan("plainmamba", GRID, 1)[0]
    assert isinstance(layer, ParallelScan)
    assert layer.mixing == "shared"


def test_groups_of_channels_read_diagonals_rows_and_columns() -> None:
    def diagonals(cells: np.ndarray) -> list[int]:
        flipped = cells[:, ::-1]
        return np.concatenate([flipped.diagonal(k) for k in range(5, -4, -1)]).tolist()

    mirrored = [CELLS, CELLS[::-1, ::-1], CELLS[:, ::-1], CELLS[::-1]]
    assert orders("eamamba") == [*map(diagonals, mirrored), *there_and_back(ROWS, COLUMNS)]


def test_stripes_go_down_and_up() -> None:
    first = [*snake(CELLS[:, :4]), *snake(CELLS[::-1, 4:])]
    shifted = [*snake(CELLS[:, :2]), *snake(CELLS[::-1, 2:])]
    assert orders("mair", 0)[0] == first
    assert orders("mair", 1)[0] == shifted
    assert orders("mair", 2) == orders("mair", 0)
    turned = CELLS[::-1, ::-1]
    assert orders("mair", 0)[1] == [*snake(turned[:, :4]), *snake(turned[::-1, 4:])]


def test_axes_of_videos() -> None:
    grid = (2, 3, 4)
    cells = np.arange(24).reshape(grid)
    walks = [cells.transpose(axes).ravel() for axes in ((0, 1, 2), (0, 2, 1), (2, 1, 0))]
    assert [orders("mamba-nd-video", layer, grid)[0] for layer in range(7)] == [
        *there_and_back(*walks),
        walks[0].tolist(),
    ]
    assert orders("videomamba", 0, grid) == there_and_back(walks[0])
    assert orders("videomamba-temporal-first", 0, grid) == there_and_back(cells.transpose(1, 2, 0).ravel())


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_is_its_plan_and_has_a_source(name: str) -> None:
    strategy, plan = STRATEGIES[name], parse_plan(name)
    assert plan == parse_plan(strategy.plan)
    assert plan.name == strategy.plan  # what it reads enters a run's identity, not what it is called
    assert re.match(r"arXiv \d{4}\.\d{5}, ", strategy.source)
    grid = (6, 10) if 2 in plan.dimensions else (2, 3, 5)
    assert len(plan.layers(grid, 7)) == 7


def test_strategies_stand_beside_other_parts() -> None:
    assert parse_plan("vmamba + zigzag-2").name == f"{STRATEGIES['vmamba'].plan}+zigzag-2"
    assert orders("zigzag-1+mair", 2) == orders("mair", 1)


def test_the_studies_have_every_strategy_with_its_source() -> None:
    arms = {}
    for study in map(find_study, ("strategies", "strategies_video")):
        notes = {note.partition(":")[0]: note for note in study.notes}
        arms |= {arm.name: notes[arm.name] for arm in study.arms if arm.name in STRATEGIES}
    assert arms.keys() == STRATEGIES.keys()
    for name, note in arms.items():
        assert STRATEGIES[name].paper.partition(",")[0] in note, name


def test_a_curve_of_the_user_comes_before_a_strategy_of_its_name() -> None:
    @register_scan("mair")
    def own(height: int, width: int) -> range:
        return range(height * width)

    try:
        assert parse_plan("mair").curves == ("mair",)
    finally:
        from zigma.scans import registry

        del registry._curves["mair"]
    assert parse_plan("mair").curves == ("stripes",)

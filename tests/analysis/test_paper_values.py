"""The values printed in the paper, as data, against the declarations that quote them."""

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from studies.declare.registry import studies

ROOT = Path(__file__).parents[2]
ROWS = list(csv.DictReader((ROOT / "results" / "paper" / "values.csv").open(encoding="utf-8")))


def test_tables_1_to_10_are_whole() -> None:
    cells: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for row in ROWS:
        assert row["source"].startswith("section")
        assert row["value"]
        key = (row["row"], row["column"])
        assert key not in cells[int(row["table"])], f"table {row['table']} {key} stands twice"
        cells[int(row["table"])].add(key)
    sizes = {number: len(cells_of_table) for number, cells_of_table in cells.items()}
    assert sizes == {1: 24, 2: 12, 3: 6, 4: 4, 5: 9, 6: 10, 7: 4, 8: 6, 9: 24, 10: 56}


# What a table calls an arm, where the studies have one word for one thing.
ROWS_OF = {
    3: {"ZigMa bs x 2": "ZigMa batch x2"},
    4: {"VisionMamba": "bidirectional"},
    6: {
        "Bidirection": "bidirectional",
        "3D Zigzag": "zigzag-3d",
        "Our": "sst",
        "Bidirection bs x 4": "bidirectional batch x4",
        "ZigMa bs x 4": "sst batch x4",
    },
}
POSITIONS = {"No": "none", "Cosine": "cosine", "Learnable": "learned"}


def printed_cells(number: int) -> dict[tuple[str, str], float]:
    """(arm, column) -> number, of what is a number in a table, in the words of its study."""
    cells = {}
    for row in (row for row in ROWS if int(row["table"]) == number):
        column, value = row["column"], row["value"].removesuffix(" M")
        arm = ROWS_OF.get(number, {}).get(row["row"], row["row"])
        if number in (1, 4, 8):
            arm = arm.lower()
        elif number == 2:  # position embeddings are columns there, arms here
            position, _, column = column.partition(" PE ")
            arm = f"{arm} {POSITIONS[position]}"
        elif number == 9:
            arm = arm.replace("ZigMa-", "")
        elif number == 10:  # its columns are arms
            arm, column = column, arm
        try:
            cells[arm, column] = float(value)
        except ValueError:
            assert number == 10, f"table {number}: {value!r} is not a number"
    return cells


SAME_NUMBER = {"hilbert-released-2": "hilbert-2", "hilbert-released-8": "hilbert-8"}


@pytest.mark.parametrize("number", range(1, 11))
def test_the_number_beside_each_arm_is_the_printed_one(number: int) -> None:
    (study,) = (study for study in studies().values() if study.shows == f"Table {number}")
    printed, quoted = printed_cells(number), set()
    for arm in study.arms:
        name = SAME_NUMBER.get(arm.name, arm.name.removesuffix(" printed"))
        for column, value in arm.paper.items():
            assert printed[name, column] == value, f"{study.name} {arm.name} {column}"
            quoted.add((name, column))
    assert quoted == set(printed)


def test_figures_quote_no_number_but_the_one_of_figure_17() -> None:
    for study in studies().values():
        if not study.shows.startswith("Table"):
            shared = {"scan_trends", "proxy"}  # arms of Tables 7 and 1
            quoted = {column: value for arm in study.arms for column, value in arm.paper.items()}
            assert study.name in shared or quoted in ({}, {"FID": 10.07}), study.name

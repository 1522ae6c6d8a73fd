"""The values printed in the paper, as data, against the declarations that quote them."""

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from studies.registry import studies

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
    sizes = {number: len(found) for number, found in cells.items()}
    assert sizes == {1: 24, 2: 12, 3: 6, 4: 4, 5: 9, 6: 10, 7: 4, 8: 6, 9: 24, 10: 56}


@pytest.mark.parametrize("study", [study for study in studies().values() if study.shows.startswith("Table")])
def test_the_number_beside_each_arm_is_the_printed_one(study) -> None:  # type: ignore[no-untyped-def]
    printed = {
        (row["row"].lower(), row["column"]): float(row["value"])
        for row in ROWS
        if f"Table {row['table']}" == study.shows and row["value"].replace(".", "").isdigit()
    }
    quoted = {(arm.name, column): value for arm in study.arms for column, value in arm.paper.items()}
    assert quoted == printed

"""Our order of the arms against the paper's."""

from pathlib import Path

from fake_records import fill

from analysis.agreement import agreement
from analysis.records import load, sheets
from studies.declare.registry import find_study


def test_a_row_of_the_paper_that_stands_beside_two_arms_counts_once(tmp_path: Path) -> None:
    arms = ("zigzag-8", "zigzag-2", "hilbert-8", "hilbert-2", "hilbert-released-8", "hilbert-released-2")
    fill(tmp_path, "hilbert", means={arm: 2.0 + n for n, arm in enumerate(arms)}, seeds=5, spread=0.01)
    ranking = agreement(sheets(find_study("hilbert"), load(tmp_path), "tiny")["digits-8"])
    assert ranking is not None
    assert (ranking.ranks.arms, ranking.ranks.agree, ranking.ranks.pairs) == (4, 6, 6)

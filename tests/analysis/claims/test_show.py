"""The claims on a screen."""

import re

import pytest

from analysis.claims import CLAIMS, judge
from analysis.claims.show import at_a_glance
from analysis.records import Records


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        (200, ["claim", "paper's numbers", "tiny", "desk", "small", "paper", "verdict"]),
        (80, ["claim", "paper's numbers", "verdict"]),
        (60, ["claim", "verdict"]),
    ],
)
def test_a_narrow_screen_leaves_out_what_is_told_below(width: int, heads: list[str]) -> None:
    lines = at_a_glance(judge(Records(), CLAIMS), width).splitlines()
    assert max(map(len, lines)) <= width
    assert re.split(r"\s{2,}", lines[0].strip()) == heads
    assert all(claim.name in "\n".join(lines) for claim in CLAIMS)

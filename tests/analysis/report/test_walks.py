"""Scans in motion: the order that the library gives, jumps drawn apart."""

import re

from analysis.report.walks import path_data, walks
from zigma.scans import scan_names, scan_order
from zigma.scans.registry import find_curve


def test_every_curve_is_there_in_the_library_s_order() -> None:
    by_name = {walk["name"]: walk for walk in walks(side=4)}
    # other tests register curves of their own
    built_in = {
        name for name in scan_names() if find_curve(name).built_in and 2 in find_curve(name).dimensions
    }
    assert built_in <= set(by_name) <= set(scan_names())
    assert by_name["hilbert"]["orders"][3] == scan_order("hilbert", (4, 4), variant=3).tolist()
    assert by_name["zigzag"]["near"] == "100%"
    assert by_name["sweep"]["near"] == "80%"  # 12 of 15 steps


def test_jumps_are_apart() -> None:
    steps, jumps = path_data(scan_order("sweep", (3, 3)).tolist(), 3)
    assert len(re.findall("M", steps)) == 6
    assert jumps == "M2.5 0.5L0.5 1.5M2.5 1.5L0.5 2.5"

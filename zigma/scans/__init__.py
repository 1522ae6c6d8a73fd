"""Which token comes when: curves, the orders they give on a grid, and the order each layer of a network uses.

H, W and T are the height, width and frames of a grid of tokens, L its number of tokens.
"""

from zigma.scans import bits, blocks, hilbert, peano, rows  # noqa: F401  each registers its curves
from zigma.scans.grammar import parse_plan, scan_plan
from zigma.scans.loading import load_scan
from zigma.scans.measures import locality
from zigma.scans.order import Layer, ParallelScan, ScanOrder, cannot_carry, cannot_sort, shares
from zigma.scans.plans import Plan
from zigma.scans.reach import coverage, reach, reach_shares
from zigma.scans.registry import make_scan, register_scan, scan_names, scan_order
from zigma.scans.strategies import STRATEGIES, Strategy

__all__ = [
    "STRATEGIES",
    "Layer",
    "ParallelScan",
    "Plan",
    "ScanOrder",
    "Strategy",
    "cannot_carry",
    "cannot_sort",
    "coverage",
    "load_scan",
    "locality",
    "make_scan",
    "parse_plan",
    "reach",
    "reach_shares",
    "register_scan",
    "scan_names",
    "scan_order",
    "scan_plan",
    "shares",
]

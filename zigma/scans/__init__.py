"""Which token comes when: curves, the orders they give on a grid, and the order each layer of a network uses.

H, W and T are the height, width and frames of a grid of tokens, L its number of tokens.
"""

from zigma.scans import hilbert, rows  # importing a module registers its curves
from zigma.scans.order import Layer, ParallelScan, ScanOrder
from zigma.scans.plans import scan_plan
from zigma.scans.registry import make_scan, register_scan, scan_names, scan_order

__all__ = [
    "Layer",
    "ParallelScan",
    "ScanOrder",
    "hilbert",
    "make_scan",
    "register_scan",
    "rows",
    "scan_names",
    "scan_order",
    "scan_plan",
]

"""`python -m zigma.scans.benchmark`: seconds to make each order of a large grid, beside a public implementation.

`--public gilbert2d.py` times the generalised Hilbert curve of jakubcerveny/gilbert from a copy of yours; its order
must equal ours first.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from zigma.common.program import print_anywhere
from zigma.common.words import Parser
from zigma.scans import scan_names, scan_order


def seconds(make: Callable[[], Any], repeats: int) -> float:
    """The median time of `repeats` calls after one that is not counted."""
    make()
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        make()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def public_hilbert(path: Path, side: int) -> Callable[[], list[int]]:
    """The generator `gilbert2d(width, height)` of a file, as row-major indices."""
    located = importlib.util.spec_from_file_location("public_gilbert", path)
    if located is None or located.loader is None or not path.is_file():
        raise SystemExit(f"no Python file {path}; --public takes the gilbert2d.py of jakubcerveny/gilbert")
    module = importlib.util.module_from_spec(located)
    located.loader.exec_module(module)
    # its x is our row, as in the released code
    return lambda: [x * side + y for x, y in module.gilbert2d(side, side)]


def main() -> None:
    """Print one line per curve."""
    print_anywhere()
    parser = Parser(
        prog="python -m zigma.scans.benchmark",
        description="Time every 2D order on one large square grid.",
        epilog="example: python -m zigma.scans.benchmark --side 1024 --public gilbert2d.py",
    )
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--public", type=Path, metavar="FILE", help="gilbert2d.py of jakubcerveny/gilbert")
    args = parser.parse_args()
    grid = (args.side, args.side)
    times = {name: seconds(lambda name=name: scan_order(name, grid), args.repeats) for name in scan_names()}  # type: ignore[misc]
    for name, taken in times.items():
        print(f"{name:<20}{taken:8.3f} s")
    if args.public is not None:
        make = public_hilbert(args.public, args.side)
        if not np.array_equal(make(), scan_order("hilbert", grid)):
            raise SystemExit("the public order differs from ours: no time is printed")
        taken = seconds(make, 1)
        print(
            f"{'public gilbert2d':<20}{taken:8.3f} s, {taken / times['hilbert']:.0f} times as long as hilbert"
        )


if __name__ == "__main__":
    main()

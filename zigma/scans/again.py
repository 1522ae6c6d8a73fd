"""Does another process read the same orders? A curve from elsewhere may hang on what differs from one to the next.

Within a process `zigma.scans.registry` draws each curve twice. The order of a set, the clock, and what a module has
drawn by chance when it was read stay the same there, and are others in the process that trains or samples.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
from functools import cache

from zigma.common.plugged import SCANS
from zigma.common.words import Parser
from zigma.scans.given import PREFIX
from zigma.scans.grammar import parse_plan
from zigma.scans.order import Grid, grid_text, parse_grid
from zigma.scans.plans import Plan

SEED = "PYTHONHASHSEED"  # of the order in which sets of texts are read


@cache
def check_again(plan: Plan, grid: Grid, depth: int) -> None:
    """Raises ValueError, in one line, where another process reads other orders; only for a curve from elsewhere."""
    foreign = [file.name for file in plan.files if file.suffix == ".py"]
    foreign += [SCANS.origin(name) for name in plan.curves if name in SCANS.entries()]
    if not foreign or PREFIX in plan.text:
        return
    here = orders_hash(plan, grid, depth)  # before the other starts, which takes it longer than a clock ticks
    words = [sys.executable, "-m", __name__, "--", plan.text, grid_text(grid), str(depth)]
    seed = "1" if os.environ.get(SEED) != "1" else "2"
    paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
    done = subprocess.run(
        words,
        env={**os.environ, SEED: seed, "PYTHONPATH": paths},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    printed = done.stdout.split()
    if done.returncode or not printed or printed[-1] != here:
        raise ValueError(
            f"plan {plan.name!r} of {', '.join(foreign)} gives other orders in another process: a curve must always "
            "give the same one (sort what comes from a set, use no clock, draw from np.random.default_rng(seed) only)"
        )


@cache
def orders_hash(plan: Plan, grid: Grid, depth: int) -> str:
    """Of the orders that the layers read, in 16 letters."""
    digest = hashlib.sha256()
    for layer in plan.layers(grid, depth):
        for scan in layer.scans:
            digest.update(f"{scan.segments}:".encode() + scan.order.tobytes())
    return digest.hexdigest()[:16]


def _words() -> argparse.Namespace:
    parser = Parser(
        prog="python -m zigma.scans.again",
        description="Started by `check_again`, not by you: print the hash of the orders that a plan gives here.",
    )
    parser.add_argument("plan")
    parser.add_argument("grid", help="such as 16x16")
    parser.add_argument("layers", type=int)
    return parser.parse_args()


if __name__ == "__main__":
    words = _words()
    print(orders_hash(parse_plan(words.plan), parse_grid(words.grid), words.layers))

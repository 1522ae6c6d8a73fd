"""`python -m zigma.scans PLAN`: what each layer of a plan reads, and the published strategies by name."""

from __future__ import annotations

import argparse
import math
import sys
from textwrap import fill

from zigma.common.program import carry_out
from zigma.common.words import Parser, WordError
from zigma.scans import STRATEGIES, grammar, parse_plan, scan_names
from zigma.scans.again import check_again
from zigma.scans.order import parse_grid

LARGEST = 1 << 20  # tokens; beyond, some curves take minutes


def main(words: list[str] | None = None) -> int:
    """Print the plan, one line for each scan of a layer; without a plan, how plans are written."""
    parser = Parser(
        prog="python -m zigma.scans",
        description="Print what each layer of a plan reads.",
        epilog="example: python -m zigma.scans 'channels-(sweep@0,6+zigzag@1)+hilbert-2' --grid 4x6 --depth 8",
    )
    parser.add_argument(
        "plan", nargs="?", help="such as zigzag-8, vmamba, my_curves.py:spiral-2 or orders.npy"
    )
    parser.add_argument("--grid", default="8x8", help="HxW, or TxHxW for frames; default: 8x8")
    parser.add_argument("--depth", type=int, default=8, help="layers; default: 8")
    args = parser.parse_args(words)
    return carry_out(parser.prog, lambda: _print_forms() if args.plan is None else _print_plan(args))


def _print_forms() -> None:
    print(grammar.__doc__)
    for name, strategy in STRATEGIES.items():
        print(f"    {name:<26} {strategy.plan}\n{'':31}{strategy.source}")
    print(
        f"\nCurves:\n\n{fill(', '.join(scan_names()), 110, initial_indent='    ', subsequent_indent='    ')}"
    )


def _print_plan(args: argparse.Namespace) -> None:
    grid = parse_grid(args.grid)
    if math.prod(grid) > LARGEST:
        raise WordError(f"--grid {args.grid} is too large: plans are described on {LARGEST} tokens at most")
    plan = parse_plan(args.plan)
    described = plan.describe(grid, args.depth)
    check_again(plan, grid, args.depth)
    print(described)


if __name__ == "__main__":
    sys.exit(main())

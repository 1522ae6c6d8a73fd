"""`python -m zigma.profiling scan`: the scan benchmark."""

import argparse
import os
import sys
from pathlib import Path

# Two OpenMP pools that spin starve each other on few cores; must be set before torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

PROGRAM = "python -m zigma.profiling"
DTYPES = ("float32", "bfloat16", "float16")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description="Measure speed and memory on this machine.")
    words = parser.add_subparsers(dest="word", required=True, metavar="command")
    scan = words.add_parser(
        "scan",
        help="the selective scan beside others' implementations",
        description="Check, then time every selective scan that runs here; writes a JSON record.",
        epilog=f"example: {PROGRAM} scan --shape 16,128,256,16 --repeats 20",
    )
    scan.add_argument(
        "--shape", action="append", metavar="BATCH,D,L,N", help="default: three on a CPU, six on a GPU"
    )
    scan.add_argument("--device", choices=("cpu", "cuda"), help="default: cuda where there is one")
    scan.add_argument("--dtype", choices=DTYPES, help="of the tokens; default: float32, on a GPU bfloat16")
    scan.add_argument("--repeats", type=int, default=5, metavar="N", help="timed calls of each; default: 5")
    scan.add_argument("--path", action="store_true", help="scan along a random path, not row by row")
    scan.add_argument(
        "--out",
        type=Path,
        default=Path("results/benchmarks"),
        metavar="DIR",
        help="default: results/benchmarks",
    )
    return parser


def _shape(text: str) -> tuple[int, int, int, int]:
    numbers = text.split(",")
    if len(numbers) != 4 or not all(n.strip().isdecimal() and int(n) > 0 for n in numbers):
        raise ValueError(
            f"--shape takes BATCH,D,L,N, four positive numbers such as 16,128,256,16, not {text!r}"
        )
    batch, width, length, states = map(int, numbers)
    return batch, width, length, states


def main(words: list[str] | None = None) -> int:
    """Carry out a command line; returns the exit status."""
    args = _parser().parse_args(words)
    try:
        return _scan(args)
    except ValueError as error:
        print(f"{PROGRAM} {args.word}: {error}", file=sys.stderr)
        return 2


def _scan(args: argparse.Namespace) -> int:
    shapes = [_shape(text) for text in args.shape or ()]
    if args.repeats < 1:
        raise ValueError(f"--repeats takes a number from 1 on, not {args.repeats}")
    import torch

    from zigma.profiling import scan_benchmark

    if args.device == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device cuda: torch finds no GPU here; use --device cpu")
    device = torch.device(args.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    gpu = device.type == "cuda"
    dtype = args.dtype or ("bfloat16" if gpu else "float32")
    shapes = shapes or (scan_benchmark.GPU_SHAPES if gpu else scan_benchmark.CPU_SHAPES)
    rows, missing = scan_benchmark.benchmark(shapes, device, getattr(torch, dtype), args.repeats, args.path)
    print(scan_benchmark.table(rows, missing))
    settings = {"dtype": dtype, "repeats": args.repeats, "path": "random" if args.path else None}
    print(f"recorded in {scan_benchmark.write_record(args.out, rows, missing, settings, device)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

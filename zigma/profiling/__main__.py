"""`python -m zigma.profiling`: the scan beside others, its block sizes, a training step beside its matrix products."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zigma.common.files import check_writable
from zigma.common.program import carry_out
from zigma.common.words import Command, Parser
from zigma.processor import keep_freed_memory, wait_briefly

wait_briefly()

PROGRAM = "python -m zigma.profiling"
LARGEST = 2**31  # of a size: beyond, torch's own complaint would be a trace through its C++
DTYPES = ("float32", "bfloat16", "float16")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog=PROGRAM, description="Measure speed and memory on this machine.")
    words = parser.add_subparsers(dest="word", required=True, metavar="command", parser_class=Command)
    scan = words.add_parser(
        "scan",
        help="the selective scan beside others' implementations",
        description="Check, then time every selective scan that runs here; writes a JSON record.",
        epilog=f"example: {PROGRAM} scan --shape 16,128,256,16 --repeats 20",
    )
    scan.add_argument(
        "--shape", action="append", metavar="BATCH,D,L,N", help="default: three on a CPU, six on a GPU"
    )
    scan.add_argument("--dtype", choices=DTYPES, help="of the tokens; default: float32, on a GPU bfloat16")
    scan.add_argument("--path", action="store_true", help="scan along a random path, not row by row")
    scan.set_defaults(command=_scan, repeats=5)
    blocks = words.add_parser(
        "blocks",
        help="the Triton scan with other block sizes than its own",
        description="Time the Triton scan along a random path with each choice of block sizes; writes a JSON record.",
        epilog=f"example: {PROGRAM} blocks --shape 16,1536,1024,16",
    )
    blocks.add_argument(
        "--shape", default="16,1536,1024,16", metavar="BATCH,D,L,N", help="default: 16,1536,1024,16"
    )
    blocks.add_argument(
        "--dtype", choices=DTYPES, default="bfloat16", help="of the tokens; default: bfloat16"
    )
    blocks.set_defaults(command=_blocks, repeats=5)
    step = words.add_parser(
        "step",
        help="a training step beside its matrix products alone",
        description="Time whole training steps of ZigMa, and the matrix products in them alone; writes a JSON record.",
        epilog=f"example: {PROGRAM} step --hidden 64 --depth 8 --grid 16x16 --batch 16 --beside 1",
    )
    step.add_argument("--hidden", type=int, default=64, metavar="D", help="default: 64")
    step.add_argument("--depth", type=int, default=8, metavar="N", help="default: 8")
    step.add_argument("--grid", default="16x16", metavar="HxW", help="or TxHxW for video; default: 16x16")
    step.add_argument("--batch", type=int, default=16, metavar="N", help="default: 16")
    step.add_argument("--scan", default="zigzag-8", metavar="PLAN", help="default: zigzag-8")
    step.add_argument(
        "--beside",
        type=int,
        default=0,
        metavar="N",
        help="busy processes beside the measured one; default: 0",
    )
    step.set_defaults(command=_step, repeats=20)
    for command in (scan, blocks, step):
        command.set_defaults(parser=command)
        default = command.get_default("repeats")
        command.add_argument("--device", choices=("cpu", "cuda"), help="default: cuda where there is one")
        command.add_argument(
            "--repeats", type=int, metavar="N", help=f"timed calls of each; default: {default}"
        )
        command.add_argument(
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
    if max(batch, width, length, states) >= LARGEST:
        raise ValueError(f"--shape takes numbers below {LARGEST}, unlike {text!r}")
    return batch, width, length, states


def _grid(text: str) -> tuple[int, ...]:
    numbers = text.split("x")
    if len(numbers) not in (2, 3) or not all(n.isdecimal() and int(n) > 0 for n in numbers):
        raise ValueError(f"--grid takes HxW or TxHxW, such as 16x16, not {text!r}")
    return tuple(map(int, numbers))


def main(words: list[str] | None = None) -> int:
    """Carry out a command line; returns the exit status."""
    args = _parser().parse_args(words)
    if args.repeats < 1:
        args.parser.error(f"--repeats takes a number from 1 on, not {args.repeats}")
    return carry_out(f"{PROGRAM} {args.word}", lambda: int(args.command(args)))


def _device(name: str | None) -> Any:
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device cuda: torch finds no GPU here; use --device cpu")
    return torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))


def _scan(args: argparse.Namespace) -> int:
    shapes = [_shape(text) for text in args.shape or ()]
    import torch

    from zigma.profiling import scan_benchmark
    from zigma.profiling.records import write_record

    device = _device(args.device)
    gpu = device.type == "cuda"
    dtype = args.dtype or ("bfloat16" if gpu else "float32")
    shapes = shapes or (scan_benchmark.GPU_SHAPES if gpu else scan_benchmark.CPU_SHAPES)
    check_writable(args.out)
    rows, missing = scan_benchmark.benchmark(shapes, device, getattr(torch, dtype), args.repeats, args.path)
    table = scan_benchmark.table(rows, missing)
    print(table)
    settings = {"dtype": dtype, "repeats": args.repeats, "path": "random" if args.path else None}
    contents = {"settings": settings, "missing": missing, "rows": [asdict(row) for row in rows]}
    print(f"recorded in {write_record(args.out, 'scan', device, contents, table)}")
    return 0


def _blocks(args: argparse.Namespace) -> int:
    shape = _shape(args.shape)
    import torch

    from zigma.ops.backends import why_not
    from zigma.profiling import blocks_benchmark
    from zigma.profiling.records import write_record

    device, dtype = _device(args.device), getattr(torch, args.dtype)
    if reason := why_not("triton", device, dtype):
        raise ValueError(f"the Triton scan does not run on {device.type}: {reason}")
    check_writable(args.out)
    rows = blocks_benchmark.search(shape, device, dtype, args.repeats)
    table = blocks_benchmark.table(rows)
    print(table)
    contents = {"settings": {"shape": shape, "dtype": args.dtype}, "rows": [asdict(row) for row in rows]}
    print(f"recorded in {write_record(args.out, 'blocks', device, contents, table)}")
    return 0


def _step(args: argparse.Namespace) -> int:
    grid = _grid(args.grid)
    for name, least in (("hidden", 1), ("depth", 1), ("batch", 1), ("beside", 0)):
        if getattr(args, name) < least:
            raise ValueError(f"--{name} takes a number from {least} on, not {getattr(args, name)}")
        if getattr(args, name) >= LARGEST:
            raise ValueError(f"--{name} takes a number below {LARGEST}, not {getattr(args, name)}")
    from zigma.profiling import step_benchmark
    from zigma.profiling.records import write_record

    device = _device(args.device)
    check_writable(args.out)
    keep_freed_memory()  # as the processes of `studies` do
    times = step_benchmark.time_step(
        grid, args.hidden, args.depth, args.scan, args.batch, device, args.repeats, args.beside
    )
    table = step_benchmark.table(times)
    print(table)
    settings = {name: getattr(args, name) for name in ("hidden", "depth", "grid", "batch", "scan", "beside")}
    contents = {"settings": settings, "ratio": times.ratio} | asdict(times)
    print(f"recorded in {write_record(args.out, 'step', device, contents, table)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

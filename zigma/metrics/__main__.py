"""`python -m zigma.metrics`: compute every metric again from saved features, without drawing a sample."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from zigma.common.program import print_anywhere
from zigma.metrics.config import MetricName

if TYPE_CHECKING:
    from zigma.metrics.features import Features

_EXAMPLES = """\
examples:
  python -m zigma.metrics recompute results/features
  python -m zigma.metrics recompute results/features/tiny/scan_ablation --metrics frechet prdc infinity
  python -m zigma.metrics recompute --generated a/generated.inception.safetensors --real b/real.inception.safetensors
"""


def main(argv: list[str] | None = None) -> int:
    """Run a command; returns 0, or 2 after one line about what was wrong."""
    print_anywhere()
    args = _parser().parse_args(argv)
    try:
        for name, rows in _measured(args):
            _print(name, rows, args.json)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "python -m zigma.metrics", description=__doc__, epilog=_EXAMPLES, formatter_class=form
    )
    commands = parser.add_subparsers(required=True, metavar="recompute")
    recompute = commands.add_parser(
        "recompute",
        help="metrics of saved features",
        description="Every metric between saved features of samples and of real images, with its protocol.",
        epilog=_EXAMPLES,
        formatter_class=form,
    )
    recompute.add_argument(
        "folder",
        type=Path,
        nargs="?",
        help="a run's folder of features, or one above several: generated.X.safetensors beside real.X.safetensors",
    )
    recompute.add_argument("--generated", type=Path, help="one file of features of samples")
    recompute.add_argument("--real", type=Path, help="one file of features of real images")
    recompute.add_argument(
        "--metrics",
        nargs="+",
        choices=get_args(MetricName),
        default=["frechet", "kernel"],
        metavar="METRIC",
        help=f"of {', '.join(get_args(MetricName))} (frechet kernel)",
    )
    recompute.add_argument("--json", action="store_true", help="a JSON object per number instead of a table")
    return parser


def _measured(args: argparse.Namespace) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    from zigma.metrics.evaluation import evaluate_features

    for name, generated, real in _pairs(args):
        yield name, evaluate_features(generated, real, metrics=args.metrics)


def _pairs(args: argparse.Namespace) -> Iterator[tuple[str, Features, Features]]:
    from zigma.metrics.features import Features

    files = (args.generated, args.real)
    if (args.folder is None) == (None in files) or (args.folder is not None and any(files)):
        raise ValueError("give a folder of features, or both --generated and --real")
    if args.folder is None:
        yield str(args.generated), Features.load(args.generated), Features.load(args.real)
        return
    found = sorted(args.folder.rglob("generated.*.safetensors"))
    if not found:
        raise ValueError(
            f"{args.folder} holds no generated.*.safetensors: runs leave them in results/features"
        )
    for path in found:
        beside = path.with_name("real" + path.name.removeprefix("generated"))
        if not beside.is_file():
            raise ValueError(f"{path} has no {beside.name} beside it")
        yield str(path.parent.relative_to(args.folder)), Features.load(path), Features.load(beside)


def _print(name: str, rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        for row in rows:
            print(json.dumps({"run": name, **row}))
        return
    print(name)
    for row in rows:
        settings = row.get("settings", {})
        interval = f"  [{settings['low']:.4g}, {settings['high']:.4g}]" if "low" in settings else ""
        print(
            f"  {row['name']:<22}{row['value']:>12.6g}  {row['n_generated']} generated, {row['n_real']} real "
            f"({row['reference']}), {row['extractor']} {row['extractor_identity'][:12]}{interval}"
        )


if __name__ == "__main__":
    sys.exit(main())

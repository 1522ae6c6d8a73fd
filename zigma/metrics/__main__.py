"""`python -m zigma.metrics`: compute metrics again from saved features, or by another extractor from saved weights."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from zigma.common.program import carry_out
from zigma.common.words import Parser, WordError
from zigma.metrics.config import ExtractorName, MetricName, check_loads, label_of

if TYPE_CHECKING:
    from zigma.metrics.features import Features

_EXAMPLES = """\
examples:
  python -m zigma.metrics recompute results/features
  python -m zigma.metrics recompute results/features/tiny/scan_ablation --metrics frechet prdc infinity
  python -m zigma.metrics recompute results --extractors lite0 my_extractors.py:Edges
  python -m zigma.metrics recompute --generated a/generated.inception.safetensors --real b/real.inception.safetensors
"""


def main(argv: list[str] | None = None) -> int:
    """Run a command; returns 0, or leaves with status 2 after one line about what was wrong."""
    parser = _parser()
    args, rest = parser.parse_known_args(argv)
    if args.command == "train_digits":
        from zigma.metrics import train_digits

        return carry_out(parser.prog, lambda: train_digits.main(rest))
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return carry_out(parser.prog, lambda: _recompute(args))


def _parser() -> Parser:
    form = argparse.RawDescriptionHelpFormatter
    parser = Parser("python -m zigma.metrics", description=__doc__, epilog=_EXAMPLES, formatter_class=form)
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="recompute | train_digits", parser_class=Parser
    )
    recompute = commands.add_parser(
        "recompute",
        help="metrics of saved features, or of samples drawn again from saved weights",
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
        "--extractors",
        nargs="+",
        metavar="EXTRACTOR",
        help=f"of {', '.join(get_args(ExtractorName))}, one of yours (my_extractors.py:NAME) or of an installed "
        "package: these alone, and where a run has no features by one of them, its samples are drawn again from the "
        "weights in the results folder",
    )
    recompute.add_argument(
        "--scan",
        action="append",
        default=[],
        metavar="PLAN",
        help="with --extractors, of runs along a curve of yours: my_curves.py:my-spiral",
    )
    recompute.add_argument(
        "--metrics",
        nargs="+",
        choices=get_args(MetricName),
        default=["frechet", "kernel"],
        metavar="METRIC",
        help=f"of {', '.join(get_args(MetricName))} (frechet kernel)",
    )
    recompute.add_argument("--json", action="store_true", help="a JSON object per number instead of a table")
    commands.add_parser("train_digits", help="make the weights of the digits extractor again", add_help=False)
    return parser


def _recompute(args: argparse.Namespace) -> int:
    from zigma.metrics.evaluation import evaluate_features

    status = 0
    for extractor in args.extractors or ():
        check_loads(extractor)
    if args.extractors and args.folder is not None:
        status = _draw_again(args.folder, args.extractors, args.scan)
    for name, generated, real in _pairs(args, complain=not status):
        try:
            rows = evaluate_features(generated, real, metrics=list(dict.fromkeys(args.metrics)))
        except ValueError as error:
            if args.folder is None:
                raise
            print(f"{name}: {error}", file=sys.stderr)
            status = 2
            continue
        _print(name, rows, args.json)
    return status


def _draw_again(folder: Path, extractors: list[str], scans: list[str]) -> int:
    """Let the runs below a folder of results or of features get the features that they lack; 2 where some could not.

    Another program draws the samples, because metrics know no models. Without weights there is nothing to draw.
    """
    folder = folder.resolve()
    results = next((place for place in (folder, *folder.parents) if (place / "weights").is_dir()), None)
    if results is None:
        return 0
    parts = folder.relative_to(results).parts
    only = "/".join(parts[1:] if parts[:1] in (("features",), ("weights",)) else parts)
    words = ["-m", "zigma.experiment.judge_again", str(results), "--only", only, "--extractors", *extractors]
    words += [word for scan in scans for word in ("--scan", scan)]
    return subprocess.run([sys.executable, *words], check=False).returncode


def _pairs(args: argparse.Namespace, complain: bool) -> Iterator[tuple[str, Features, Features]]:
    """Which run, and its features; where nothing is left to read, WordError, unless another has said why already."""
    from zigma.metrics.features import Features

    files = (args.generated, args.real)
    if (args.folder is None) == (None in files) or (args.folder is not None and any(files)):
        raise WordError("give a folder of features, or both --generated and --real")
    if args.folder is None and args.extractors:
        raise WordError("--extractors chooses in a folder; the files of --generated and --real have theirs")
    if args.folder is None:
        generated, real = Features.load(args.generated), Features.load(args.real)
        if real.source == "generated" != generated.source:
            raise WordError(f"{args.real} holds features of generated images: give it as --generated")
        yield str(args.generated), generated, real
        return
    labels = list(dict.fromkeys(escape(label_of(extractor)) for extractor in args.extractors or ())) or ["*"]
    patterns = [f"generated.{label}.safetensors" for label in labels]
    paths = sorted(path for pattern in patterns for path in args.folder.rglob(pattern))
    if not paths and complain:
        raise WordError(
            f"{args.folder} holds no {' nor '.join(patterns)}: runs leave them in results/features, and weights to "
            "draw samples again in results/weights"
        )
    for path in paths:
        beside = path.with_name("real" + path.name.removeprefix("generated"))
        if not beside.is_file():
            raise WordError(f"{path} has no {beside.name} beside it")
        yield path.parent.relative_to(args.folder).as_posix(), Features.load(path), Features.load(beside)


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

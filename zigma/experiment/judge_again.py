"""Judge runs that are over by other extractors: their samples are drawn again from the weights that they left.

    python -m zigma.experiment.judge_again results --extractors lite0

leaves features beside the old ones; no record is changed. `python -m zigma.metrics recompute` calls it, and shows the
numbers.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import get_args

from zigma.common.files import read_json
from zigma.common.plugged import MIXERS, ORDERINGS
from zigma.common.program import carry_out
from zigma.common.words import Parser, Problems, WordError
from zigma.experiment.config import RunConfig, read_config
from zigma.metrics import extractor_identity
from zigma.metrics.config import ExtractorName, check_loads, label_of
from zigma.models.config import ZigMaConfig
from zigma.processor import keep_freed_memory
from zigma.scans import parse_plan

RECORDS, WEIGHTS, FEATURES, SUFFIX = "records", "weights", "features", ".safetensors"


def names_of(results: Path, only: str) -> Iterator[str]:
    """The runs with weights in a results folder whose names (SCALE/STUDY/ARM...) begin with `only`."""
    for path in sorted((results / WEIGHTS).rglob(f"*{SUFFIX}")):
        name = path.relative_to(results / WEIGHTS).as_posix().removesuffix(SUFFIX)
        if not path.name.startswith(".") and name.startswith(only):
            yield name


def judge_again(results: Path, name: str, extractors: tuple[str, ...], scans: Iterable[str] = ()) -> None:
    """Save the features, by these extractors, of a run's samples and of its real images beside those it has.

    `scans` are plans along curves of files, of which records hold no more than the name.

    Raises:
        ValueError: the run's record is missing or of another kind, its data has changed, its plan is unknown, or
            weights are missing.
    """
    from safetensors.torch import load_file

    from zigma.data import fingerprint, load_data
    from zigma.experiment.artifacts import Places
    from zigma.experiment.evaluator import Evaluator
    from zigma.experiment.watch import WATCH_NOTHING
    from zigma.models import build_model
    from zigma.training.processes import processes

    path = results / RECORDS / f"{name}.json"
    record = read_json(path)
    if not isinstance(record.get("config"), dict):
        raise ValueError(f"{path} is no record of a run: which network these weights fill is not known")
    config = read_config(record["config"])
    if not isinstance(config, RunConfig):
        raise ValueError(f"{name} draws no samples")
    config = _with_its_plan(config, scans)
    recorded = record.get("fingerprints") or {}
    if fingerprint(config.data) != recorded.get("data", fingerprint(config.data)):
        raise ValueError(f"{name}: {config.data.name} is not the data that it was trained on")
    _check_sources(config, recorded)
    config = config.replace(evaluation=config.evaluation.replace(extractors=extractors))
    evaluator = Evaluator(config, load_data(config.data), WATCH_NOTHING)
    model = build_model(config.model)
    try:
        model.load_state_dict(load_file(results / WEIGHTS / f"{name}{SUFFIX}"))
    except (OSError, RuntimeError) as error:
        raise ValueError(
            f"{results / WEIGHTS / name}{SUFFIX} does not hold the network of its record"
        ) from error
    generated, _ = evaluator.generated(model.to(processes().device).eval(), config.evaluation.n_generated)
    folder = Places(results, name, results).features
    folder.mkdir(parents=True, exist_ok=True)
    for samples, real in zip(generated, evaluator.real, strict=True):
        real.save(folder / f"real.{real.extractor}{SUFFIX}")
        samples.save(folder / f"generated.{samples.extractor}{SUFFIX}")  # last: it says that both are there


def _with_its_plan(config: RunConfig, scans: Iterable[str]) -> RunConfig:
    """The orders themselves lie in the weights; the plan says how many there are and how layers read them."""
    if not isinstance(config.model, ZigMaConfig):
        return config
    recorded = config.model.scan
    for given in scans:
        name, _, variants = recorded.removeprefix(parse_plan(given).name).partition("-")
        if not name:  # the plan itself, or the curve that it takes so many variants of
            return config.replace(
                model=config.model.replace(scan=f"{given}-{variants}" if variants else given)
            )
    try:
        parse_plan(recorded)
    except ValueError as error:
        raise ValueError(
            f"its plan {recorded} is not known here; name the file of your curve by --scan FILE.py:NAME"
        ) from error
    return config


def _check_sources(config: RunConfig, recorded: Mapping[str, str]) -> None:
    """Refuse weights of a person's own mixer or ordering whose file says something else now."""
    for part, socket in (("mixer", MIXERS), ("ordering", ORDERINGS)):
        source = getattr(getattr(config.model, part, None), "source", None)
        if source is not None and socket.identity(source) != recorded.get(socket.what):
            raise ValueError(f"{socket.what} {source} is not what it was when these weights were trained")


def main(argv: list[str] | None = None) -> int:
    """Judge every run of a results folder that lacks features by the extractors; returns the exit status."""
    parser = Parser(
        prog="python -m zigma.experiment.judge_again",
        description="Judge runs that are over by other extractors, from the weights that they left.",
        epilog="example: python -m zigma.experiment.judge_again results --extractors lite0 --only tiny/scan_ablation",
    )
    parser.add_argument("results", type=Path, help="a results folder, with records and weights")
    parser.add_argument(
        "--extractors",
        nargs="+",
        required=True,
        metavar="EXTRACTOR",
        help=f"of {', '.join(get_args(ExtractorName))}, FILE.py:NAME, or of an installed package",
    )
    parser.add_argument(
        "--only", default="", metavar="NAME", help="runs whose names begin so: SCALE/STUDY/ARM..."
    )
    parser.add_argument(
        "--scan",
        action="append",
        default=[],
        metavar="PLAN",
        help="of runs along a curve of yours: my_curves.py:my-spiral",
    )
    parser.add_argument("--force", action="store_true", help="also where the features are there already")
    args = parser.parse_args(argv)
    return carry_out(parser.prog, lambda: _judge_all(args))


def _judge_all(args: argparse.Namespace) -> None:
    for plan in args.scan:
        parse_plan(plan)
    for extractor in args.extractors:
        check_loads(extractor)  # a wrong word, or missing weights: once, and before anything is drawn
        extractor_identity(extractor)
    names = list(names_of(args.results, args.only))
    if not names:
        raise WordError(
            f"{args.results / WEIGHTS} holds no weights of runs whose names begin with {args.only!r}"
        )
    problems = []
    for name in names:
        missing = tuple(
            each for each in args.extractors if args.force or not _has_features(args.results, name, each)
        )
        if not missing:
            continue
        print(f"{name}: drawing its samples again for {', '.join(missing)}", file=sys.stderr, flush=True)
        try:
            judge_again(args.results, name, missing, args.scan)
        except (ValueError, FloatingPointError) as error:  # the others can still be judged
            problems.append(f"{name}: {error}")
    if problems:
        raise Problems(problems)


def _has_features(results: Path, name: str, extractor: str) -> bool:
    """Whether a run has features by an extractor as it is now: one's own file may have been edited since."""
    from zigma.metrics import Features

    path = results / FEATURES / name / f"generated.{label_of(extractor)}{SUFFIX}"
    return path.is_file() and Features.load(path).identity == extractor_identity(extractor)


if __name__ == "__main__":
    keep_freed_memory()
    sys.exit(main())

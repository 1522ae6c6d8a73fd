"""`levels`: what real images score, and what needs no training, for each setting of a study."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from studies.cli.options import add_results
from studies.declare.levels import has_levels, levels_path
from studies.declare.own_data import declare_own_data
from studies.declare.registry import find_study, studies
from studies.declare.selection import chosen_scale, read_changes
from studies.declare.study import SCALES, Study, with_settings
from zigma.common.files import check_writable, read_json, replace_json
from zigma.common.words import WordError, unknown
from zigma.experiment.config import RunConfig

HELP = (
    "compute floors and ceilings of a study's settings: real against real, baselines, the untrained network"
)
EXAMPLE = "levels scan_ablation --setting digits-8"
SCHEMA = 1
WITHOUT = "runs on fields record their own levels, and what trains nothing has none"


@dataclass(frozen=True)
class Request:
    """Which settings, and where their levels go."""

    studies: tuple[Study, ...]
    scale: str
    settings: tuple[str, ...]
    folder: Path
    force: bool


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("studies", nargs="*", metavar="STUDY", help="default: all")
    parser.add_argument("--scale", choices=SCALES, help=f"default: {SCALES[0]}, or the study's first")
    parser.add_argument("--setting", action="append", default=[], help="only this one; may be given again")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        help="as the runs beside them were given it",
    )
    parser.add_argument("--force", action="store_true", help="compute anew what is there")
    parser.add_argument("--publish", action="store_true", help="for maintainers: write below published/")
    add_results(parser, made=True)


def read(args: argparse.Namespace) -> Request:
    """The command line as a request."""
    scales = {chosen_scale(find_study(name), args.scale) for name in args.studies} or {
        args.scale or SCALES[0]
    }
    if len(scales) > 1:
        raise WordError(
            f"these studies begin at the scales {', '.join(sorted(scales))}: add --scale, one of them"
        )
    (scale,) = scales
    declare_own_data(args.results, [(name, scale, each) for name in args.studies for each in args.setting])
    # found again: now with the images of her own
    chosen = [find_study(name) for name in args.studies] or list(studies().values())
    if args.set and not args.studies:
        raise WordError("--set is of studies that are named: levels STUDY --set ...")
    changes = read_changes(args.set)
    chosen = [with_settings(study, changes) if changes else study for study in chosen]
    known = {setting for study in chosen for setting in study.scales.get(scale, {})}
    for setting in args.setting:
        if setting not in known:
            raise unknown(f"setting at scale {scale}", setting, sorted(known))
    folder = args.results / "published" if args.publish else args.results
    return Request(tuple(chosen), scale, tuple(args.setting), folder, args.force)


def run(request: Request) -> int:
    """Compute what is missing, one file for all settings that share it."""
    todo: dict[Path, RunConfig] = {}
    for study in request.studies:
        for setting in study.scales.get(request.scale, {}):
            config = study.config(None, request.scale, setting)
            chosen = not request.settings or setting in request.settings
            if chosen and has_levels(config) and isinstance(config, RunConfig):
                todo.setdefault(levels_path(request.folder, config), config)
    if not todo:
        print(f"nothing to compute at scale {request.scale}: {WITHOUT}")
    for path, config in todo.items():
        if path.is_file() and not request.force:
            if _judged_alike(path, config):
                print(f"{path}: there already")
                continue
            print(f"{path}: damaged, or by another extractor: computed anew")
        check_writable(path.parent)
        _compute(path, config)
        print(f"written to {path}")
    return 0


def _judged_alike(path: Path, config: RunConfig) -> bool:
    """Whether the levels there were measured by the extractors of today; also where those are not here to compare."""
    from studies.declare.identity import fingerprints

    recorded = read_json(path).get("fingerprints")
    then = recorded if isinstance(recorded, dict) else {}
    try:
        now = fingerprints(config)
    except (ValueError, FileNotFoundError):
        return True
    return all(then.get(name) == now[name] for name in now if name.startswith("extractor "))


def _compute(path: Path, config: RunConfig) -> None:
    from studies.declare.identity import as_recorded, fingerprints
    from zigma.data import save_grid
    from zigma.experiment.levels import compute_levels
    from zigma.processor import keep_freed_memory
    from zigma.profiling.environment import environment

    keep_freed_memory()
    levels, real = compute_levels(config, lambda message: print(f"  {message}", file=sys.stderr))
    path.parent.mkdir(parents=True, exist_ok=True)
    if real.dim() == 4:
        factor = max(1, 32 // real.shape[-1])
        real = real.repeat_interleave(factor, -1).repeat_interleave(factor, -2)
        save_grid(real, path.with_suffix(".png"), columns=8, note=path.stem)
    replace_json(
        path,
        {
            "schema": SCHEMA,
            "config": as_recorded(config),
            "fingerprints": fingerprints(config),
            "levels": levels,
            "environment": environment(),
        },
    )

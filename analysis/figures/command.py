"""`python -m analysis make-figures`: draw the paper's figures, or those of studies that are named."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from analysis.figures.titles import TITLES, find_figure
from analysis.options import add_publish, add_results, load_chosen, view_folder
from studies.declare.changes import parse_setting
from studies.declare.registry import find_study
from studies.declare.shipped import same_results
from studies.declare.study import where_it_fits
from zigma.common.words import WordError

SHIPPED = Path("paper_figures")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.add_argument(
        "studies",
        nargs="*",
        metavar="STUDY",
        help="draw the metrics, learning curves and samples of these, a file of yours (my_study.py) included; "
        "default: the paper's figures",
    )
    add_results(parser)
    add_publish(parser, "paper_figures/")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="FIGURE",
        help="only this of the paper's; may be given again",
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="PATH=VALUE", help="as the runs to show were given it"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: view/figures in the results folder")


def run(args: argparse.Namespace) -> int:
    """Draw, and say what was drawn and what would have to be run."""
    from analysis.figures.catalogue import pictures  # loads matplotlib, which --help does without
    from analysis.figures.make import make_figures
    from analysis.figures.of_study import pictures_of
    from analysis.figures.picture import Missing

    changes, named = dict(map(parse_setting, args.set)), [find_study(name).name for name in args.studies]
    if named and args.publish:
        raise WordError("--publish draws the figures that ship, the paper's: leave the studies out")
    if named and args.only:
        raise WordError("--only is of the paper's figures: leave it out, or the studies")
    if changes and not named:
        raise WordError("--set is of studies that are named: make-figures STUDY --set ...")
    out = args.out or (SHIPPED if args.publish else view_folder(args.results) / "figures")
    names = [find_figure(word) for word in args.only] or list(TITLES)
    records = load_chosen(args)
    made, titles = {}, dict(TITLES)
    for name in named:  # found again: now with the images of her own that the records are of
        study = where_it_fits(find_study(name), changes) if changes else find_study(name)
        for kind, (title, picture) in pictures_of(study, records, args.results).items():
            made[f"{name}-{kind}"] = picture
            titles[f"{name}-{kind}"] = f"{study.title}: {title}"
    if not named:
        made = pictures(names, records, args.results)
    try:
        written = make_figures(out, made, args.results, titles)
    except OSError as error:
        print(f"not written to {out}: {error.strerror or error}", file=sys.stderr)
        return 1
    for path in written:
        print(f"written to {path}", file=sys.stderr)
    given = "".join(f" --set {shlex.quote(each)}" for each in args.set)
    for name, picture in made.items():
        if isinstance(picture, Missing):
            commands = "; ".join(
                f"{run}{given}{same_results(args.results)}" for run in picture.run.split("; ")
            )
            which = "with these changes" if given else "as declared"
            print(f"{name}: not drawn, as nothing is recorded {which}: {commands}", file=sys.stderr)
    return 0

"""`--data FOLDER --size 32`: images of one's own in the place of a study's data."""

from __future__ import annotations

import argparse
from pathlib import Path

from studies.declare.own_data import OwnData, of_images
from studies.declare.registry import find_study
from studies.declare.selection import chosen_scale
from zigma.common.words import WordError, counted

SIZE = 32


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group("images of your own")
    group.add_argument("--data", type=Path, metavar="FOLDER", help="of images; subfolders are classes")
    group.add_argument("--size", type=int, metavar="PIXELS", help=f"of their middle square; default: {SIZE}")
    group.add_argument(
        "--captions",
        type=Path,
        metavar="FILE",
        help="of the images: .csv, .json, .jsonl, or a folder of .txt; default: what lies beside them",
    )


def read(args: argparse.Namespace) -> OwnData | None:
    """The prepared images, or None where none are given. Preparing says what it skips, and is done once.

    Raises:
        WordError: an option is wrong, or the folder cannot be used.
    """
    if args.data is None:
        for name in ("size", "captions"):
            if getattr(args, name) is not None:
                raise WordError(f"--{name} is of images of your own: give --data FOLDER too")
        return None
    if getattr(args, "setting", None):
        raise WordError("--data is the setting: leave --setting out")
    latents = _reads_latents(args)
    from studies.run.own_data import prepare_own

    size = SIZE if args.size is None else args.size
    data = prepare_own(args.data, size, args.results, captions=args.captions, latents=latents, say=print)
    words = f", captions of up to {counted(data.caption_words, 'word')}" if data.caption_words else ""
    classes = f", {counted(data.classes, 'class', 'classes')}" if data.classes else ""
    print(
        f"{data.setting}: {counted(data.train, 'image')} to train on, {data.held_out} held out{classes}{words}"
    )
    print(
        "these are your images and stand for none of the paper's: no column of the paper stands beside them"
    )
    return data


def _reads_latents(args: argparse.Namespace) -> bool:
    """Whether the study that is meant, if one is, reads latents; WordError where it takes no images at all."""
    if (word := getattr(args, "study", None)) is None:
        return False
    study = find_study(word)
    settings = of_images(study, chosen_scale(study, args.scale))
    return any(config.data.view == "latents" for _, config in settings)

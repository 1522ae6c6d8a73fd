"""`python -m zigma.data`: name the data sets, prepare a folder as shards, check shards."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from zigma.common.program import carry_out
from zigma.common.words import Command, Parser, counted, printable
from zigma.data.names import EMBEDDED, PREPARED

_EXAMPLES = """\
examples:
  python -m zigma.data list
  python -m zigma.data prepare ffhq/ $ZIGMA_DATA/faceshq-1024 --size 1024 --vae weights/sd-vae-ft-ema
  python -m zigma.data prepare coco/ $ZIGMA_DATA/coco-256 --size 256 --held-out-folder val2014 \\
      --captions coco/captions.json --vae weights/sd-vae-ft-ema --clip weights/clip-vit-large-patch14
  python -m zigma.data prepare UCF-101/ $ZIGMA_DATA/ucf101-256 --size 256 --frames 16 --classes \\
      --group '_g[0-9]+' --picture jpg --vae weights/sd-vae-ft-ema --device cuda --workers 4
  python -m zigma.data check $ZIGMA_DATA/coco-256
"""


def main(argv: list[str] | None = None) -> int:
    """Run a command; returns its exit status: 1 where `check` found damage."""
    parser = _parser()
    args = parser.parse_args(argv)
    return carry_out(parser.prog, lambda: int(args.run(args)))


def _parser() -> Parser:
    form = argparse.RawDescriptionHelpFormatter
    parser = Parser("python -m zigma.data", description=__doc__, epilog=_EXAMPLES, formatter_class=form)
    commands = parser.add_subparsers(required=True, metavar="list | prepare | check", parser_class=Command)

    listing = commands.add_parser("list", help="the data sets and what they are")
    listing.set_defaults(run=_list)

    prepare = commands.add_parser(
        "prepare",
        help="turn a folder into shards; the same command again resumes",
        epilog=_EXAMPLES,
        formatter_class=form,
    )
    prepare.add_argument("source", help="folder of images or videos")
    prepare.add_argument("out", type=Path, help="folder for the shards")
    prepare.add_argument("--size", type=int, default=256, help="pixels of the middle square (256)")
    prepare.add_argument("--frames", type=int, help="prepare videos, of at least so many frames")
    prepare.add_argument("--most-frames", type=int, help="keep only so many frames of a longer video")
    prepare.add_argument("--captions", help=".json (also MS-COCO's), .jsonl, .csv, or a folder of .txt")
    prepare.add_argument(
        "--classes",
        action="store_true",
        help="a file's first folder (below its split) is its class",
    )
    prepare.add_argument("--held-out", type=float, default=0.05, help="share that is held out (0.05)")
    prepare.add_argument("--held-out-folder", help="hold out exactly the files in this folder of the source")
    prepare.add_argument("--group", help="regular expression: files with equal matches stay on one side")
    prepare.add_argument("--vae", help="folder of a diffusers AutoencoderKL; without it, no latents")
    prepare.add_argument("--clip", help="folder of a CLIP text encoder; without it, no text features")
    prepare.add_argument("--latent", choices=("sample", "mean"), default="sample", help="of the posterior")
    prepare.add_argument(
        "--picture", choices=("png", "jpg", "none"), default="png", help="kept beside the latents"
    )
    prepare.add_argument("--shard-samples", type=int, default=256, help="samples per shard (256)")
    prepare.add_argument("--workers", type=int, default=1, help="processes, each with its own encoders (1)")
    prepare.add_argument("--device", default="cpu", help="of the encoders: cpu, cuda, cuda:1 (cpu)")
    prepare.add_argument(
        "--part", default="0/1", help="i/n: every n-th shard from the i-th on, for several jobs"
    )
    prepare.set_defaults(run=_prepare)

    check = commands.add_parser(
        "check", help="read every sample of a folder of shards and list the damaged ones"
    )
    check.add_argument("root", type=Path)
    check.set_defaults(run=_check)
    return parser


def _list(args: argparse.Namespace) -> int:
    for name, data in EMBEDDED.items():
        most = f"to {data.largest}" if data.largest else "or more"
        print(f"{name:14} embedded, {data.smallest} {most} pixels, video: {data.video}")
    for name, prepared in PREPARED.items():
        print(
            f"{name:14} shards, {prepared.title}"
            + (f" with {prepared.condition}" if prepared.condition else "")
        )
    return 0


def _prepare(args: argparse.Namespace) -> int:
    from zigma.data.folders.plan import PrepareRequest
    from zigma.data.folders.prepare import prepare

    names = PrepareRequest.__dataclass_fields__
    options = {key: value for key, value in vars(args).items() if key in names}
    options["picture"] = None if args.picture == "none" else args.picture
    prepare(
        PrepareRequest(**options), args.out, workers=args.workers, device=args.device, part=_part(args.part)
    )
    return 0


def _part(text: str) -> tuple[int, int]:
    i, _, n = text.partition("/")
    if not (i.isdecimal() and n.isdecimal() and int(i) < int(n)):
        raise ValueError(f"part must be i/n with i from 0 to n-1, got {text!r}")
    return int(i), int(n)


def _check(args: argparse.Namespace) -> int:
    from zigma.data.shards.check import check_shards

    if not args.root.is_dir():
        raise ValueError(f"no folder {args.root}")
    count, damaged = check_shards(args.root)
    for name, reason in damaged.items():
        print(printable(f"{name}: {reason}"))
    harm = counted(len(damaged), "damaged member or shard", "damaged members or shards")
    print(f"{counted(count, 'sample')}, {harm}")
    return 1 if damaged else 0


if __name__ == "__main__":
    sys.exit(main())

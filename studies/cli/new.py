"""`new`: write a study of one's own to begin from, with comments, that runs as it is."""

from __future__ import annotations

import argparse
import importlib.util
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from studies.cli.options import PROGRAM
from studies.declare.own import LONGEST_NAME, NAME
from studies.declare.registry import is_taken
from zigma.common.words import WordError

HELP = "write a study of your own to begin from: a Python file that runs as it is"
EXAMPLE = "new my_study"
TEMPLATE = Path(__file__).with_name("study_template.txt")


@dataclass(frozen=True)
class Request:
    """Where the file goes."""

    path: Path


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("name", help="of the study and its file: my_study writes my_study.py here")


def read(args: argparse.Namespace) -> Request:
    """The command line as a request.

    Raises:
        WordError: no file can have the name, a study of the package has it, or such a file is there.
    """
    path = Path(args.name if args.name.endswith(".py") else f"{args.name}.py")
    name = path.name.removesuffix(".py")
    if not NAME.fullmatch(name) or len(os.fsencode(name)) > LONGEST_NAME:
        raise WordError(
            f"{name!r} cannot be a study's name: letters, digits, spaces and _ . + - are allowed, "
            f"a letter or digit first, {LONGEST_NAME} at most"
        )
    if is_taken(name):
        raise WordError(f"a study or table of this package is called {name}: choose another name")
    if path.exists():
        raise WordError(f"{path} is there already, and is left as it is")
    if _is_module(name):
        raise WordError(f"Python has a module {name}, which {path} would hide: choose another name")
    if not path.parent.is_dir():
        raise WordError(f"there is no folder {path.parent}")
    return Request(path)


def _is_module(name: str) -> bool:
    """Whether something else is imported by this name, also by libraries: `python -m` looks here first."""
    if not name.isidentifier():
        return False
    return name in sys.stdlib_module_names or importlib.util.find_spec(name) is not None


def run(request: Request) -> int:
    """Write the file, and say what to do with it."""
    text = TEMPLATE.read_text(encoding="utf-8")
    file = shlex.quote(str(request.path))
    opened = request.path.open("x", encoding="utf-8")  # never over a file that came meanwhile
    try:
        with opened:
            opened.write(text.replace("FILE", file))
    except OSError:  # a full disk: half a study would stand in the way of the next try
        request.path.unlink(missing_ok=True)
        raise
    print(f"written to {request.path}; it runs as it is:")
    print(f"  {PROGRAM} run {file}")
    print(f"  python -m analysis make-tables {file}")
    print(f"  python -m analysis make-figures {file}")
    return 0

"""`python -m zigma.reference [FOLDER]`: a reference of every package as HTML pages, from the docstrings, by pdoc."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from pathlib import Path

from zigma.common.program import carry_out
from zigma.common.words import WordError

PACKAGES = ("zigma", "studies", "analysis")


def build(folder: Path) -> Path:
    """Write the pages; returns the first of them.

    Raises:
        WordError: pdoc is not installed.
    """
    try:
        import pdoc
    except ImportError as error:
        raise WordError("the reference is made by pdoc: pip install 'zigma-studies[docs]'") from error
    for package in PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if module.ispkg:
                show_lazy_names(module.name)
    pdoc.render.configure(docformat="google", math=False)
    pdoc.pdoc(*PACKAGES, output_directory=folder)
    return folder / "index.html"


def show_lazy_names(name: str) -> None:
    """Import what a package offers on demand: pdoc looks at what is there."""
    package = importlib.import_module(name)
    for each in getattr(package, "__all__", ()):
        vars(package).setdefault(each, getattr(package, each))


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m zigma.reference", description=__doc__, epilog="example: python -m zigma.reference"
    )
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path("build/reference"), help="default: build/reference"
    )
    args = parser.parse_args()
    print(f"open {build(args.folder)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(carry_out("zigma.reference", main))

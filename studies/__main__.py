"""`python -m studies`: list, show, run and follow the experiments of the paper."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from keyword import iskeyword
from types import ModuleType

from studies.cli.options import PROGRAM
from zigma.common.program import carry_out, interrupt_again
from zigma.common.words import Command, Parser
from zigma.processor import wait_briefly

wait_briefly()  # in the processes of runs as well: they inherit it

# each a module of studies.cli
COMMANDS = ("list", "show", "run", "try", "new", "status", "logs", "cancel", "doctor", "levels")
EXAMPLES = """examples:
  python -m studies list
  python -m studies show scan_ablation
  python -m studies run scan_ablation --dry-run
  python -m studies run scan_ablation --seeds 3 --only zigzag-8 --set training.steps=4000
"""
RESUMES = "interrupted; the same command resumes from the last checkpoint"


def main(words: list[str] | None = None) -> int:
    """Carry out a command line; returns the exit status."""
    words = sys.argv[1:] if words is None else words
    args = _parser(words[:1]).parse_args(words)
    command = command_module(args.word)
    return carry_out(f"{PROGRAM} {args.word}", lambda: command.run(command.read(args)), RESUMES)


def command_module(word: str) -> ModuleType:
    """The module of a command; a word that Python keeps for itself has an underscore more there (`try_`)."""
    return import_module(f"studies.cli.{word}{'_' if iskeyword(word) else ''}")


def _parser(first: list[str]) -> Parser:
    """With the command that is asked for alone, whose modules are then all that is loaded; else with all of them."""
    parser = Parser(
        prog=PROGRAM,
        description="The experiments of the ZigMa paper: list, show, run.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="word", required=True, metavar="command", parser_class=Command)
    for word in first if set(first) & set(COMMANDS) else COMMANDS:
        command = command_module(word)
        example = f"example: {PROGRAM} {command.EXAMPLE}"
        command.add(commands.add_parser(word, help=command.HELP, description=command.HELP, epilog=example))
    return parser


if __name__ == "__main__":
    sys.unraisablehook = interrupt_again
    sys.exit(main())

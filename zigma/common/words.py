"""One clear line for a wrong word: what was wrong, and what would be right."""

import argparse
import difflib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

LISTED = 60  # right words that a message names one by one


class WordError(ValueError):
    """A wrong word of the user: shown as one line, exit status 2."""


class Problems(WordError):
    """Several at once: a line for each."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = list(lines)
        super().__init__("; ".join(self.lines))


def unknown(kind: str, word: str, choices: Iterable[str]) -> WordError:
    """The error for a `word` that is none of the `choices`, with the nearest first."""
    choices = list(dict.fromkeys(choices))
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    near = near or [right for right in choices if sorted(right) == sorted(word)]  # letters in another order
    hint = f"did you mean {near[0]!r}? " if near else ""
    more = f" and {len(choices) - LISTED} more" if len(choices) > LISTED else ""
    others = f"known: {listed(choices[:LISTED])}{more}" if choices else "there are none"
    return WordError(f"unknown {kind} {shown(word)!r}: {hint}{others}")


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """A number and what it counts: `1 run`, `2 runs`, `1,000 images`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def shown(word: str, most: int = 200) -> str:
    """A word as a message repeats it: on one line, and of a long one its beginning."""
    line = " ".join(word.split())
    return line if len(line) <= most else f"{line[:most]}..."


def listed(words: Iterable[str]) -> str:
    """Names side by side; those that hold a comma themselves between quotation marks."""
    return ", ".join(f"'{word}'" if "," in word else word for word in words) or "none"


def printable(text: str) -> str:
    """Text out of files that others wrote, without the control characters that a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\t" else "?" for c in text)


def one_line(text: object, most: int | None = None) -> str:
    """A text, or what an error says, on one line that no terminal obeys; of a long one its first letters."""
    return printable(" ".join(str(text).split()))[:most]


def first_line(fault: BaseException) -> str:
    """What a fault says, in one line; what it is called where it says nothing."""
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0]


def results_folder(text: str) -> Path:
    """`--results DIR`: a folder that is there, or that can be made."""
    path = Path(text)
    if not path.is_dir() and any(parent.exists() and not parent.is_dir() for parent in (path, *path.parents)):
        raise argparse.ArgumentTypeError(f"{path} is not a folder")
    return path


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line on stderr, and that takes no option for another it begins like."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


class Command(Parser):
    """The parser of one command of a program. It refuses itself what it does not know, and so names its own help."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        known, others = super().parse_known_args(args, namespace)
        if others:
            self.error(f"unrecognized arguments: {' '.join(others)}")
        return known, others


def fail(program: str, error: Exception) -> NoReturn:
    """Print an error as one line, `Problems` as a line each, and leave with status 2."""
    for line in error.lines if isinstance(error, Problems) else [str(error)]:
        print(f"{program}: {' '.join(line.split())}", file=sys.stderr)
    raise SystemExit(2)

"""What a finding is: something wrong in the paper or the released code, with the facts that show it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from analysis.claims.findings.released import LINES, Line
from studies.declare.shipped import shipped

SEED = 2403_13802  # of every generator here: the same numbers each time


@dataclass(frozen=True)
class Fact:
    """A number or a fact computed again beside what is stated of it."""

    what: str
    computed: str
    stated: str
    agrees: bool  # with the finding


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, and how to see it."""

    name: str  # P1
    of: str  # "the paper" or "the released code"
    says: str
    here: str  # what this project does about it
    show: Callable[[], list[Fact]]
    also: str = ""  # another command that shows it, at greater length
    in_code_alone: bool = (
        False  # what is computed is what this project does; only a checkout shows the finding
    )

    @property
    def command(self) -> str:
        return f"python -m analysis findings {self.name}"

    @property
    def lines(self) -> tuple[Line, ...]:
        return LINES.get(self.name, ())


@cache
def printed_values() -> dict[tuple[str, str, str], str]:
    """(table, row, column) -> what the paper prints."""
    with (shipped() / "paper" / "values.csv").open(encoding="utf-8") as file:
        return {(row["table"], row["row"], row["column"]): row["value"] for row in csv.DictReader(file)}

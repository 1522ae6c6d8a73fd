"""Numbers and tables in a document that stand between markers, so that they can be written and checked.

<!-- from: table_1 / tiny / digits-8 ; 256 FID ; fd_digits -->        a part of a table, some of its columns
<!-- from: ranking / desk / fields-8 ; first 10 -->                    its first rows
<!-- from: table_1 / tiny / digits-8 / zigzag-8 / fd_digits -->       one cell
<!-- from: claims / hilbert-is-hard / tiny -->                         a verdict; without scale, the whole one
<!-- from: claims -->                                                  every verdict on what was tried, as a table
<!-- from: agreement / scan_ablation / tiny / digits-8 -->             pairs of arms in the paper's order
<!-- from: agreement -->                                               all of them with rank correlations, as a table
<!-- from: predicted / scan_ablation / desk / digits-8 / unit_steps -->  how often that measure of plans was right
<!-- from: file results/benchmarks/scan.md -->                         a file, word for word
... <!-- end -->
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.claims.show import correlations, overview
from analysis.derived import Derived
from analysis.tables.render import part_lines, text
from analysis.tables.values import Part
from zigma.common.words import WordError, unknown

SPAN = re.compile(r"<!-- from: (?P<source>[^\n]*?) -->(?P<shown>.*?)<!-- end -->", flags=re.DOTALL)
BEGIN = re.compile(r"<!-- from: ")
FIRST = re.compile(r"first (\d+)")  # so many rows of a part
FENCE = re.compile(r"```.*?```", flags=re.DOTALL)
# what looks like a result: a value with an interval, or a decimal number in a row of a table
INTERVAL = re.compile(r"\d(?:\.\d+)?\s*±\s*(?:\d|—)|\d\.\d+ \[-?\d+\.\d+, -?\d+\.\d+\]")
ROW = re.compile(r"^\|.*\d\.\d.*\|\s*$", flags=re.MULTILINE)


@dataclass(frozen=True)
class Span:
    """A place in a document between markers."""

    source: str
    shown: str
    line: int


def spans(document: str) -> list[Span]:
    """Every marked place of a document, examples in code blocks left out.

    Raises:
        WordError: a marker without its end.
    """
    document = blank(document, FENCE)
    marked = [
        Span(m["source"].strip(), m["shown"], document.count("\n", 0, m.start()) + 1)
        for m in SPAN.finditer(document)
    ]
    if len(marked) != len(BEGIN.findall(document)):
        raise WordError("a marker <!-- from: ... --> has no <!-- end -->")
    return marked


def unmarked(document: str) -> list[tuple[int, str]]:
    """Lines that hold what looks like a result and stand between no markers: (line, what)."""
    left = blank(blank(document, FENCE), SPAN)
    lines: dict[int, str] = {}
    for pattern in (INTERVAL, ROW):
        for match in pattern.finditer(left):
            line = left.count("\n", 0, match.start()) + 1
            lines.setdefault(line, left.splitlines()[line - 1].strip())
    return sorted(lines.items())


def blank(document: str, pattern: re.Pattern[str]) -> str:
    """What matches replaced by as many empty lines, so that line numbers stay."""
    return pattern.sub(lambda m: "\n" * m[0].count("\n"), document)


def fill(document: str, quotes: Quotes) -> str:
    """The document with what stands between its markers written anew."""
    fences = [m.span() for m in FENCE.finditer(document)]

    def write(match: re.Match[str]) -> str:
        if any(start <= match.start() < end for start, end in fences):
            return match[0]
        return f"<!-- from: {match['source']} -->{quotes.of(match['source'].strip())}<!-- end -->"

    return SPAN.sub(write, document)


@dataclass(frozen=True)
class Quotes:
    """What the records give for a source; files are looked for below `root`."""

    derived: Derived
    root: Path

    def of(self, source: str) -> str:
        """The text that belongs between the markers of a source.

        Raises:
            WordError: nothing has the name of the source.
        """
        kind, *rest = [part.strip() for part in source.split(" / ")]
        if kind.startswith("file "):
            return self._file(kind.removeprefix("file ").strip())
        kinds: Mapping[str, Callable[[list[str]], str]] = {
            "claims": self._claim,
            "agreement": self._agreement,
            "predicted": self._predicted,
        }
        if kind in kinds:
            return kinds[kind](rest)
        return self._table(kind, rest)

    def _table(self, file: str, rest: list[str]) -> str:
        tables = self.derived.tables
        if file not in tables:
            raise unknown("table", file, [*tables, "claims", "agreement", "predicted", "file PATH"])
        if len(rest) not in (2, 4):
            raise WordError(f"{file} takes SCALE / SETTING, or SCALE / SETTING / ROW / COLUMN, not {rest}")
        scale, setting, *cell = rest
        setting, *words = [word.strip() for word in setting.split(" ; ")]
        columns = [word for word in words if not FIRST.fullmatch(word)]
        parts = tables[file].parts
        part = next((p for p in parts if (p.scale, p.setting) == (scale, setting)), None)
        if part is None:
            places = ", ".join(f"{p.scale} / {p.setting}" for p in parts)
            raise WordError(f"{file} has no part {scale} / {setting}; it has: {places}")
        for number in (match[1] for word in words if (match := FIRST.fullmatch(word))):
            part = replace(part, rows=part.rows[: int(number)])
        return _cell(part, *cell) if cell else f"\n{_part(part, columns)}\n"

    def _claim(self, rest: list[str]) -> str:
        verdicts = {verdict.name: verdict for verdict in self.derived.evidence.verdicts}
        if not rest:
            return "\n" + "\n".join(overview(list(verdicts.values()))) + "\n"
        name, *scale = rest
        if name not in verdicts:
            raise unknown("claim", name, verdicts)
        verdict = verdicts[name]
        if not scale:
            return verdict.verdict
        at = {judged.scale: judged.verdict for judged in verdict.at}
        if scale[0] not in at:
            raise unknown("scale", scale[0], at)
        return at[scale[0]]

    def _agreement(self, rest: list[str]) -> str:
        agreements = self.derived.evidence.agreements
        if not rest:
            return "\n" + "\n".join(correlations(agreements)) + "\n"
        named = [a for a in agreements if [a.study, a.scale, a.setting] == rest]
        if not named:
            places = [f"{a.study} / {a.scale} / {a.setting}" for a in agreements]
            raise unknown("agreement", " / ".join(rest), places)
        ranks = named[0].ranks
        return f"{ranks.agree} of {ranks.pairs}"

    def _predicted(self, rest: list[str]) -> str:
        items = {
            " / ".join((item.study, item.scale, item.setting, item.measure)): item
            for item in self.derived.evidence.predicted
        }
        name = " / ".join(rest)
        if name not in items:
            raise unknown("prediction", name, items)
        return f"{items[name].right} of {items[name].decisions}"

    def _file(self, name: str) -> str:
        path = self.root / name
        if not path.resolve().is_relative_to(self.root.resolve()) or not path.is_file():
            raise WordError(f"file {name} is not there")
        return f"\n{path.read_text(encoding='utf-8').rstrip()}\n"


def _column(part: Part, name: str) -> int:
    labels = [column.label for column in part.columns]
    if name in labels:
        return labels.index(name)
    of_several = [column.label for column in part.columns if column.name == name]  # one for each protocol
    if of_several:
        raise WordError(f"there are several columns {name}: {', '.join(of_several)}")
    raise unknown("column", name, labels)


def _cell(part: Part, row: str, column: str) -> str:
    rows = dict(part.rows)
    if row not in rows:
        raise unknown("row", row, rows)
    return text(rows[row][_column(part, column)])


def _part(part: Part, names: Sequence[str]) -> str:
    return "\n".join(part_lines(part, [_column(part, name) for name in names] or None))

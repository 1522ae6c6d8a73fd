"""A table in its four forms."""

import csv
import io
import math
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.stats import SeedMean
from analysis.tables.render import as_csv, latex, markdown, number, terminal, tex, text
from analysis.tables.render.text import in_markdown
from analysis.tables.values import Column, Exact, NoNumber, Note, Part, Ranged, Row, Table

PART = Part(
    "tiny",
    "digits_8",
    "Scale tiny, setting digits_8",
    (
        Column("paper", "FID"),
        Column("ours", "fd_digits", "lower", "fd_digits"),
        Column("ours", "images/s", "higher"),
    ),
    (
        Row("sweep", (158.1, SeedMean(12.345678, 0.234, 3), Exact(133.8))),
        Row("zigzag-8", (None, None, Ranged(5.0, 4.5, 6.25))),
        Row("mine|yours", (None, NoNumber.FAILED, NoNumber.STALE)),
    ),
    (Note("other", "a note at 100 % < ~ {x} $5 \\o/"),),
)
TABLE = Table("Table 0", "table_0", "A & B at 100 %", (PART, PART), (Note("other", "a last note"),))


def test_cells() -> None:
    assert text(None) == "—"
    assert text(158.1) == "158.1"
    assert text(121.0) == "121.0"
    assert text(SeedMean(12.345678, 0.234, 3)) == "12.35 ± 0.23"
    assert text(SeedMean(12345.6, 234.0, 3)) == "12346 ± 234"
    assert text(SeedMean(0.5, math.nan, 1)) == "0.5 ± —"
    assert text(SeedMean(0.5, 0.0, 2)) == "0.5 ± 0"
    assert text(SeedMean(0.1625, 3e-16, 5)) == "0.1625 ± 0"  # the same number, added up in another order
    assert text(SeedMean(1.0, 1e-9, 2)) == "1.0000000000e+00 ± 1.0e-09"
    assert text(SeedMean(1e308, math.inf, 3)) == "1.000e+308 ± —"  # of a run that diverged
    assert text(SeedMean(1e200, 3e199, 3)) == "1.000e+200 ± 3.0e+199"
    assert text(Exact(133.8278)) == "133.83"
    assert text(Exact(12.0)) == "12"
    assert text(Ranged(5.0, 4.5, 6.25)) == "5 (4.5 to 6.25)"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (100.0, "100"),
        (1234567.0, "1234567"),
        (0.00123, "0.00123"),
        (1e-5, "1.000e-05"),
        (math.inf, "inf"),
    ],
)
def test_numbers(value: float, shown: str) -> None:
    assert number(value) == shown


def test_markdown_lines_up() -> None:
    rows = [line for line in markdown(TABLE).splitlines() if line.startswith("|")]
    assert len({len(row) for row in rows}) == 1
    assert len(rows) == 2 * 5
    assert r"mine\|yours" in rows[4]


def test_a_long_name_cuts_no_number() -> None:
    column = Column("ours", "fd", metric="fd_digits")
    rows = (Row("a name that goes on " * 4, (SeedMean(1.234e-9, 1e-12, 3),)), Row("zigzag-8", (0.169,)))
    table = Table("Table 1", "t", "c", (Part("tiny", "s", "T", (column,), rows, ()),))
    for width in (30, 60, 100):
        out = terminal(table, width)
        assert "1.2340e-09" in out
        assert "0.169" in out
        assert "…" not in out


def test_terminal_keeps_to_the_width_and_loses_no_column() -> None:
    for width in (60, 80, 200):
        out = terminal(TABLE, width)
        assert max(map(len, out.splitlines())) <= width
        for cell in ("158.1", "12.35 ± 0.23", "133.8", "5 (4.5 to 6.25)", "stale"):
            assert out.count(cell) == 2, cell
    narrow = Table(
        "T",
        "t",
        "c",
        (Part("tiny", "s", "t", PART.columns * 4, tuple(Row(n, c * 4) for n, c in PART.rows), ()),),
    )
    lines = terminal(narrow, 70).splitlines()
    assert max(map(len, lines)) <= 70
    assert sum(line.startswith("sweep") for line in lines) > 1


def test_latex_is_balanced_and_escaped() -> None:
    out = latex(TABLE)
    assert out.count("{") == out.count("}")
    assert r"A \& B at 100 \%" in out
    assert r"digits\_8" in out
    assert r"\cmidrule(lr){2-2}\cmidrule(lr){3-4}" in out
    body = [line for line in out.splitlines() if line.endswith(r"\\")]
    assert all(line.count("&") - line.count(r"\&") == 3 for line in body if "multicolumn" not in line)
    assert tex("Ωж字☃") == "Ωж字?"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX here")
def test_latex_compiles_alone_and_inside_a_document(tmp_path: Path) -> None:
    (tmp_path / "table_0.tex").write_text(latex(TABLE), encoding="utf-8")
    (tmp_path / "paper.tex").write_text(
        r"\documentclass{article}\usepackage{booktabs,graphicx}\begin{document}"
        r"\input{table_0}\input{table_0} the end\end{document}",
        encoding="utf-8",
    )
    for name in ("table_0", "paper"):
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", name],
            cwd=tmp_path,
            capture_output=True,
        )
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-800:]
        assert (tmp_path / f"{name}.pdf").stat().st_size > 5000


def test_csv_keeps_every_digit() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(TABLE))))
    ours = next(row for row in rows if row["arm"] == "sweep" and row["column"] == "fd_digits")
    assert float(ours["value"]) == 12.345678
    assert (ours["half_width_95"], ours["seeds"], ours["scale"], ours["source"]) == (
        "0.234",
        "3",
        "tiny",
        "ours",
    )
    assert next(row for row in rows if row["arm"] == "zigzag-8")["value"] == ""


HOSTILE = "a|b_c %d\n\x1b[31m\u202e=1 **x** `y` <script> \\input{z} [t](u)"


def hostile_table() -> Table:
    columns = (
        Column("paper", HOSTILE),
        Column("ours", HOSTILE, number=2, metric=HOSTILE, setting="=HYPERLINK()"),
    )
    rows = (Row(HOSTILE, (1.0, "=cmd()")), Row("-2+3", (None, "@sum")), Row("_emphasis_", (2.0, None)))
    return Table(
        "Table 0", "t", HOSTILE, (Part("tiny", "s", HOSTILE, columns, rows, (Note("other", HOSTILE),)),)
    )


def test_hostile_names_reach_no_format_as_its_own() -> None:
    table = hostile_table()
    for out in (markdown(table), latex(table), as_csv(table), terminal(table, 400)):
        assert "\x1b" not in out
        assert "\u202e" not in out
    rows = [line for line in markdown(table).splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 3
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 4 for row in rows)  # three cells, whatever is in them
    assert not re.search(r"(?<!\\)[*`<]", "".join(rows).replace("\\*\\*", ""))
    assert r"\_emphasis\_" in rows[-1]
    assert r"\input{" not in latex(table)
    body = latex(table).split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
    assert [len(re.findall(r"(?<!\\)&", line)) for line in body] == [2, 2, 2]


def test_no_cell_of_a_csv_is_a_formula() -> None:
    rows = list(csv.reader(io.StringIO(as_csv(hostile_table()))))
    assert len(rows) == 1 + 6
    text_columns = [i for i, name in enumerate(rows[0]) if name not in ("value", "half_width_95", "seeds")]
    assert not [row[i] for row in rows for i in text_columns if row[i][:1] in tuple("=+-@\t\r")]
    assert {row[rows[0].index("value")] for row in rows[1:]} >= {"'=cmd()", "'@sum", "1.0"}


def test_names_stay_readable_as_plain_text() -> None:
    assert in_markdown("fd_digits [1]: n_generated 500") == "fd_digits [1]: n_generated 500"
    assert in_markdown("_a_ b_ [x](y)") == r"\_a\_ b\_ [x\](y)"


def test_levels_stand_below_the_arms_in_every_format() -> None:
    part = replace(PART, levels=(Row("one pixel", (None, Exact(7.5), None)),))
    table = replace(TABLE, parts=(part,), notes=())
    assert [row for row in markdown(table).splitlines() if row.startswith("|")][-1].startswith("| one pixel")
    assert latex(table).count(r"\midrule") == 2
    assert latex(table).index("one pixel") > latex(table).rindex(r"\midrule")
    assert "7.5" in terminal(table, 100)
    assert [row["arm"] for row in csv.DictReader(io.StringIO(as_csv(table)))][-1] == "one pixel"

"""A table in its three forms."""

import csv
import io
import math

from analysis.stats import Estimate
from analysis.table import Column, Table, as_csv, latex, markdown, text

TABLE = Table(
    "Table 0",
    "A & B at 100 %",
    (Column("paper", "FID"), Column("tiny digits_8", "fd_digits")),
    (
        ("sweep", (158.1, Estimate(12.345678, 0.234, 3))),
        ("zigzag-8", (None, None)),
        ("mine", (None, "failed")),
    ),
    ("a note",),
)


def test_cells() -> None:
    assert text(None) == "—"
    assert text(158.1) == "158.1"
    assert text(Estimate(12.345678, 0.234, 3)) == "12.35 ± 0.23"
    assert text(Estimate(12345.6, 234.0, 3)) == "12346 ± 234"
    assert text(Estimate(0.5, math.nan, 1)) == "0.5 ± —"
    assert text(Estimate(0.5, 0.0, 2)) == "0.5000 ± 0.0000"


def test_markdown_lines_up() -> None:
    rows = [line for line in markdown(TABLE).splitlines() if line.startswith("|")]
    assert len({len(row) for row in rows}) == 1
    assert len(rows) == 5


def test_latex_is_balanced_and_escaped() -> None:
    out = latex(TABLE)
    assert out.count("{") == out.count("}")
    assert r"A \& B at 100 \%" in out
    assert r"digits\_8" in out
    assert r"\cmidrule(lr){2-2}" in out
    body = [line for line in out.splitlines() if line.endswith(r"\\")]
    assert all(line.count("&") - line.count(r"\&") == 2 for line in body)


def test_csv_keeps_every_digit() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(TABLE))))
    ours = next(row for row in rows if row["arm"] == "sweep" and row["column"] == "fd_digits")
    assert float(ours["value"]) == 12.345678
    assert (ours["half_width_95"], ours["seeds"]) == ("0.234", "3")
    assert next(row for row in rows if row["arm"] == "zigzag-8")["value"] == ""

"""Tables as LaTeX with booktabs: pandas writes the tabular, the rest makes it a table that fits its page."""

from __future__ import annotations

import unicodedata
from itertools import groupby

from analysis.tables.render.text import strings
from analysis.tables.values import Part, Table
from zigma.common.words import one_line

_TEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "$": r"\$",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    "—": "---",
    "–": "--",
    "·": r"$\cdot$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": r"$-$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "→": r"$\rightarrow$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "²": r"$^2$",
    "…": r"\ldots{}",
}
# A file compiles by itself and can be \input in a document: \@nodocument is \relax once a document has begun.
_ALONE = r"""\expandafter\ifx\csname @nodocument\endcsname\relax\else
  \documentclass{article}
  \usepackage[utf8]{inputenc}
  \usepackage[margin=2cm]{geometry}
  \usepackage{booktabs,graphicx}
  \def\zigmatable{}
  \begin{document}
\fi"""
LATIN = 0x180  # up to here LaTeX has all letters itself
_END = r"""\ifdefined\zigmatable\end{document}\fi"""


def tex(words: str) -> str:
    """Text with what LaTeX would read as its own escaped; other signs than letters and numbers as a question mark."""
    return "".join(_TEX.get(sign, sign if _kept(sign) else "?") for sign in one_line(words))


def _kept(sign: str) -> bool:
    return ord(sign) < LATIN or unicodedata.category(sign)[0] in "LMN"


def latex(table: Table) -> str:
    """A `table` environment per part: compiles as it is, or `\\input` where booktabs and graphicx are loaded."""
    parts = [_environment(table, part) for part in table.parts]
    head = f"% {one_line(table.name)}: written by analysis from records"
    if any(ord(sign) >= LATIN for part in parts for sign in part):
        head += "\n% With letters beyond Latin: compile by XeLaTeX or LuaLaTeX, in a font that has them"
    return "\n".join([head, _ALONE, *parts, _END, ""])


def _ended(words: str) -> str:
    """A sentence with its mark."""
    return words if words.endswith((".", "?", "!")) else f"{words}."


def _environment(table: Table, part: Part) -> str:
    of = " of the paper, rebuilt: " if table.name.startswith(("Table", "Figure")) else ": "
    caption = f"{_ended(f'{table.name}{of}{table.caption}')} {_ended(part.title)}"
    notes = [rf"\item {tex(str(note))}." for note in (*part.notes, *table.notes)]
    return "\n".join(
        [
            r"\begin{table}[htbp]",
            r"\centering\small\setlength{\tabcolsep}{4pt}\setlength{\belowcaptionskip}{6pt}",
            rf"\caption{{{tex(caption)}}}",
            r"\setbox0=\hbox{" + _tabular(part) + "}",
            r"\ifdim\wd0>\linewidth\resizebox{\linewidth}{!}{\box0}\else\box0\fi",
            *([r"\begin{itemize}\footnotesize\raggedright", *notes, r"\end{itemize}"] if notes else []),
            r"\end{table}",
        ]
    )


def _tabular(part: Part) -> str:
    """The rows with rules, and a rule below each group of columns, which pandas does not draw."""
    frame = strings(part).map(tex)
    # behind the end of a row LaTeX would take a star, or a bracket, for an option of it
    frame.iloc[:, 0] = frame.iloc[:, 0].map(lambda name: "{}" + name if name.startswith(("[", "*")) else name)
    frame.columns = frame.columns.map(lambda head: tuple(map(tex, head)))
    style = frame.style.hide(axis="index")
    tabular: str = style.to_latex(
        hrules=True, multicol_align="c", column_format=f"l{'r' * len(part.columns)}"
    ).strip()
    start, rules = 2, ""
    for _, members in groupby(column.group for column in part.columns):
        width = len(list(members))
        rules += rf"\cmidrule(lr){{{start}-{start + width - 1}}}"
        start += width
    lines = tabular.splitlines()
    lines.insert(3, rules)  # below \begin, \toprule and the row of groups
    if part.levels:
        lines.insert(len(lines) - 2 - len(part.levels), r"\midrule")  # above \bottomrule and \end
    return "\n".join(lines)

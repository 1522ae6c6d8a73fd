"""Every scan that is recorded in one setting of fields, best first, and how much of its excess it cannot see."""

from __future__ import annotations

from matplotlib.figure import Figure

from analysis.figures.exact import PER_ARM, ROW, draw_parts, excess_row, in_words
from analysis.figures.notes import provenance
from analysis.figures.picture import Missing, Picture
from analysis.metrics import EXCESS
from analysis.records import Records
from analysis.style import SMALL, WIDTH
from analysis.tables.ranking import FEWEST, pooled


def figure_ranking(records: Records) -> Picture | Missing:
    """A panel for each setting of fields with enough scans."""
    rows = [
        row for pool in pooled(records) if (row := excess_row(pool)) is not None and len(row.arms) >= FEWEST
    ]
    if not rows:
        return Missing("python -m studies run scan_zoo --scale desk --setting fields-8")
    heights = [ROW + PER_ARM * len(row.arms) for row in rows]
    notes = (
        "Dark bars: the least excess that any network reaches that sees what the scan lets through its depth.",
        "Dashed line: the best predictor that sees one token, for which no scan is needed.",
        *dict.fromkeys(note for row in rows for note in provenance(row.part, EXCESS)),
    )

    def draw(figure: Figure) -> None:
        panels = figure.subplots(len(rows), 1, squeeze=False, height_ratios=heights)[:, 0]
        for ax, row in zip(panels, rows, strict=True):
            draw_parts(ax, row.arms, row.one_token)
            ax.margins(y=0.01)
            ax.set_title(f"{row.part.scale}, {row.part.setting}")
        panels[0].legend(loc="upper center", fontsize=SMALL)

    behind = tuple(record for row in rows for record in row.part.records)
    return Picture((WIDTH, sum(heights)), draw, " ".join(map(in_words, rows)), notes, behind)

"""The page as HTML and as PNG, each one file."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from analysis.card.content import Card
from analysis.card.draw import pictures
from analysis.card.measured import times
from analysis.figures.picture import Picture
from analysis.report.svg import inline_svg
from analysis.report.template import fill_template
from zigma.common.files import replace_text, replacing

HERE = Path(__file__).parent
STYLE = HERE.parent / "report" / "style.css"
COLUMNS = 78  # of the verdict on the picture


def write_card(card: Card, folder: Path, command: str) -> tuple[Path, Path]:
    """Write both below `folder`; returns HTML and PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = "try-" + re.sub(r"[^\w.+-]+", "_", card.trial.name)
    page, picture = folder / f"{stem}.html", folder / f"{stem}.png"
    drawn = pictures(card)
    replace_text(page, render(card, drawn, command))
    with replacing(picture) as beside:
        draw(card, drawn, beside)
    return page, picture


def render(card: Card, drawn: dict[str, Picture], command: str) -> str:
    """The page as text."""
    return fill_template(
        HERE / "card.html.j2",
        card=card,
        name=card.trial.arm.name,
        times=times,
        command=command,
        style=STYLE.read_text(encoding="utf-8"),
        pictures={head: inline_svg(one, f"p{i}") for i, (head, one) in enumerate(drawn.items())},
    )


def draw(card: Card, drawn: dict[str, Picture], path: Path) -> None:
    """All pictures below the verdict and what was run."""
    from matplotlib.figure import Figure

    from analysis.style import style

    lines = [card.verdict, *(f"not recorded: {line}" for line in card.missing), *card.what_was_run]
    words = [part for line in lines for part in textwrap.wrap(line, COLUMNS)]
    top = 0.3 + 0.15 * len(words)
    heights = [top, *(one.size[1] + 0.35 for one in drawn.values())]
    with style():
        figure = Figure(figsize=(5.4, sum(heights)), layout="constrained")
        parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
        parts[0].text(0.02, 0.95, "\n".join(words), va="top", fontsize=8.5, parse_math=False)
        for part, (head, one) in zip(parts[1:], drawn.items(), strict=True):
            part.suptitle(head, fontsize=9, fontweight="bold", x=0.02, ha="left")
            one.draw(part)
        figure.savefig(path, metadata={"Software": None})

"""A picture as SVG that can stand inside a page beside others, a fraction of the file's size."""

from __future__ import annotations

import html
import io
import re
from typing import Any

from analysis.figures.picture import Picture
from analysis.report.images import smaller

FONT = "DejaVu Sans, Verdana, sans-serif"  # Verdana is as wide, so that words keep to their places
PNG = re.compile(r"data:image/png;base64,[\w+/=\s]+")
TAG = re.compile(r"<[^>]+>")
NUMBER = re.compile(r"(?<![\w.#-])-?\d+\.\d+")
REFERENCE = re.compile(r'(href="#|url\(#)([^")]+)')


def inline_svg(picture: Picture, name: str) -> str:
    """The picture as an `svg` element with a title; every id begins with `name`, so that two never collide.

    Its text stays text, and it scales with the page.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from analysis.style import style

    out = io.StringIO()
    with style(), rc_context({"svg.fonttype": "none", "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=picture.size, layout="constrained")
        picture.draw(figure)
        nothing: dict[str, Any] = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(out, format="svg", metadata=nothing)
    return embed(out.getvalue(), name, picture.alt)


def embed(svg: str, name: str, alt: str) -> str:
    """The text of an SVG file as an element of a page; `name` must be unlike that of any other there."""
    svg = PNG.sub(lambda found: smaller(found[0]), svg[svg.index("<svg") :])
    for left_out in (r"<metadata>.*?</metadata>", r"<!--.*?-->", r"<style.*?</style>"):
        svg = re.sub(left_out, "", svg, flags=re.DOTALL)
    svg = svg.replace("DejaVu Sans", FONT).replace(f"'{FONT}'", FONT)
    svg = TAG.sub(
        lambda tag: NUMBER.sub(_rounded, tag[0]), svg
    )  # what is written between tags stays as it is
    svg = re.sub(r"\s*\n(?=[A-Zz])", "", svg)  # between the commands of a path
    svg, styles = _classes(_own_ids(re.sub(r">\s+<", "><", svg), name), name)
    head, rest = svg.split(">", 1)
    box = re.search(r'viewBox="[^"]+"', head)
    assert box is not None
    opened = (
        f'<svg {box[0]} role="img" aria-labelledby="{name}-alt" xmlns:xlink="http://www.w3.org/1999/xlink">'
    )
    return f'{opened}<title id="{name}-alt">{html.escape(alt)}</title><style>{styles}</style>{rest}'


def _rounded(found: re.Match[str]) -> str:
    """A tenth of a point is less than can be seen, but not of a line's width."""
    value = float(found[0])
    return f"{value:.{1 if abs(value) >= 10 else 2}f}".rstrip("0").rstrip(".")


def _own_ids(svg: str, name: str) -> str:
    """Ids that are referred to get new ones that begin with `name`; the others go."""
    wanted = dict.fromkeys(found for _, found in REFERENCE.findall(svg))
    new = {old: f"{name}-{i}" for i, old in enumerate(wanted)}
    svg = REFERENCE.sub(lambda found: found[1] + new[found[2]], svg)
    return re.sub(r' id="([^"]+)"', lambda f: f' id="{new[f[1]]}"' if f[1] in new else "", svg)


def _classes(svg: str, name: str) -> tuple[str, str]:
    """Styles that are repeated, as classes: the elements, and the style sheet."""
    known: dict[str, str] = {}

    def classed(found: re.Match[str]) -> str:
        return f' class="{known.setdefault(found[1], f"{name}_{len(known)}")}"'

    svg = re.sub(r' style="([^"]+)"', classed, svg)
    return svg, "".join(f".{key}{{{style}}}" for style, key in known.items())

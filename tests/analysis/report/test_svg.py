"""Pictures inside the page: ids apart, words and numbers as drawn, a title that is read aloud."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from analysis.figures.catalogue import pictures
from analysis.figures.picture import Picture
from analysis.figures.series import Band
from analysis.figures.trends import draw_trend
from analysis.records import load
from analysis.report.svg import embed, inline_svg, inline_svgs


def ids_of(svg: str) -> list[str]:
    return re.findall(r' id="([^"]+)"', svg)


def test_two_pictures_share_no_id_and_every_reference_is_met(recorded: Path) -> None:
    drawings = pictures(["figure_4", "figure_6", "figure_8"], load(recorded), recorded)
    made = inline_svgs({name: p for name, p in drawings.items() if isinstance(p, Picture)})
    svgs = list(made.values())
    assert list(made) == list(drawings)
    every = [name for svg in svgs for name in ids_of(svg)]
    assert len(svgs) == 3
    assert len(every) == len(set(every))
    for svg in svgs:
        references = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg)
        assert {a or b for a, b in references} <= set(ids_of(svg))
        classes = {name for names in re.findall(r'class="([^"]+)"', svg) for name in names.split()}
        assert classes == set(re.findall(r"\.([\w-]+)\{", svg))


def test_numbers_that_are_read_stay_as_they_are() -> None:
    def draw(figure: Figure) -> None:
        ax = figure.subplots()
        ax.set(xlim=(0, 1), xticks=[0.0, 1.0], xticklabels=["0.0", "61.675"], title="v1.250 < 2")

    root = ET.fromstring(inline_svg(Picture((3, 2), draw, 'a "title" & <more>'), "x"))
    texts = ["".join(element.itertext()) for element in root.iter() if element.tag.endswith("text")]
    assert {"0.0", "61.675", "v1.250 < 2"} <= set(texts)
    assert root[0].text == 'a "title" & <more>'
    assert root.get("aria-labelledby") == "x-alt"


def test_coordinates_are_shortened() -> None:
    file = (
        '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><!-- c -->'
        "<metadata>m</metadata>"
        '<path id="never" d="M 12.345678 0.123456 \nL 3 4 \n" style="fill: #012345"/></svg>'
    )
    made = embed(file, "n", "alt")
    assert 'd="M 12.3 0.12L 3 4' in made
    assert "fill: #012345" in made
    assert not {"never", "metadata", "<!--"} & {
        word for word in ("never", "metadata", "<!--") if word in made
    }


HOSTILE = 'a style="} * {display:none} .x{" </style><script>1</script> id="x" $\\frac{$ \x1b[31m\nnext'


def test_what_a_name_says_is_never_markup() -> None:
    """CSS in an arm's name was matched as style, and blanked the page."""
    band = Band(np.array([1.0, 2.0]), np.array([2.0, 1.0]), np.array([0.1, 0.1]), 3)

    def draw(figure: Figure) -> None:
        ax = figure.subplots()
        draw_trend(ax, {HOSTILE: band}, "loss")
        ax.set_title(HOSTILE)

    svg = inline_svg(Picture((4, 3), draw, HOSTILE), "x")
    root = ET.fromstring(svg.replace("\x1b", "?"))
    styles = [element.text or "" for element in root.iter() if element.tag.endswith("style")]
    assert len(styles) == 1
    assert "display" not in styles[0]
    assert not [element for element in root.iter() if element.tag.endswith("script")]
    words = ["".join(element.itertext()) for element in root.iter() if element.tag.endswith("text")]
    assert any('style="} * {display:none} .x{" </style><script>1' in text for text in words), "shown as it is"
    assert "\x1b" not in "".join(words)

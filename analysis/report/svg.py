"""A picture as SVG that can stand inside a page beside others, a fraction of the file's size."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

from analysis.figures.picture import Picture
from analysis.report.images import smaller
from zigma.common.forked import map_forked

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
HREF = f"{{{XLINK}}}href"
FONT = "DejaVu Sans, Verdana, sans-serif"  # Verdana is as wide, so that words keep to their places
LEFT_OUT = {f"{{{SVG}}}{name}" for name in ("metadata", "style")}
NUMBER = re.compile(r"(?<![\w.#-])-?\d+\.\d+")
REFERENCE = re.compile(r"url\(#([^)]+)\)")
NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
HARMLESS = re.compile(r"[\w\s:;#.,%()'+-]*")  # of a style: nothing that ends it or begins another rule

ET.register_namespace("", SVG)
ET.register_namespace("xlink", XLINK)


def inline_svgs(pictures: Mapping[str, Picture]) -> dict[str, str]:
    """Every picture by `inline_svg`: on several cores, since drawing is what takes a page's time."""
    named = [(picture, f"p{i}") for i, picture in enumerate(pictures.values())]
    drawn = map_forked(lambda place: inline_svg(*named[place]), range(len(named)))
    return dict(zip(pictures, drawn, strict=True))


def inline_svg(picture: Picture, name: str) -> str:
    """The picture as an `svg` element with a title; every id begins with `name`, so that two never collide.

    Its text stays text, and it scales with the page.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from analysis.style import style

    out = io.StringIO()
    with style(), rc_context({"svg.fonttype": "none"}):
        figure = Figure(figsize=picture.size, layout=picture.layout)
        picture.draw(figure)
        nothing: dict[str, Any] = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(out, format="svg", metadata=nothing)
    return embed(out.getvalue(), name, picture.alt)


def embed(svg: str, name: str, alt: str) -> str:
    """The text of an SVG file as an element of a page; `name` must be unlike that of any other in the page.

    It is read as XML: what is written in the picture, such as an arm's name, is never taken for its markup.
    """
    root = ET.fromstring(NO_XML.sub("?", svg))
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag in LEFT_OUT]:
            parent.remove(child)
    ids = {old: f"{name}-{i}" for i, old in enumerate(dict.fromkeys(_referred(root)))}
    classes: dict[str, str] = {}
    for element in root.iter():
        element.text, element.tail = _kept(element.text), _kept(element.tail)
        for key, value in list(element.attrib.items()):
            _rewrite(element, key, value, ids, classes, name)
    styles = "".join(f".{key}{{{style}}}" for style, key in classes.items())
    whole = ET.Element(f"{{{SVG}}}svg", {"viewBox": root.attrib["viewBox"], "role": "img"})
    whole.set("aria-labelledby", f"{name}-alt")
    ET.SubElement(whole, f"{{{SVG}}}title", {"id": f"{name}-alt"}).text = NO_XML.sub("?", alt)
    ET.SubElement(whole, f"{{{SVG}}}style").text = styles
    whole.extend(root)
    return ET.tostring(whole, encoding="unicode")


def _kept(text: str | None) -> str | None:
    """Text between elements, without what only indents."""
    return text if text and text.strip() else None


def _referred(root: ET.Element) -> list[str]:
    values = [value for element in root.iter() for value in element.attrib.values()]
    hrefs = [e.attrib[HREF][1:] for e in root.iter() if e.attrib.get(HREF, "").startswith("#")]
    return hrefs + [name for value in values for name in REFERENCE.findall(value)]


def _rewrite(
    element: ET.Element, key: str, value: str, ids: dict[str, str], classes: dict[str, str], name: str
) -> None:
    """One attribute: ids of this picture alone, repeated styles as classes, coordinates shortened."""
    if key == "id":
        if value in ids:
            element.set("id", ids[value])
        else:
            del element.attrib["id"]
        return
    if key == HREF:
        element.set(key, f"#{ids[value[1:]]}" if value.startswith("#") else smaller(value))
        return
    value = REFERENCE.sub(lambda match: f"url(#{ids[match[1]]})", value.replace("DejaVu Sans", FONT))
    value = NUMBER.sub(_rounded, value)
    if key == "style":
        del element.attrib["style"]
        value = value.replace(f"'{FONT}'", FONT)
        if HARMLESS.fullmatch(value):
            element.set("class", classes.setdefault(value, f"{name}_{len(classes)}"))
        return
    element.set(key, re.sub(r"\s+(?=[A-Zz])", "", value.strip()) if key == "d" else value)


def _rounded(match: re.Match[str]) -> str:
    """A tenth of a point is less than can be seen, but not of a line's width."""
    value = float(match[0])
    return f"{value:.{1 if abs(value) >= 10 else 2}f}".rstrip("0").rstrip(".")

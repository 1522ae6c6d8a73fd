"""Pages from templates: everything is escaped, since records may come from strangers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markupsafe import Markup

CODE = re.compile(r"`([^`]+)`")
# escapes and halves of letters, which names of files and messages of errors may have
NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def fill_template(file: Path, **values: Any) -> str:
    """A template with its values. Its filter `prose` is for sentences: what they have between backticks is code."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(file.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = prose
    return NO_TEXT.sub("?", environment.get_template(file.name).render(values))


def prose(sentence: object) -> Markup:
    """A sentence of Markdown as HTML, all else in it escaped: "`a < b`" becomes "<code>a &lt; b</code>"."""
    from markupsafe import Markup, escape

    return Markup(CODE.sub(r"<code>\1</code>", str(escape(sentence))))

"""Captions as users write them, checked before anything relies on them."""

from __future__ import annotations

import json


def decoded(data: bytes) -> str:
    """The text of a file: UTF-8 whatever the locale is, with or without a byte order mark.

    Raises ValueError when it is not.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"the text is not UTF-8 (byte {error.start})") from error


def lines_of(text: str) -> list[str]:
    r"""The lines of a text that are not empty. A line ends at `\n` or `\r\n` and at nothing else.

    str.splitlines would also break at a form feed, U+0085 and U+2028, all of which captions contain.
    """
    return [line.strip() for line in text.split("\n") if line.strip()]


def json_of(text: str) -> object:
    """What a JSON text holds. Raises ValueError also for nesting that exhausts the stack and a key given twice."""
    try:
        return json.loads(text, object_pairs_hook=_object)
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Python would keep the last value of a key that is given twice, and tell nobody."""
    result: dict[str, object] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"{key!r} is given twice")
        result[key] = value
    return result


def checked(value: object) -> list[str]:
    """One caption or a list of them as a list without the empty ones.

    Raises ValueError for a number, null or anything else that is no text, and for text that UTF-8 cannot hold.
    """
    captions = [value] if isinstance(value, str) else value
    if not isinstance(captions, list):
        raise ValueError(f"a caption is text or a list of texts, not {_kind(value)}")
    for caption in captions:
        if not isinstance(caption, str):
            raise ValueError(f"a caption is text, not {_kind(caption)}")
        try:
            caption.encode()
        except UnicodeEncodeError as error:
            raise ValueError("a caption holds half of a character (a lone surrogate)") from error
    return [caption.strip() for caption in captions if caption.strip()]


def _kind(value: object) -> str:
    if value is None:
        return "null"
    return {bool: "true or false", int: "a number", float: "a number", dict: "an object", list: "a list"}.get(
        type(value), type(value).__name__
    )

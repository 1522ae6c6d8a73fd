"""What a study shows, as the head of its table."""

from __future__ import annotations

import re


def heading(shows: str) -> str:
    """`Table 1`; `Beyond the paper` for what it does not have."""
    return "Beyond the paper" if shows == "beyond" else shows[:1].upper() + shows[1:]


def table_number(shows: str) -> int | None:
    """The number of one of the paper's tables."""
    match = re.fullmatch(r"Table (\d+)", shows)
    return int(match[1]) if match else None

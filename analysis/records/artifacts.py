"""The files that a record names: its samples, features and weights."""

from __future__ import annotations

from pathlib import Path

from studies.declare.shipped import published_folder
from studies.run.record import Record


def artifact(results: Path, record: Record, name: str) -> Path | None:
    """Where such a file of a record lies; None if it names none, or one that is not there (any more).

    Paths in a record start from the folder that holds `records/`, those of a published one from `published/`. Only a
    file below the results folder, or below what ships, is one, whatever links may lie on the way.
    """
    named = (record.data.get("artifacts") or {}).get(name)
    if not isinstance(named, str) or "\0" in named:
        return None
    published = published_folder(results)
    home = published if record.path.is_relative_to(published) else results
    path = (home / named).resolve()
    allowed = (results.resolve(), published.resolve())
    return path if any(map(path.is_relative_to, allowed)) and path.is_file() else None

"""What systems and programs leave in folders of data: neither classes, nor pictures, nor shards."""

from __future__ import annotations

from collections.abc import Iterable

_LEAVINGS = frozenset(
    {
        "__macosx",  # macOS's archives
        "__pycache__",
        "@eadir",  # Synology's thumbnails
        "$recycle.bin",
        "system volume information",
        "lost+found",
        "thumbs.db",
        "desktop.ini",
    }
)


def is_system_file(parts: Iterable[str]) -> bool:
    """Whether a path, given by its parts below the folder of data, is hidden or left behind by a system."""
    return any((part.startswith(".") and part != ".") or part.lower() in _LEAVINGS for part in parts)

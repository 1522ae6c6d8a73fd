"""The files of a user's folder, sorted into those that may be data and those that are passed over."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from zigma.common.files import text_of_name
from zigma.data.system_files import is_system_file


@dataclass
class Walk:
    """Regular files below a folder, and what was passed over there."""

    # every one's name below the folder is UTF-8 (`text_of_name`)
    files: list[Path] = field(default_factory=list)
    broken: dict[Path, str] = field(default_factory=dict)  # what cannot be read or named: why
    hidden: int = 0  # hidden files and folders and those that systems leave behind


def _refuse(error: OSError) -> None:
    """What lies in a folder that may not be read would be missing without a word."""
    raise error


def walk(source: Path) -> Walk:
    """Every file below a folder, also in folders that are links: FacesHQ is two data sets linked into one folder.

    A link to a folder that the source lies in leads to other data, and to what was prepared from it: it is passed over.

    Raises:
        OSError: a folder may not be read.
    """
    result, seen = Walk(), {str(parent) for parent in Path(os.path.realpath(source)).parents}
    for folder, below, names in os.walk(source, onerror=_refuse, followlinks=True):
        if (real := os.path.realpath(folder)) in seen:  # a link to a folder above, or one seen before
            below.clear()
            continue
        seen.add(real)
        result.hidden += sum(is_system_file([name]) for name in [*below, *names])
        below[:] = sorted(name for name in below if not is_system_file([name]))
        for name in sorted(names):
            path = Path(folder, name)
            if is_system_file([name]):
                continue
            if not _is_utf8(path.relative_to(source)):
                result.broken[path] = "its name is not UTF-8"
            elif path.is_file():
                if os.access(path, os.R_OK):
                    result.files.append(path)
                else:
                    result.broken[path] = "it may not be read"
            else:
                result.broken[path] = "a link to no file" if path.is_symlink() else "no regular file"
    return result


def _is_utf8(name: Path) -> bool:
    try:
        text_of_name(name)
    except UnicodeDecodeError:
        return False
    return True

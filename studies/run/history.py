"""What has worked on a run: a segment for each process that brought it further, kept beside the checkpoint.

A run that is interrupted may be resumed by another commit, another torch, on another device or with other threads.
Its record would name the last of them alone; so each process adds itself here before it takes a step, and the record
holds them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zigma.common.files import read_json, replace_json
from zigma.common.words import printable

HISTORY = "history.json"
OF_A_SEGMENT = ("commit", "dirty", "code", "torch", "device", "device_kind", "threads", "scan_backend")


def begin_segment(folder: Path, environment: Mapping[str, Any], from_step: int, processes: int) -> list[Any]:
    """Add this process to the history of the run in `folder`; returns all of it.

    Earlier segments that began at this step or later have left nothing: their work was lost.
    """
    segments = [segment for segment in read_history(folder) if segment["from_step"] < from_step]
    if from_step > 0 and not segments:  # a checkpoint from before there were histories
        segments.append({**dict.fromkeys(OF_A_SEGMENT), "from_step": 0, "started": None})
    segment = {name: environment.get(name) for name in OF_A_SEGMENT}
    segments.append({**segment, "processes": processes, "from_step": from_step, "started": now()})
    replace_json(folder / HISTORY, {"segments": segments})
    return segments


def read_history(folder: Path) -> list[dict[str, Any]]:
    """The segments of a run so far; none where the file is missing or is something else."""
    segments = read_json(folder / HISTORY).get("segments")
    if not isinstance(segments, list):
        return []
    return [s for s in segments if isinstance(s, dict) and isinstance(s.get("from_step"), int)]


def made_by_other_code(folder: Path) -> str:
    """What to say where other code or another torch than this process's has made the steps so far; else nothing."""
    *earlier, here = read_history(folder) or [{}]
    others = [
        s for s in earlier if any(s.get(name) != here.get(name) for name in ("commit", "code", "torch"))
    ]
    makers = dict.fromkeys(
        f"commit {str(s.get('commit') or 'unknown')[:9]}, code {str(s.get('code') or 'unknown')[:9]}, "
        f"torch {s.get('torch') or 'unknown'}"
        for s in others
    )
    return printable(f"; earlier steps were made by {' and '.join(makers)}") if makers else ""


def now() -> str:
    """This moment, in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")

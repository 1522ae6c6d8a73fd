"""What was measured, as a JSON file beside others: with what it was measured on."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from zigma.common.files import replace_text
from zigma.profiling.environment import environment


def write_record(
    folder: Path, benchmark: str, device: torch.device, contents: dict[str, Any], table: str
) -> Path:
    """Write a run as one JSON file, named by benchmark, device kind and time, and return its path.

    Its table, as it was printed, lies beside it in Markdown, so that a document can quote it.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record = {"benchmark": benchmark, "environment": environment(device) | {"time": now}} | contents
    folder.mkdir(parents=True, exist_ok=True)
    time = now.replace(":", "").replace("+0000", "Z")
    path = folder / f"{benchmark}-{device.type}-{time}.json"
    replace_text(path, json.dumps(record, indent=1) + "\n")
    replace_text(path.with_suffix(".md"), f"{table}\n")
    return path

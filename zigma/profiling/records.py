"""What was measured, as a JSON file beside others: with what it was measured on."""

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from zigma.ops.backends import resolve_backend
from zigma.profiling.device import device_name


def environment(device: torch.device) -> dict[str, Any]:
    """What the numbers were made on and with."""
    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "scan_backend": resolve_backend(None, device),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def write_record(
    folder: Path, benchmark: str, device: torch.device, contents: dict[str, Any], table: str
) -> Path:
    """Write a run as one JSON file, named by benchmark, device kind and time, and return its path.

    Its table, as it was printed, lies beside it in Markdown, so that a document can quote it.
    """
    made = environment(device)
    record = {"benchmark": benchmark, "environment": made} | contents
    folder.mkdir(parents=True, exist_ok=True)
    time = made["time"].replace(":", "").replace("+0000", "Z")
    path = folder / f"{benchmark}-{device.type}-{time}.json"
    partial_path = path.with_suffix(".partial")
    partial_path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(f"{table}\n", encoding="utf-8")
    partial_path.replace(path)
    return path

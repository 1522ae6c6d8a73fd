"""Where a number was made: code, libraries and device, for the record."""

import platform
import subprocess
from pathlib import Path
from typing import Any

import torch


def environment() -> dict[str, Any]:
    """The commit and whether it was changed, versions, device, threads and the backend of the selective scan."""
    from zigma.ops import resolve_backend
    from zigma.profiling.device import device_name

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return {
        "commit": _git("rev-parse", "HEAD"),
        "dirty": _dirty(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": device_name(device),
        "device_kind": device.type,
        "threads": torch.get_num_threads(),
        "scan_backend": resolve_backend(None, device),
        "platform": platform.platform(),
    }


def _git(*words: str) -> str | None:
    here = Path(__file__).resolve().parent
    try:
        done = subprocess.run(["git", "-C", str(here), *words], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None  # installed from a wheel, or git is not there: the record says null
    return done.stdout.strip()


def _dirty() -> bool | None:
    # code only: a new record under results/ does not change what made it
    status = _git(
        "status",
        "--porcelain",
        "--untracked-files=no",
        "--",
        "../../studies",
        "../../zigma",
        "../../pyproject.toml",
    )
    return None if status is None else bool(status)

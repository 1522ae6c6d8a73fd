"""Where a number was made: code, libraries and device, for the record."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import torch

from zigma.ops import resolve_backend
from zigma.profiling.device import device_name

ROOT = Path(__file__).resolve().parents[2]
CODE = ("zigma", "studies", "pyproject.toml")  # a new record under results/ does not change what made it
PATIENCE_S = 20.0


def environment(device: torch.device | None = None) -> dict[str, Any]:
    """The commit and whether it was changed, a hash of the code, versions, device, threads and the scan's backend.

    The device is by default the GPU, where there is one.
    """
    device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return {
        **commit(ROOT),
        "code": code_hash(ROOT / "zigma"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": device_name(device),
        "device_kind": device.type,
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "scan_backend": resolve_backend(None, device),
        "platform": platform.platform(),
    }


@cache  # of the code that was loaded, whatever is checked out later
def commit(root: Path) -> dict[str, Any]:
    """`commit`, and whether the code was changed since (`dirty`); both None where `root` is no checkout of its own.

    A copy that is installed inside another repository (a virtual environment in somebody's project, a vendored
    folder) must not name that repository's commit.
    """
    unknown = {"commit": None, "dirty": None}
    top = _git(root, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != root.resolve():
        return unknown
    if _git(root, "ls-files", "--error-unmatch", "zigma/profiling/environment.py") is None:
        return unknown
    changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", *CODE)
    return {
        "commit": _git(root, "rev-parse", "HEAD"),
        "dirty": None if changed is None else bool(changed),
    }


@cache
def code_hash(folder: Path) -> str:
    """A hash of all Python files below a folder: what a commit cannot say of changed or of installed code."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _git(root: Path, *words: str) -> str | None:
    # GIT_DIR and its like, which a hook sets, would speak of another repository
    outside = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(root), *words]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env=outside, timeout=PATIENCE_S
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None  # installed from a wheel, or there is no git: the record says null
    return done.stdout.strip()

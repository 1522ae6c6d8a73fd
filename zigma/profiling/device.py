"""The device's name, for whatever was measured on it."""

import os
import platform
from pathlib import Path

import torch


def device_name(device: torch.device) -> str:
    """A GPU's name, or the processor's and how many cores it shows."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()} ({os.cpu_count()} cores)"

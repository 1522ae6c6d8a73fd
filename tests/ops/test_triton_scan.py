"""The Triton backend, in a process of its own: its interpreter must be chosen before Triton is imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from zigma.ops import triton_scan

CASES = Path(__file__).with_name("triton_cases.py")


def test_kernels_under_the_interpreter() -> None:
    words = [sys.executable, "-m", "pytest", str(CASES), "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    done = subprocess.run(words, env=environment, cwd=CASES.parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def test_refuses_the_cpu_without_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    reason = triton_scan.refuses(torch.device("cpu"), torch.float32)
    assert reason is not None
    assert "'cpu'" in reason
    assert triton_scan.refuses(torch.device("cuda"), torch.bfloat16) is None

"""The Triton backend, in a process of its own: its interpreter must be chosen before Triton is imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from zigma.ops.triton.backend import BACKEND

CASES = Path(__file__).with_name("test_triton_kernels.py")


@pytest.mark.timeout(1200)  # a minute alone, many on a machine that does much else
def test_kernels_under_the_interpreter() -> None:
    words = [sys.executable, "-m", "pytest", str(CASES), "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    done = subprocess.run(words, env=environment, cwd=CASES.parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def test_refuses_the_cpu_without_the_interpreter() -> None:
    reason = BACKEND.why_not(torch.device("cpu"), torch.float32)
    assert reason is not None
    assert "'cpu'" in reason
    assert BACKEND.why_not(torch.device("cuda"), torch.bfloat16) is None

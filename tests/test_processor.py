"""Run in processes of their own: what is settled holds for the whole of one."""

import os
import subprocess
import sys

import pytest

FAULTS = """
import resource
import torch
from zigma.processor import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(2**22)  # 16 MiB, 4096 pages
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

assert keep_freed_memory()
faults()
print(faults())
"""
SETTINGS = """
import os, sys
from zigma.processor import wait_briefly

wait_briefly()
assert "torch" not in sys.modules
print(os.environ["OMP_WAIT_POLICY"], os.environ.get("GOMP_SPINCOUNT"))
"""


def printed(program: str, **environment: str) -> str:
    inherited = {k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    return subprocess.check_output(
        [sys.executable, "-c", program], env=inherited | environment, text=True, timeout=120
    ).strip()


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc alone is told")
def test_freed_memory_is_used_again_without_the_system() -> None:
    assert int(printed(FAULTS)) < 4096


def test_what_the_user_has_set_stays() -> None:
    assert printed(SETTINGS) == "passive 1000"
    assert printed(SETTINGS, OMP_WAIT_POLICY="active") == "active None"
    assert printed(SETTINGS, GOMP_SPINCOUNT="0") == "passive 0"

import json
from pathlib import Path

import pytest
import torch

from zigma.profiling import scan_benchmark, scan_contenders
from zigma.profiling.__main__ import main
from zigma.profiling.scan_check import TOLERANCE, largest_error

CPU = torch.device("cpu")


def test_contenders_are_right() -> None:
    for name, scan in scan_contenders.contenders(CPU, torch.float32)[0].items():
        assert largest_error(scan, CPU, torch.float32) <= TOLERANCE[torch.float32], name


def test_a_wrong_scan_gets_no_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(inputs: scan_contenders.Inputs, order: torch.Tensor | None) -> torch.Tensor:
        return scan_contenders.unbind_loop(inputs, None)  # ignores the order

    monkeypatch.setattr(scan_benchmark, "contenders", lambda device, dtype: ({"wrong": wrong}, {}))
    rows, missing = scan_benchmark.benchmark([(1, 2, 3, 4)], CPU, torch.float32, 1, path=False)
    assert [row.both_ms for row in rows] == [None]
    assert "no speed" in scan_benchmark.table(rows, missing)


def test_command_writes_a_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", "--shape", "1,4,8,2", "--repeats", "1", "--path", "--out", str(tmp_path)]) == 0
    record = json.loads(next(tmp_path.glob("scan-cpu-*.json")).read_text())
    assert record["settings"]["path"] == "random"
    assert {"torch", "device", "threads"} <= record["environment"].keys()
    measured = {row["contender"] for row in record["rows"] if row["both_ms"]}
    assert {"selective_scan_ref, unbind", "torch"} <= measured
    assert "| 1, 4, 8, 2 | torch |" in capsys.readouterr().out

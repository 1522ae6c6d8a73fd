import json
from functools import partial
from pathlib import Path

import pytest
import torch

from zigma.profiling import scan_benchmark, scan_contenders
from zigma.profiling.__main__ import main
from zigma.profiling.scan_check import TOLERANCE, largest_error
from zigma.profiling.speed import kernel_faults

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


def test_a_kernel_that_does_not_build_leaves_the_others_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton's errors are no RuntimeErrors: one of them ended the whole table. Nor has a machine room for any shape."""
    (*_, fault) = kernel_faults()

    def broken(*_: object) -> torch.Tensor:
        raise fault("out of resource: shared memory\nRequired: 300000")

    def large(given: dict[str, torch.Tensor], order: torch.Tensor | None) -> torch.Tensor:
        if given["u"].shape[1] == 8:
            broken()
        return scan_contenders.ours("reference", given, order)

    found = {"reference": partial(scan_contenders.ours, "reference"), "broken": broken, "large": large}
    monkeypatch.setattr(scan_benchmark, "contenders", lambda device, dtype: (found, {}))
    shapes = [(1, 2, 8, 2), (1, 2, 3, 2**40)]
    rows, missing = scan_benchmark.benchmark(shapes, torch.device("cpu"), torch.float32, 1, False)
    assert missing == {"broken": "fails: out of resource: shared memory"}
    notes = {(row.shape, row.contender): row.note for row in rows}
    assert notes[shapes[0], "reference"] == ""
    assert notes[shapes[0], "large"] == "fails: out of resource: shared memory"
    assert notes[shapes[1], "reference"].startswith("no inputs: ")


def test_command_writes_a_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", "--shape", "1,4,8,2", "--repeats", "1", "--path", "--out", str(tmp_path)]) == 0
    record = json.loads(next(tmp_path.glob("scan-cpu-*.json")).read_text())
    assert record["settings"]["path"] == "random"
    assert {"torch", "device", "threads"} <= record["environment"].keys()
    measured = {row["contender"] for row in record["rows"] if row["both_ms"]}
    assert {"selective_scan_ref, unbind", "torch"} <= measured
    assert "| 1, 4, 8, 2 | torch |" in capsys.readouterr().out


def test_a_folder_that_takes_no_record_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr(scan_benchmark, "benchmark")
    file = tmp_path / "file"
    file.touch()
    assert main(["scan", "--shape", "1,4,8,2", "--out", str(file)]) == 1
    assert str(file) in capsys.readouterr().err

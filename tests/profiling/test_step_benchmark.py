import json
import os
from pathlib import Path

import pytest
import torch
from torch import nn

from zigma.models import ZigMa
from zigma.profiling.__main__ import main
from zigma.profiling.step_benchmark import busy_processes, matrix_products, training_step


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(5, 7, bias=False), nn.Linear(7, 5, bias=False)

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return self.second(torch.tanh(self.first(x)))


def test_all_products_of_a_step_and_only_they() -> None:
    """Two layers: two products forward, two for the weights, one for what lies between."""
    step = training_step(Model(), torch.randn(3, 5))
    shapes = sorted(tuple(product().shape) for product in matrix_products(step))
    assert shapes == sorted([(3, 7), (3, 5), (5, 7), (7, 5), (3, 7)])


def test_products_that_the_scan_takes_over_are_among_them() -> None:
    """Mamba's step sizes, rank 2 to 64 channels: forward as four others, backward for the weights and for the rank."""
    step = training_step(ZigMa(grid=(2, 3), in_channels=1, hidden=32, depth=1), torch.randn(2, 1, 2, 3))
    shapes = [tuple(product().shape) for product in matrix_products(step)]
    assert [shapes.count(shape) for shape in ((12, 64), (64, 2), (12, 2))] == [5, 1, 1]


def test_a_step_trains() -> None:
    torch.manual_seed(0)
    model = Model()
    before = [parameter.clone() for parameter in model.parameters()]
    training_step(model, torch.randn(3, 5))()
    assert all(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_command_writes_a_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = (
        "step --hidden 16 --depth 1 --grid 3x4 --batch 2 --scan sweep-1 --repeats 2 --device cpu --beside 1"
    )
    assert main([*words.split(), "--out", str(tmp_path)]) == 0
    record = json.loads(next(tmp_path.glob("step-cpu-*.json")).read_text())
    assert record["tokens"] == 24
    assert record["ratio"] == record["step"]["median_ms"] / record["products"]["median_ms"] > 1
    assert record["settings"]["beside"] == 1
    assert "| whole step |" in capsys.readouterr().out


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux tells of children so")
def test_busy_processes_end_with_their_block() -> None:
    def children() -> int:
        return len(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())

    before = children()
    with busy_processes(2):
        assert children() == before + 2
    assert children() == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("step --grid 16", "HxW"),
        ("step --beside -1", "--beside takes a number from 0 on"),
        ("step --scan zigzagg-8", "did you mean 'zigzag'"),
        ("step --repeats 0", "--repeats takes a number from 1 on"),
        ("step --batch 99999999999999999999", "--batch takes a number below 2147483648"),
        ("scan --shape 1,2,3", "BATCH,D,L,N"),
        ("scan --shape 99999999999999999999,9,5,2", "--shape takes numbers below 2147483648"),
        ("scan --repeats 0", "--repeats takes a number from 1 on"),
    ],
)
def test_wrong_words_are_one_line_and_status_2(
    words: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(words.split())
    assert left.value.code == 2
    complaint = capsys.readouterr().err
    assert says in complaint
    assert complaint.count("\n") == 1

"""The search over block sizes, under Triton's interpreter in a process of its own, which reads the word at import."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from zigma.ops.triton.scan import Blocks
from zigma.profiling import blocks_benchmark
from zigma.profiling.__main__ import main
from zigma.profiling.blocks_benchmark import Row, table

PROGRAM = """
import sys
from zigma.ops.triton import scan
from zigma.ops.triton.scan import Blocks
from zigma.profiling import blocks_benchmark
from zigma.profiling.__main__ import main

blocks_benchmark.SEARCHED[:] = [Blocks(4, 2, 8, 16), Blocks(8, 4, 8, 16)]
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_every_choice_is_timed_and_recorded(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    words = ["blocks", "--device", "cpu", "--shape", "1,3,9,2", "--dtype", "float32", "--repeats", "1"]
    told = os.environ | {"TRITON_INTERPRET": "1"}
    subprocess.run([sys.executable, program, *words, "--out", tmp_path], env=told, check=True)
    record = json.loads(next(tmp_path.glob("blocks-cpu-*.json")).read_text())
    assert sorted(row["blocks"]["chunk"] for row in record["rows"]) == [4, 8]
    assert all(0 < row["forward_ms"] < row["both_ms"] for row in record["rows"])


def test_without_a_gpu_a_line_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["blocks", "--device", "cpu"])
    assert "does not run on cpu" in capsys.readouterr().err


def test_choices_are_put_in_place_for_a_while() -> None:
    before = blocks_benchmark.triton_scan.BLOCKS
    with blocks_benchmark.cut_into(Blocks(32, 8, 64)):
        assert blocks_benchmark.triton_scan.BLOCKS.channels == 64
    assert before == blocks_benchmark.triton_scan.BLOCKS


def test_tiles_divide_their_chunks() -> None:
    assert all(blocks.chunk % blocks.tile == 0 for blocks in blocks_benchmark.SEARCHED)


def test_the_present_choice_is_shown_with_the_fastest() -> None:
    rows = [Row(Blocks(32, 8, 64), 1.0, 2.0), Row(Blocks(), 1.5, 3.0), Row(Blocks(64), note="too large")]
    assert table(rows, shown=1).splitlines()[2:] == [
        "| 32 | 8 | 64 | 128 | 168 | 1.000 | 2.000 |  |",
        "| 16 | 4 | 32 | 128 | 168 | 1.500 | 3.000 | in use |",
    ]

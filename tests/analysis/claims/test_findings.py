"""Every finding is reproduced, its closed forms are those of the networks, and the released lines are read right."""

from pathlib import Path

import pytest
import torch

from analysis.__main__ import main
from analysis.claims.findings import FINDINGS
from analysis.claims.findings.counting import dit_multiply_adds, zigma_parameters
from analysis.claims.findings.released import LINES
from zigma.models import build_model, model_sizes
from zigma.models.config import DiTConfig
from zigma.profiling import count_flops


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.name)
def test_it_is_reproduced(finding) -> None:  # type: ignore[no-untyped-def]
    shown = finding.show()
    assert shown
    for item in shown:
        assert item.agrees, item


def test_counts_in_closed_form_are_those_of_the_networks() -> None:
    for size in model_sizes():
        text = 768 if size.name.startswith("CA-") else None
        assert zigma_parameters(size.hidden, size.depth, text_width=text) == size.parameters
        assert (
            zigma_parameters(size.hidden, size.depth, text_width=text, projection=False) == size.as_the_paper
        )


def test_operations_in_closed_form_are_those_counted() -> None:
    counted = count_flops(build_model(DiTConfig()).eval(), torch.randn(1, 4, 32, 32), torch.rand(1))
    for attention, operations in ((False, counted.as_the_paper), (True, counted.everything)):
        assert dit_multiply_adds(384, 12, 256, 16, 16, attention) == pytest.approx(operations, rel=0.005)


def test_the_released_code_is_read_from_a_checkout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["findings", "R4", "--released", str(tmp_path)])
    assert left.value.code == 2
    assert "checkout of https" in capsys.readouterr().err
    (tmp_path / "train_acc.py").write_text(
        "        opt.step()\n        after = 1\n        grad_clip(opt, model)\n", encoding="utf-8"
    )
    assert main(["findings", "R4", "--released", str(tmp_path)]) == 0
    assert "train_acc.py:1: opt.step()" in capsys.readouterr().out
    (tmp_path / "train_acc.py").write_text(
        "        grad_clip(opt, model)\n        opt.step()\n", encoding="utf-8"
    )
    assert main(["findings", "R4", "--released", str(tmp_path)]) == 1
    # lines are wrapped, and where depends on how long the folder's name is
    assert "not as the finding says" in " ".join(capsys.readouterr().out.split())


def test_an_absent_line_must_be_absent(tmp_path: Path) -> None:
    line = next(line for line in LINES["R2"] if line.absent)
    path = tmp_path / line.file
    path.parent.mkdir(parents=True)
    path.write_text("nothing of it\n", encoding="utf-8")
    assert line.find(tmp_path)[0]
    path.write_text("if scan.startswith('zzvideo_'):\n", encoding="utf-8")
    assert not line.find(tmp_path)[0]


def test_unknown_findings(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["findings", "Q1"])
    assert "unknown finding 'Q1'" in capsys.readouterr().err


def test_a_checkout_that_is_not_there_is_refused_for_every_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for finding in ("P1", "R1"):
        with pytest.raises(SystemExit, match="2"):
            main(["findings", finding, "--released", str(tmp_path / "nope")])
        assert "there is no folder" in capsys.readouterr().err

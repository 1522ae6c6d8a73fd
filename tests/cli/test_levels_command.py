"""`levels` computes each setting's floors and ceilings once, and says what it does not know."""

import json
from pathlib import Path

import pytest

from studies.__main__ import main
from zigma.experiment import levels


@pytest.mark.parametrize(
    "words", [["scan_ablation", "--setting", "digits-88"], ["--scale", "desk", "--setting", "shapes-16x"]]
)
def test_an_unknown_setting_is_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["levels", *words])
    assert left.value.code == 2
    complaint = capsys.readouterr().err
    assert f"unknown setting at scale {'desk' if 'desk' in words else 'tiny'} '{words[-1]}'" in complaint
    assert complaint.count("\n") == 1


def test_a_scale_that_a_named_study_lacks_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["levels", "complexity", "--scale", "desk"])
    assert "complexity is not declared at scale 'desk'; it is at: tiny" in capsys.readouterr().err


def test_a_study_without_levels_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["levels", "exact"]) == 0
    assert "record their own levels" in capsys.readouterr().out


def test_what_is_there_is_computed_again_only_where_that_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = []

    def compute(config: object, tell: object) -> tuple[list[levels.Level], object]:
        import torch

        data.append(config)
        return [], torch.zeros(2, 1, 8, 8, dtype=torch.uint8)

    monkeypatch.setattr(levels, "compute_levels", compute)
    words = ["levels", "scan_ablation", "hilbert", "--setting", "digits-8", "--results", str(tmp_path)]
    assert main(words) == 0  # both studies share them
    (file,) = tmp_path.glob("levels/digits-8.*.json")
    assert file.with_suffix(".png").is_file()
    assert main(words) == 0
    assert f"{file}: there already" in capsys.readouterr().out
    assert len(data) == 1
    assert main([*words, "--force"]) == 0
    assert len(data) == 2
    recorded = json.loads(file.read_text())
    recorded["fingerprints"]["extractor digits"] = "another"
    file.write_text(json.dumps(recorded))
    assert main(words) == 0
    assert "by another extractor: computed anew" in capsys.readouterr().out
    file.write_text("half of it")
    assert main(words) == 0
    assert len(data) == 4

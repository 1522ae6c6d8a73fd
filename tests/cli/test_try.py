"""`try` runs what is recorded nowhere, and no more."""

from pathlib import Path

import pytest

from studies.__main__ import main


def test_published_runs_are_not_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", "mamba-2", "--seeds", "2", "--dry-run", "--results", str(tmp_path / "r")]) == 0
    lines = capsys.readouterr().out.splitlines()
    runs = {line.partition(" seed")[0] for line in lines if " seed " in line}
    assert runs == {"mamba-2 fields-8", "mamba-2 digits-8-short"}  # zigzag-8 and sweep-8 ship on both
    assert "4 of 4 runs to do" in lines[-1]
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["peano", "--seeds", "0"], "from 1 on"),
        (["no such.py:curve"], "no file"),
        (["peano", "--size", "32"], "give --data FOLDER too"),
        (["peano", "--cluster", "local"], "try waits for its runs"),
    ],
)
def test_a_wrong_word_is_one_line(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["try", *words])
    assert left.value.code == 2
    complaint = capsys.readouterr().err
    assert says in complaint
    assert complaint.count("\n") == 1


def test_a_curve_that_is_none_is_told_without_the_mixers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "curves.py"
    file.write_text("def few(h, w):\n    return [(r, c) for r in range(h) for c in range(w)][1:]\n")
    with pytest.raises(SystemExit):
        main(["try", f"{file}:few", "--dry-run", "--results", str(tmp_path / "r")])
    complaint = capsys.readouterr().err
    assert "never visits (0, 0)" in complaint
    assert "mixer" not in complaint


def test_a_mixer_of_her_own_file_is_an_arm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "my mixers.v2.py"
    file.write_text(
        "from zigma.models.mixers.gated_linear_attention import GatedLinearAttention\n"
        "from zigma.models.specs import GatedLinearAttentionSpec\n"
        "def Halved(hidden, scan, depth=1, prefix=0):\n"
        "    return GatedLinearAttention(hidden, scan, GatedLinearAttentionSpec(heads=2), depth=depth, prefix=prefix)\n"
    )
    words = ["--seeds", "1", "--dry-run", "--results", str(tmp_path / "r")]
    assert main(["try", f"{file}:Halved", *words]) == 0
    assert "Halved digits-8-short seed 0" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["try", f"{file}:Halve", *words])

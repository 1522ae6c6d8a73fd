"""`python -m zigma.metrics recompute` on files of features."""

import json
from pathlib import Path

import pytest
import torch

from zigma.metrics import Features, evaluate_features
from zigma.metrics.__main__ import main


def features(seed: int, source: str, extractor: str = "digits") -> Features:
    values = torch.randn(60, 4, generator=torch.Generator().manual_seed(seed))
    return Features(values, extractor, "abc", "none", source)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for run in ("a", "b"):
        (tmp_path / run).mkdir()
        for extractor in ("digits", "inception"):
            features(1 + (run == "b"), "generated", extractor).save(
                tmp_path / run / f"generated.{extractor}.safetensors"
            )
            features(3, "held-out", extractor).save(tmp_path / run / f"real.{extractor}.safetensors")
    return tmp_path


def test_every_number_of_every_run_is_computed_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["frechet", "kernel", "prdc", "infinity"]
    assert main(["recompute", str(folder), "--metrics", *names, "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["run"] for row in rows] == ["a"] * 14 + ["b"] * 14
    expected = evaluate_features(features(1, "generated"), features(3, "held-out"), metrics=names)
    assert [{key: row[key] for key in row if key != "run"} for row in rows[:7]] == expected
    assert rows[7]["name"] == "fid"


def test_the_table_says_by_which_protocol(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(folder / "a" / f"{side}.inception.safetensors") for side in ("generated", "real")]
    assert main(["recompute", "--generated", files[0], "--real", files[1], "--metrics", "infinity"]) == 0
    said = capsys.readouterr().out
    for part in ("fid_infinity", "60 generated, 60 real (held-out)", "inception abc", "["):
        assert part in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "give a folder"),
        ("--generated x.safetensors", "give a folder"),
        ("nowhere", "holds no generated.*.safetensors"),
        ("--generated nowhere.safetensors --real nowhere.safetensors", "not a file of saved features"),
        ("{folder}/b", "has no real.inception.safetensors beside it"),
        (
            "--generated {folder}/a/generated.digits.safetensors --real {folder}/a/real.inception.safetensors",
            "different protocols do not compare",
        ),
    ],
)
def test_wrong_words_are_one_line_and_exit_2(
    folder: Path, words: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "b" / "real.inception.safetensors").unlink()
    assert main(["recompute", *words.format(folder=folder).split()]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


def test_a_wrong_metric_names_the_right_ones(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["recompute", str(folder), "--metrics", "fid"])
    assert left.value.code == 2
    assert "frechet" in capsys.readouterr().err

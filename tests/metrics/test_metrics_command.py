"""`python -m zigma.metrics recompute` on files of features."""

import json
import subprocess
import sys
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


def test_what_is_named_twice_is_computed_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = "--metrics frechet frechet --extractors inception inception --json"
    assert main(["recompute", str(folder / "a"), *words.split()]) == 0
    assert [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()] == ["fid"]


def test_the_table_says_by_which_protocol(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(folder / "a" / f"{side}.inception.safetensors") for side in ("generated", "real")]
    assert main(["recompute", "--generated", files[0], "--real", files[1], "--metrics", "infinity"]) == 0
    output = capsys.readouterr().out
    for part in ("fid_infinity", "60 generated, 60 real (held-out)", "inception abc", "["):
        assert part in output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "give a folder"),
        ("--generated x.safetensors", "give a folder"),
        (
            "--generated x.safetensors --real y.safetensors --extractors lite0",
            "--extractors chooses in a folder",
        ),
        ("nowhere", "holds no generated.*.safetensors"),
        ("--generated nowhere.safetensors --real nowhere.safetensors", "not a file of saved features"),
        ("{folder}/b", "has no real.inception.safetensors beside it"),
        (
            "--generated {folder}/a/generated.digits.safetensors --real {folder}/a/real.inception.safetensors",
            "different protocols do not compare",
        ),
        (
            "--generated {folder}/a/real.digits.safetensors --real {folder}/a/generated.digits.safetensors",
            "holds features of generated images: give it as --generated",
        ),
    ],
)
def test_wrong_words_are_one_line_and_exit_2(
    folder: Path, words: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "b" / "real.inception.safetensors").unlink()
    with pytest.raises(SystemExit) as left:
        main(["recompute", *words.format(folder=folder).split()])
    assert left.value.code == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_a_run_that_cannot_be_judged_is_named_and_the_others_go_on(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = features(1, "generated")
    broken.values[3, 2] = float("nan")
    broken.save(folder / "a" / "generated.digits.safetensors")
    assert main(["recompute", str(folder), "--extractors", "digits", "--json"]) == 2
    told = capsys.readouterr()
    assert {json.loads(line)["run"] for line in told.out.splitlines()} == {"b"}
    assert told.err.startswith("a: ")
    assert "not finite" in told.err


def test_a_wrong_metric_names_the_right_ones(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["recompute", str(folder), "--metrics", "fid"])
    assert left.value.code == 2
    assert "frechet" in capsys.readouterr().err


def test_extractors_choose_what_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recompute", str(folder), "--extractors", "inception", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["extractor"] for row in rows} == {"inception"}
    assert len(rows) == 4
    with pytest.raises(SystemExit) as left:
        main(["recompute", str(folder), "--extractors", "lite0"])
    assert left.value.code == 2
    assert "weights to draw samples again" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", ["zigma.metrics train_digits", "zigma.metrics.train_digits", "zigma.data prepare"]
)
def test_help_takes_no_torch(words: str) -> None:
    module, *rest = words.split()
    code = (
        f"import runpy, sys; sys.argv = ['x', *{rest!r}, '--help']\n"
        f"try: runpy.run_module({module!r}, run_name='__main__')\n"
        "except SystemExit as left: assert not left.code\n"
        "sys.exit(' '.join({'torch', 'sklearn', 'numpy'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "example" in done.stdout


@pytest.mark.slow
def test_a_run_that_is_over_is_judged_again_from_its_weights(tmp_path: Path) -> None:
    """By the extractor that judged it, so that the numbers can be compared, and by lite0."""
    words = ["-m", "studies", "run", "scan_ablation", "--scale", "tiny", "--results", str(tmp_path)]
    small = ["training.steps=2", "evaluation.n_generated=20", "evaluation.n_real=20", "model.depth=1"]
    settings = [word for setting in small for word in ("--set", setting)]
    subprocess.run(
        [sys.executable, *words, "--only", "sweep", *settings],
        check=True,
        capture_output=True,
    )
    (record,) = (tmp_path / "records" / "tiny" / "scan_ablation").glob("*.json")
    recorded = {row["name"]: row["value"] for row in json.loads(record.read_text())["metrics"]}
    for path in (tmp_path / "features").rglob("*.safetensors"):
        path.unlink()
    words = ["-m", "zigma.metrics", "recompute", str(tmp_path), "--extractors", "digits", "lite0", "--json"]
    done = subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True)
    rows = {row["name"]: row for row in map(json.loads, done.stdout.splitlines())}
    for name in ("fd_digits", "kid_digits"):
        assert rows[name]["value"] == pytest.approx(recorded[name], rel=1e-5)
    assert rows["fd_lite0"]["n_generated"] == 20
    again = subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True)
    assert (again.stdout, again.stderr) == (done.stdout, "")  # nothing is drawn twice

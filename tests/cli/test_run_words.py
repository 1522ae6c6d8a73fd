"""`run` as a person types it: what is wrong is one line before anything starts, and hints can be typed back."""

from pathlib import Path

import pytest

from studies.__main__ import main
from studies.cli.options import hint
from studies.cli.where import _option

DRY = ["run", "scan_ablation", "--dry-run", "--only", "sweep"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--seeds", "2", "--seed", "3"], "give one of them"),
        (["--jobs", "0"], "--jobs takes a number from 1 on"),
        (["--checkpoint-every", "-1"], "--checkpoint-every takes seconds from 0 on"),
        (["--cluster", "slurm", "--time", "soon"], "--time: takes minutes"),
        (["--cluster", "slurm", "--slurm", "mem=lots"], "mem takes a size, such as mem=64G, not 'lots'"),
        (["--cluster", "slurm", "--slurm", "cpus-per-task=many"], "takes a whole number"),
        (["--cluster", "slurm", "--slurm", "array=1-3"], "array cannot be set"),
        (["--cluster", "slurm", "--slurm", "account="], "takes KEY=VALUE"),
        (["--cluster", "slurm", "--slurm", "qos=a", "--slurm", "qos=b"], "given twice"),
        (
            ["--cluster", "slurm", "--slurm", "additional-parameters=x"],
            "additional-parameters cannot be set: give sbatch's options one by one",
        ),
        (["--slurm", "mem=64G"], "--slurm is for --cluster slurm"),
        (
            ["--cluster", "slurm", "--gpus", "3"],
            "training.batch_images=16 is not divisible by 3 devices; it is by 1, 2, 4, 8, 16",
        ),
        (["--set", "training.learning_rate=NaN"], "must be a finite number"),
        (
            ["--only", "zigzag-8", "--set", "model.scan=hilbert-4"],
            "--set model.scan makes sweep, zigzag-8 one and the same: keep one of them by --only",
        ),
        (
            ["--set", "model.mixer=no such.py:Mean:heads=2"],
            "no such.py, of --set model.mixer=no such.py:Mean",
        ),
        (["--set", "data.size=true"], "must be a whole number, not True"),
    ],
)
def test_what_is_wrong_is_told_by_the_dry_run(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main([*DRY, *words, "--results", str(tmp_path / "new")])
    assert left.value.code == 2
    complaint = capsys.readouterr().err
    assert says in complaint
    assert complaint.count("\n") == 1
    assert "instance of" not in complaint
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("training.steps=1e400", "training.steps must be a whole number, not inf"),
        ("training.learning_rate=-1e400", "training.learning_rate must be a finite number, not -inf"),
        ("training.steps=" + "9" * 30, "training.steps must be a whole number of at most 64 bits, not 999"),
        ("training.steps=" + "9" * 5000, "training.steps must be a whole number, not '999"),
        ("model.depth=1e9", "model.depth must be at most 10000, not 1000000000"),
        ("model.grid=" + "9" * 5000 + "x8", "model"),
        ("model.hidden=-16", "model.hidden must be at least 1, not -16"),
        ("model.grid=[[[[8]]]]", "model.grid[0] must be a whole number, not [[[8]]]"),
        ("model.grid=" + "[" * 3000, "model.grid[0] must be a whole number, not '[[["),
        ('model={"kind":{"a":[1,2]}}', "unknown model.kind"),
        ('model={"kind":null}', "unknown model.kind 'None': known: zigma"),
        ("model.mixer=" + '{"a":' * 2000 + "1", "unknown model.mixer.kind"),
        ("model.scan=" + "(" * 3000, "plan '((("),
    ],
    ids=lambda text: text[:30],
)
def test_absurd_values_end_in_one_short_line(
    setting: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main([*DRY, "--set", setting, "--results", str(tmp_path / "new")])
    assert left.value.code == 2
    complaint = capsys.readouterr().err
    assert f"python -m studies run: {says}" in complaint
    assert complaint.count("\n") == 1
    assert len(complaint) < 1500


@pytest.mark.parametrize("words", [["list"], ["status"], ["logs", "sweep"], ["cancel"]])
def test_a_mistyped_folder_of_results_is_refused_and_not_made(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main([*words, "--results", str(tmp_path / "resluts")])
    assert left.value.code == 2
    assert "there is no folder" in capsys.readouterr().err
    assert not (tmp_path / "resluts").exists()


def test_hints_repeat_the_folder_of_results() -> None:
    assert hint("status", Path("results")) == "python -m studies status"
    assert hint("logs RUN", Path("/a b")) == "python -m studies logs RUN --results '/a b'"


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("account=1e3", "1e3"),
        ("qos=null", "null"),
        ("comment={}", "{}"),
        ("requeue=false", False),
        ("nice=07", "07"),
        ("nice=7", 7),
        ('setup=["a", "b"]', ["a", "b"]),
        ("exclude=[a", "[a"),
    ],
)
def test_an_option_of_slurms_is_a_word_unless_it_is_plainly_json(pair: str, value: object) -> None:
    assert _option(pair) == (pair.partition("=")[0], value)

"""What README shows works: its first commands are whole, its verdicts are the records', a recipe's curve is trained."""

import re
from pathlib import Path

import pytest

from analysis.__main__ import main as analysis
from analysis.records import load, sheets
from studies.__main__ import main as studies
from studies.declare.registry import find_study

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CURVES = (ROOT / "zigma" / "scans" / "README.md").read_text(encoding="utf-8")


def blocks(language: str, document: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", document, flags=re.DOTALL)


def test_the_first_block_holds_two_commands() -> None:
    commands = [line for line in blocks("bash")[0].splitlines() if line and not line.startswith("#")]
    assert len(commands) == 2
    assert "studies run scan_ablation && " in commands[0]
    assert commands[0].endswith("analysis make-tables")
    assert commands[1].endswith("pytest")


def test_it_is_two_pages() -> None:
    assert len(README.split()) < 1500


def test_it_claims_no_answer_about_images_unless_the_records_do() -> None:
    quoted = dict(re.findall(r"<!-- from: claims / ([\w-]+) -->(.*?)<!-- end -->", README))
    about_speed = {"parallel-scans-are-not-free", "order-receptive-field-is-free"}
    answered = {name for name, verdict in quoted.items() if verdict in ("holds", "reversed")} - about_speed
    assert len(quoted) > 5
    assert bool(answered) != ("No claim of the paper about the quality of images is confirmed" in README)


def test_nothing_is_left_to_fill_in() -> None:
    assert not re.search(r"^@\w+@$", README, flags=re.MULTILINE)


def test_the_tutorial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")  # narrower tables are cut into pieces
    Path("my_curves.py").write_text(blocks("python", CURVES)[0], encoding="utf-8")
    look, _try, train, table = (
        line.removesuffix(" --dry-run").split()[3:] for line in blocks("bash", CURVES)[0].splitlines()
    )
    assert analysis(look) == 0
    assert "my-spiral" in capsys.readouterr().out
    settings = (
        "training.steps=1",
        "training.batch_images=4",
        "sampling.steps=1",
        "evaluation.n_generated=50",
    )
    budget = [word for setting in settings for word in ("--set", setting)]
    assert studies([*train, "--jobs", "1", "--only", "my-spiral-8", *budget]) == 0
    record = next(Path("results/records").rglob("my-spiral-8.*.json"))
    assert '"scan": "my-spiral-8"' in record.read_text(encoding="utf-8")
    assert analysis(table) == 0
    out = capsys.readouterr().out
    stale = sheets(find_study("scan_ablation"), load(Path("results")), "tiny")["digits-8"].stale
    assert "my-spiral-8" in [arm for arm, _, _ in stale]  # the budget is not the study's
    assert f"{len(stale)} records of other configurations" in out
    assert not re.search(r"^my-spiral-8", out, flags=re.MULTILINE)  # no row, only the note that says why
    assert analysis([*table, *budget]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^my-spiral-8 +— .* ± —$", out, flags=re.MULTILINE)


def test_an_added_arm_of_the_study_s_own_budget_gets_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from analysis.records import load, sheets
    from analysis.tables import study_table
    from studies.declare.changes import change
    from studies.declare.registry import find_study
    from studies.declare.scans import with_scans
    from studies.declare.study import runs
    from studies.run.carry_out import carry_out
    from studies.run.conditions import Conditions

    study = find_study("scan_ablation")
    small = change(
        study.scales["tiny"]["digits-8"],
        {"training.steps": 1, "training.batch_images": 4, "sampling.steps": 1, "evaluation.n_generated": 50},
    )
    study = replace(study, scales={"tiny": {"digits-8": small}})
    chosen_runs = [
        run for run in runs(with_scans(study, ["hilbert-8"])[0], "tiny") if run.arm in ("sweep", "hilbert-8")
    ]
    for one in chosen_runs:
        carry_out(one, Conditions(tmp_path))
    records = load(tmp_path)
    recorded = sheets(study, records, "tiny")["digits-8"]
    assert {arm: len(held) for arm, held in recorded.arms.items()} == {
        "sweep": 1,
        "zigzag-1": 0,
        "zigzag-2": 0,
        "zigzag-8": 0,
        "hilbert-8": 1,
    }
    rows = dict(study_table(study, records).parts[0].rows)
    assert rows["hilbert-8"][0] is None  # the paper has no number for it
    assert rows["hilbert-8"][-1] is not None
    assert rows["zigzag-2"][-1] is None

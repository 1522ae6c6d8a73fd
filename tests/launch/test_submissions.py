"""What is submitted comes back as it was, or is refused with a reason; jobs hold no code."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from studies.declare.registry import find_study, studies
from studies.declare.scans import with_scans
from studies.declare.study import Run, runs
from studies.launch.cluster import minutes
from studies.launch.job import Job
from studies.launch.submissions import (
    Submission,
    conditions_of,
    new_submission,
    queued_run,
    submissions,
)
from studies.run.conditions import Conditions
from studies.run.queue import QueuedRun
from zigma.common.words import WordError
from zigma.experiment.config import read_config


def a_run() -> Run:
    return runs(find_study("scan_ablation"), "tiny", settings=["digits-8"])[0]


def submitted(results: Path, run: Run, **options: Any) -> Submission:
    return new_submission("slurm", [QueuedRun(run, "0123")], Conditions(results, "retry", 3.0, **options))


@pytest.mark.parametrize("name", studies())
def test_every_declared_configuration_survives_the_journey(name: str) -> None:
    study = studies()[name]
    for scale, settings in study.scales.items():
        for setting in settings:
            for arm in study.arms:
                config = study.config(arm, scale, setting)
                assert read_config(json.loads(json.dumps(config.model_dump(mode="json")))) == config


def test_a_submission_comes_back_as_it_was(tmp_path: Path) -> None:
    run = a_run()
    made = submitted(tmp_path, run, tracker="tensorboard", beat_s=0.5)
    (submission,) = submissions(tmp_path)
    assert submission.folder == made.folder
    assert queued_run(submission, 0) == QueuedRun(run, "0123")
    assert conditions_of(submission) == Conditions(tmp_path, "retry", 3.0, "tensorboard", 0.5)
    assert submitted(tmp_path, run).folder.name > made.folder.name


def test_a_pickled_job_is_a_path_and_a_number(tmp_path: Path) -> None:
    made = submitted(tmp_path, a_run())
    job = pickle.loads(pickle.dumps(Job(made.folder, 0)))
    assert vars(job) == {"folder": made.folder, "index": 0}
    assert len(pickle.dumps(job)) < 500


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("type",), "Popen", "unknown field 'type'"),
        (("training", "steps"), "many", "training.steps must be a whole number, not 'many'"),
        (("training", "stepz"), 3, "unknown field 'training.stepz'"),
        (("model", "patch"), 3, "does not divide"),
        (("seed",), 5, "the code, the data or a curve has changed"),
    ],
)
def test_what_cannot_be_carried_out_as_submitted_is_refused(
    tmp_path: Path, path: tuple[str, ...], value: Any, says: str
) -> None:
    made = submitted(tmp_path, a_run())
    file = made.folder / "submission.json"
    contents = json.loads(file.read_text())
    part = contents["runs"][0]["config"]
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    file.write_text(json.dumps(contents))
    (submission,) = submissions(tmp_path)
    with pytest.raises(WordError, match=says) as caught:
        queued_run(submission, 0)
    assert "again" in str(caught.value)


def test_a_curve_of_the_user_is_read_again_and_a_changed_one_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    curve = (
        "from zigma.scans import register_scan\n"
        "@register_scan('journey')\n"
        "def journey(height, width):\n"
        "    return {}(range(height * width))\n"
    )
    Path("curves.py").write_text(curve.format("list"))
    study, _ = with_scans(find_study("scan_ablation"), ["curves.py:journey"])
    run = next(run for run in runs(study, "tiny", settings=["digits-8"]) if run.arm == "journey-8")
    made = submitted(tmp_path, run)
    assert made.contents["runs"][0]["config"]["model"]["scan"] == f"{tmp_path}/curves.py:journey-8"
    assert queued_run(made, 0).run == run
    Path("curves.py").write_text(curve.format("reversed"))
    with pytest.raises(WordError, match="has changed since"):
        queued_run(made, 0)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 9, "runs": []}', '{"schema": 1, "runs": 7}'])
def test_a_folder_that_is_no_submission_is_left_alone(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "work" / "jobs" / "000001-abc"
    folder.mkdir(parents=True)
    (folder / "submission.json").write_text(text)
    assert list(submissions(tmp_path)) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 90),
        ("1:30", 2),
        ("4:00:00", 240),
        ("2-0", 2880),
        ("1-2:30", 1590),
        ("0:00:01", 1),
        ("infinite", None),
        ("n/a", None),
        ("-5", None),
        ("1:2:3:4", None),
    ],
)
def test_times_are_written_as_slurm_writes_them(text: str, expected: int | None) -> None:
    assert minutes(text) == expected

"""A run from lease to record: its history, and what lies beside it, whoever is late or dies."""

import errno
import json
import os
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import studies.run.carry_out as module
from studies.cli.run import Request, run
from studies.cli.where import Where
from studies.declare.registry import find_study
from studies.declare.selection import Selection
from studies.declare.study import Run
from studies.run import artifacts
from studies.run.artifacts import MARK, STAGED
from studies.run.carry_out import carry_out, work_folder
from studies.run.conditions import Conditions
from studies.run.lease import acquire
from studies.run.publish import Superseded
from studies.run.record import digest, read_record, recorded
from studies.run.sweep import OLD_S, sweep
from zigma.data.config import DataConfig
from zigma.experiment.config import RunConfig
from zigma.experiment.watch import Watch
from zigma.interpolant.config import SamplingConfig
from zigma.metrics.config import EvaluationConfig
from zigma.models.config import ZigMaConfig
from zigma.profiling.environment import ROOT, commit
from zigma.training import Progress
from zigma.training.config import TrainingConfig

CONFIG = RunConfig(
    model=ZigMaConfig(grid=(8, 8), in_channels=1, hidden=16, depth=2, patch=2, scan="zigzag-2"),
    data=DataConfig(name="digits", size=8),
    training=TrainingConfig(steps=8, batch_images=8),
    sampling=SamplingConfig(sampler="euler", steps=2),
    evaluation=EvaluationConfig(n_generated=60, n_real=60),
)
SOURCE = "zigma/profiling/environment.py"
RUN = Run("scan_ablation", "zigzag-2", "tiny", "digits-8", CONFIG)


class Killed(BaseException):
    """What nothing in the run catches."""


def killed_at(step: int) -> Watch:
    def training(progress: Progress) -> None:
        if progress.step == step:
            raise Killed

    return Watch(training)


def by(monkeypatch: pytest.MonkeyPatch, **changed: Any) -> None:
    """From now on this is another commit, device, torch."""
    here = module.environment()
    monkeypatch.setattr(module, "environment", lambda: here | changed)


def interrupted(results: Path, step: int) -> None:
    with pytest.raises(Killed):
        carry_out(RUN, Conditions(results, checkpoint_every_s=-1), killed_at(step))


def the_record(results: Path) -> Any:
    (path,) = recorded(results).values()
    return read_record(path)


def files(results: Path, *folders: str) -> dict[str, bytes]:
    paths = [path for folder in folders for path in (results / folder).rglob("*") if path.is_file()]
    return {path.relative_to(results).as_posix(): path.read_bytes() for path in paths}


def test_a_record_names_all_that_has_worked_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by(monkeypatch, commit="a" * 40, dirty=False, torch="2.14.1", threads=1)
    interrupted(tmp_path, 3)
    by(monkeypatch, commit="b" * 40, dirty=True, device="another", threads=2)
    interrupted(tmp_path, 5)
    by(monkeypatch, commit="c" * 40)
    carry_out(RUN, Conditions(tmp_path))
    record = the_record(tmp_path)
    segments = [(part["commit"][0], part["from_step"], part["dirty"]) for part in record.history]
    assert segments[:2] == [("a", 0, False), ("b", 3, True)]
    assert segments[2][:2] == ("c", 5)
    assert record.history[0]["torch"] == "2.14.1"
    assert record.history[1]["device"] == "another"
    assert record["started"] == record.history[0]["started"]
    assert record["environment"]["commit"] == "c" * 40


def test_a_run_that_other_code_began_says_so_when_it_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by(monkeypatch, commit="a" * 40, code="1" * 16, torch="2.14.1")
    interrupted(tmp_path, 3)
    told: list[str] = []
    with pytest.raises(Killed):
        carry_out(RUN, Conditions(tmp_path, checkpoint_every_s=-1), Watch(killed_at(5).training, told.append))
    assert "resumed after step 3" in told
    by(monkeypatch, commit="b" * 40, code="2" * 16)
    carry_out(RUN, Conditions(tmp_path), Watch(stage=told.append))
    line = f"resumed after step 5; earlier steps were made by commit {'a' * 9}, code {'1' * 9}, torch 2.14.1"
    assert line in told


def test_work_that_was_lost_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by(monkeypatch, commit="a" * 40)
    with pytest.raises(Killed):  # before there is a checkpoint
        carry_out(RUN, Conditions(tmp_path, checkpoint_every_s=1e9), killed_at(3))
    by(monkeypatch, commit="b" * 40)
    carry_out(RUN, Conditions(tmp_path))
    assert [part["commit"][0] for part in the_record(tmp_path).history] == ["b"]


def test_a_checkpoint_older_than_histories_has_an_unknown_beginning(tmp_path: Path) -> None:
    interrupted(tmp_path, 3)
    next(work_folder(tmp_path, RUN).rglob("history.json")).unlink()
    carry_out(RUN, Conditions(tmp_path))
    first, second = the_record(tmp_path).history
    assert (first["commit"], first["from_step"], second["from_step"]) == (None, 0, 3)
    assert the_record(tmp_path)["started"] == second["started"]


def test_a_late_owner_writes_over_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It finishes after another process has recorded the run: its samples, features and weights are dropped."""
    publish = module.publish

    def late(path: Path, data: dict[str, Any], replaces: str | None, results: Path) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(module, "publish", publish)
            patch.setattr(module, "acquire", lambda work, about, beat_s: acquire(tmp_path / "other", {}))
            patch.setattr(module, "verify", lambda work, token: None)
            patch.setattr(module, "work_folder", lambda results, run: tmp_path / "other")
            carry_out(RUN, Conditions(tmp_path))
        before.update(files(tmp_path, "samples", "features", "weights"))
        publish(path, data, replaces, results)

    before: dict[str, bytes] = {}
    monkeypatch.setattr(module, "publish", late)
    with pytest.raises(Superseded):
        carry_out(RUN, Conditions(tmp_path))
    assert len(before) == 4
    assert files(tmp_path, "samples", "features", "weights") == before


def test_force_keeps_the_old_files_until_its_record_is_there(tmp_path: Path) -> None:
    carry_out(RUN, Conditions(tmp_path))
    marked = [path for path in (tmp_path / "weights").rglob("*") if path.is_file()]
    for path in marked:
        path.write_bytes(b"old")
    before = files(tmp_path, "samples", "features", "weights")
    replaces = digest(the_record(tmp_path).path)

    def drawn(message: str) -> None:
        if message.startswith("metrics"):
            raise Killed

    force = Conditions(tmp_path, mode="force")
    with pytest.raises(Killed):
        carry_out(RUN, force, Watch(stage=drawn), replaces)
    assert files(tmp_path, "samples", "features", "weights") == before
    record = carry_out(RUN, force, replaces=replaces)
    assert (tmp_path / record["artifacts"]["weights"]).read_bytes() != b"old"
    assert set(files(tmp_path, "samples", "features", "weights")) == set(before)
    assert not work_folder(tmp_path, RUN).exists()


@pytest.mark.parametrize("finish", ["sweep", "the same command"])
def test_files_follow_though_their_owner_died_after_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finish: str
) -> None:
    def die(*args: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(module, "put_in_place", die)
        with pytest.raises(Killed):
            carry_out(RUN, Conditions(tmp_path))
    record = the_record(tmp_path)
    assert files(tmp_path, "weights") == {}
    (file,) = work_folder(tmp_path, RUN).glob("claim-*.json")
    owner = json.loads(file.read_text())
    before = file.stat().st_mtime_ns
    file.write_text(json.dumps(owner | {"pid_started": 1}))  # its process is gone
    os.utime(file, ns=(before, before))
    heartbeat = work_folder(tmp_path, RUN) / owner["token"] / "heartbeat.json"
    heartbeat.write_text(json.dumps(json.loads(heartbeat.read_text()) | {"state": "running"}))
    if finish == "sweep":
        assert work_folder(tmp_path, RUN) in sweep(tmp_path)
    else:
        carry_out(RUN, Conditions(tmp_path))
    assert all((tmp_path / name).exists() for name in record["artifacts"].values())
    assert not work_folder(tmp_path, RUN).exists()


def test_a_repetition_puts_the_old_records_files_in_place_before_it_begins_afresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*args: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(module, "put_in_place", die)
        with pytest.raises(Killed):
            carry_out(RUN, Conditions(tmp_path))
    record = the_record(tmp_path)
    with pytest.raises(Killed):
        carry_out(RUN, Conditions(tmp_path, mode="force"), killed_at(2), digest(record.path))
    assert all((tmp_path / name).exists() for name in record["artifacts"].values())


def test_a_late_owner_whose_files_were_taken_removes_no_folder(tmp_path: Path) -> None:
    target = tmp_path / "features" / "a"
    target.mkdir(parents=True)
    (target / "real").write_text("of the record that stands")
    with pytest.raises(FileNotFoundError):
        artifacts._replace(tmp_path / "work" / "taken over", target)
    assert files(tmp_path, "features") == {"features/a/real": b"of the record that stands"}
    assert [path.name for path in target.parent.iterdir()] == ["a"]


@pytest.mark.parametrize("folder", [False, True])
def test_files_come_from_another_disk_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: bool
) -> None:
    source, target, rename = tmp_path / "work", tmp_path / "b", os.rename
    for path, text in ((source, "new"), (target, "old")):
        (path / "x" if folder else path).parent.mkdir(exist_ok=True)
        (path / "x" if folder else path).write_text(text)

    def other_disk(old: Path, new: Path) -> None:
        if old == source:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rename(old, new)

    def late(old: Path, new: Path) -> None:  # another owner takes the source while it is copied
        copy(old, new)
        rename(source, tmp_path / "theirs")

    monkeypatch.setattr(os, "rename", other_disk)
    monkeypatch.setattr(os, "replace", other_disk)
    with monkeypatch.context() as patch:
        copy = shutil.copytree if folder else shutil.copy2
        patch.setattr(shutil, copy.__name__, late)
        with pytest.raises(FileNotFoundError):
            artifacts._replace(source, target)
    assert (target / "x" if folder else target).read_text() == "old"
    rename(tmp_path / "theirs", source)
    artifacts._replace(source, target)
    assert (target / "x" if folder else target).read_text() == "new"
    assert not [path.name for path in tmp_path.iterdir() if path not in (source, target)]


def test_a_disk_that_fills_after_the_record_is_said_and_the_same_command_puts_the_files_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(artifacts, "_replace", full)
        with pytest.raises(OSError, match="it is recorded, but its samples or weights are not in place"):
            carry_out(RUN, Conditions(tmp_path))
    record = the_record(tmp_path)
    assert not (tmp_path / record["artifacts"]["weights"]).exists()
    study = replace(find_study("scan_ablation"), scales={"tiny": {"digits-8": CONFIG}})
    selection = Selection(study, "tiny", ("digits-8",), (0,), {})
    monkeypatch.setattr("studies.cli.run.resolve", lambda chosen: [RUN])
    assert run(Request(selection, Where(conditions=Conditions(tmp_path)))) == 0  # it has nothing to run
    assert all((tmp_path / name).exists() for name in record["artifacts"].values())
    assert not work_folder(tmp_path, RUN).exists()


def test_what_a_late_owner_wrote_after_its_lease_was_gone_is_swept_after_a_day(tmp_path: Path) -> None:
    with acquire(work_folder(tmp_path, RUN), {}) as owner:
        for name, age in (("0" * 16, OLD_S + 60), ("1" * 16, 60.0), (owner.token, OLD_S + 60)):
            file = work_folder(tmp_path, RUN) / name / "artifacts" / "weights"
            file.parent.mkdir(parents=True)
            file.write_text("late")
            for path in (file, file.parent, file.parent.parent):
                os.utime(path, (time.time() - age,) * 2)
        assert [path.name for path in sweep(tmp_path)] == ["0" * 16]
        assert {path.name for path in work_folder(tmp_path, RUN).iterdir() if path.is_dir()} == {
            "1" * 16,
            owner.token,
        }


def test_unfinished_files_of_killed_commands_are_swept_after_a_day(tmp_path: Path) -> None:
    """Wherever a command writes: at the top, below what it runs and below what it shows."""
    ages = {".a.1.tmp.json": OLD_S + 60, "view/figures/.b.1.tmp.png": OLD_S + 60, "view/.c.1.tmp.md": 60.0}
    for name, age in ages.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("half")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    (tmp_path / "view" / "report.html").write_text("whole")
    assert {str(path.relative_to(tmp_path)) for path in sweep(tmp_path)} == set(list(ages)[:2])
    assert (tmp_path / "view" / ".c.1.tmp.md").exists()


def test_files_of_another_attempt_are_never_moved(tmp_path: Path) -> None:
    carry_out(RUN, Conditions(tmp_path))
    before = files(tmp_path, "samples", "features", "weights")
    record = the_record(tmp_path)
    with acquire(work_folder(tmp_path, RUN), {}) as owner:
        for name in ("samples", "weights"):
            path = owner.folder / STAGED / record["artifacts"][name]
            path.parent.mkdir(parents=True)
            path.write_bytes(b"other")
        (owner.folder / STAGED / MARK).write_text('{"checksum": "of another"}')
    carry_out(RUN, Conditions(tmp_path))
    assert files(tmp_path, "samples", "features", "weights") == before


def test_the_sweep_removes_what_is_old_and_unfinished_alone(tmp_path: Path) -> None:
    folder = tmp_path / "records" / "tiny"
    folder.mkdir(parents=True)
    names = {".a.12345678.tmp.json": OLD_S + 60, ".b.12345678.tmp.json": 60.0, "c.json": OLD_S + 60}
    for name, age in names.items():
        (folder / name).write_text("{}")
        os.utime(folder / name, (time.time() - age,) * 2)
    assert [path.name for path in sweep(tmp_path)] == [".a.12345678.tmp.json"]
    assert sorted(path.name for path in folder.iterdir()) == [".b.12345678.tmp.json", "c.json"]


def test_a_failed_runs_checkpoint_is_not_swept(tmp_path: Path) -> None:
    interrupted(tmp_path, 3)
    assert sweep(tmp_path) == []
    assert list(work_folder(tmp_path, RUN).rglob("checkpoint.pt"))


def git(folder: Path, *words: str) -> None:
    name = ("-c", "user.name=n", "-c", "user.email=e@example.org")
    subprocess.run(["git", "-C", str(folder), *name, *words], check=True, capture_output=True)


@pytest.mark.parametrize("inside", [".venv/lib/site-packages", "vendored", "."])
def test_the_commit_is_this_projects_own_or_none(tmp_path: Path, inside: str) -> None:
    """Installed or copied into another repository, a record does not name that repository's commit."""
    root = tmp_path / inside
    (root / SOURCE).parent.mkdir(parents=True)
    (root / SOURCE).write_text("x = 1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "all")
    commit.cache_clear()
    named = commit(root)
    if inside != ".":
        assert named == {"commit": None, "dirty": None}
        return
    assert len(named["commit"]) == 40
    assert named["dirty"] is False
    (root / SOURCE).write_text("x = 2\n")
    commit.cache_clear()
    assert commit(root)["dirty"] is True


def test_a_hook_of_git_changes_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init", "-q")
    commit.cache_clear()
    plain = commit(ROOT)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path))
    commit.cache_clear()
    assert commit(ROOT) == plain

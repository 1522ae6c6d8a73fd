"""Every study at scale tiny is carried out for real, on a budget of two steps: what is declared can be run."""

from pathlib import Path

import pytest

from studies.declare.changes import change
from studies.declare.registry import studies
from studies.declare.study import Run as OneRun
from studies.declare.study import Study
from zigma.experiment.config import RunConfig, ScanConfig
from zigma.experiment.estimate import estimate

BUDGET = {
    "training.steps": 2,
    "training.batch_images": 2,
    "sampling.steps": 1,
    "evaluation.n_generated": 8,
    "evaluation.n_real": 8,
}
AT_THE_END = {"evaluation.every_steps": None}
TRENDS = {"evaluation.every_steps": 1, "evaluation.n_on_the_way": 4}


def cheap(study: Study, trends: dict[str, int | None]) -> list[OneRun]:
    """Each arm of a study in each of its settings, with next to nothing to do."""
    runs_by_kind: dict[object, OneRun] = {}
    for setting in study.scales["tiny"]:
        for arm in study.arms:
            config = study.config(arm, "tiny", setting)
            if isinstance(config, RunConfig):
                on_the_way = trends if config.evaluation.every_steps else {}
                config = change(config, BUDGET | on_the_way)
            elif not isinstance(config, ScanConfig):
                config = change(config, {"repeats": 1})
            runs_by_kind.setdefault(config, OneRun(study.name, arm.name, "tiny", setting, config))
    return list(runs_by_kind.values())


def check(runs: list[OneRun], results: Path) -> None:
    from studies.run.carry_out import carry_out
    from studies.run.conditions import Conditions

    for run in runs:
        record = carry_out(run, Conditions(results))
        assert record["status"] == "done", f"{run.study} {run.label}: {record['error']}"
        assert record["metrics"], run.label
        if isinstance(run.config, RunConfig) and run.config.evaluation.every_steps:
            assert record["curves"]["held_out_loss"]["step"], run.label


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared, so that a run which stands in several tables is carried out once here too."""
    return tmp_path_factory.mktemp("results")


@pytest.fixture(autouse=True)
def one_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    """One draw of noise and time for each held-out image, where runs have several: nearly all of the work here."""
    monkeypatch.setattr("zigma.training.held_out.HELD_OUT_DRAWS", 1)


@pytest.mark.parametrize("name", studies())
def test_an_arm_of_each_study_runs(name: str, results: Path) -> None:
    runs = cheap(studies()[name], AT_THE_END)
    check([min(runs, key=lambda run: estimate(run.config, "cpu").seconds)], results)


@pytest.mark.slow
@pytest.mark.parametrize("name", studies())
def test_the_first_and_the_last_arm_of_each_setting_run(name: str, results: Path) -> None:
    by_setting: dict[str, list[OneRun]] = {}
    for run in cheap(studies()[name], TRENDS):
        if run.setting.endswith("-equal"):  # the setting before it, of other widths: test_mixers_study.py
            continue
        by_setting.setdefault(run.setting, []).append(run)
    check([run for runs in by_setting.values() for run in (runs[0], runs[-1])], results)

"""A run of seconds, carried out, and what its record says."""

from pathlib import Path
from typing import Any

from studies.declare.study import Run
from studies.run.carry_out import carry_out
from studies.run.conditions import Conditions
from zigma.data.config import DataConfig
from zigma.experiment.config import RunConfig
from zigma.interpolant.config import SamplingConfig
from zigma.metrics.config import EvaluationConfig
from zigma.models.config import ZigMaConfig
from zigma.training.config import TrainingConfig

MODEL = ZigMaConfig(grid=(8, 8), in_channels=1, hidden=16, depth=2, patch=2, scan="zigzag-2", drop_path=0.1)

CONFIG = RunConfig(
    model=MODEL,
    data=DataConfig(name="digits", size=8),
    training=TrainingConfig(steps=6, batch_images=8, learning_rate=1e-3, ema_rate=0.9),
    sampling=SamplingConfig(sampler="euler", steps=2),
    evaluation=EvaluationConfig(n_generated=130, n_real=100),
)

ON_THE_WAY = CONFIG.replace(evaluation=CONFIG.evaluation.replace(every_steps=2, n_on_the_way=40))


def a_run(config: RunConfig) -> Run:
    return Run("study", "arm", "tiny", "setting", config)


def done(config: RunConfig, results: Path, **options: Any) -> dict[str, Any]:
    record = carry_out(a_run(config), Conditions(results), **options)
    assert record["status"] == "done", record["error"]
    return record


def failed(config: RunConfig, results: Path) -> str:
    record = carry_out(a_run(config), Conditions(results))
    assert (record["status"], record["metrics"], record["curves"]) == ("failed", [], {})
    return str(record["error"])


def values(record: dict[str, Any]) -> dict[str, float]:
    return {metric["name"]: metric["value"] for metric in record["metrics"]}

"""Carries out a run as every one of several processes does: `torchrun ... run_in_processes.py FOLDER CASE`."""

import json
import os
import signal
import sys
from pathlib import Path

import torch

import zigma.experiment.drawing
import zigma.experiment.estimate
from studies.declare.study import Run
from studies.run.carry_out import carry_out
from studies.run.conditions import Conditions
from zigma.data.config import DataConfig
from zigma.experiment.artifacts import Places
from zigma.experiment.config import RunConfig
from zigma.experiment.train_and_evaluate import train_and_evaluate
from zigma.experiment.watch import Watch
from zigma.interpolant.config import SamplingConfig
from zigma.metrics.config import EvaluationConfig
from zigma.models.config import ZigMaConfig
from zigma.training import Progress
from zigma.training.config import TrainingConfig
from zigma.training.processes import processes

CONFIG = RunConfig(
    model=ZigMaConfig(grid=(8, 8), in_channels=1, hidden=16, depth=2, patch=2, scan="zigzag-2", classes=11),
    data=DataConfig(name="digits", size=8),
    training=TrainingConfig(steps=8, batch_images=8, learning_rate=1e-2, ema_rate=0.8, condition_dropout=0.3),
    sampling=SamplingConfig(sampler="euler", steps=3, guidance=1.5),
    evaluation=EvaluationConfig(n_generated=133, n_real=77, every_steps=3, n_on_the_way=21),
)


def lose(folder: Path, me: bool) -> None:
    """Carry a run out, and be killed in the middle of it, or lose another one."""

    def watched(progress: Progress) -> None:
        if progress.step == 5 and me:
            os.kill(os.getpid(), signal.SIGKILL)

    run = Run("scan_ablation", "zigzag-2", "tiny", "digits-8", CONFIG)
    carry_out(run, Conditions(folder / "results", checkpoint_every_s=-1, beat_s=0.2), Watch(training=watched))


def main(folder: Path, case: str) -> None:
    torch.set_num_threads(1)
    zigma.experiment.estimate.MOST_IMAGES = 10  # several batches, so that there is something to share
    rank = processes().process_index
    if case.startswith("lost-"):
        lose(folder, case == f"lost-{rank}")
        return
    if case == "broken" and rank == 1:

        def sample(*args: object, **options: object) -> torch.Tensor:
            raise FloatingPointError("not finite")

        zigma.experiment.drawing.sample = sample

    def watched(progress: object) -> None:
        if case == "killed" and progress.step == 5:
            raise KeyboardInterrupt

    try:
        outcome = train_and_evaluate(
            CONFIG, Places(folder, "run", folder), Watch(training=watched), checkpoint_every_s=-1
        )
    except Exception as error:
        outcome = {"error": f"{type(error).__name__}: {error}"}
    (folder / f"{case}.{rank}.json").write_text(json.dumps(outcome))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

"""Optional trackers, through accelerate's: a copy of the curves for those who like to watch them elsewhere.

Nothing is ever read back from a tracker: tables and figures come from records alone.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from zigma.experiment.watch import Watch

if TYPE_CHECKING:
    from studies.declare.study import Run
    from studies.run.conditions import Conditions
    from zigma.training import Progress

# name -> packages, any of which does
TRACKERS = {"tensorboard": ("tensorboard", "tensorboardX"), "wandb": ("wandb",)}
POINTS = 1000  # of a curve


def has_package(name: str) -> bool:
    """Whether the tracker's package is installed; true for a name that is no tracker's."""
    return name not in TRACKERS or any(find_spec(package) for package in TRACKERS[name])


@contextlib.contextmanager
def tracked(run: Run, conditions: Conditions, watch: Watch) -> Iterator[Watch]:
    """`watch`, and the tracker that the conditions name told of it as well."""
    if conditions.tracker is None or os.environ.get("RANK", "0") != "0":
        yield watch
        return
    tracker = _start(run, conditions)

    def training(progress: Progress) -> None:
        watch.training(progress)
        if progress.step % max(1, progress.steps // POINTS) == 0 or progress.step == progress.steps:
            tracker.log({"loss": progress.loss, "images_per_s": progress.images_per_s}, step=progress.step)

    try:
        yield Watch(training, watch.stage)
    finally:
        tracker.finish()


def _start(run: Run, conditions: Conditions) -> Any:
    from accelerate.tracking import TensorBoardTracker, WandBTracker

    name = f"{run.study}.{run.scale}.{run.arm}.{run.setting}.seed{run.config.seed}.{run.identity}"
    folder = conditions.results / "work" / "trackers"
    folder.mkdir(parents=True, exist_ok=True)
    if conditions.tracker == "tensorboard":
        tracker: Any = TensorBoardTracker(name, folder)
    else:  # a resumed run goes on in the curve that it began
        tracker = WandBTracker("zigma-studies", name=name, id=run.identity, resume="allow", dir=str(folder))
    tracker.start()
    return tracker

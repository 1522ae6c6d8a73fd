"""One run in this process: carried out, told line by line, and its outcome in a line."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from studies.declare.study import Run
from studies.launch.progress import duration
from studies.run.lease import BEAT_S
from studies.run.queue import Mode, Planned
from studies.run.record import digest

REPORT_EVERY_S = 0.5
PARTS = "excess_velocity_t"  # the excess in bins of t, too many numbers for a line

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Task:
    """A run to carry out, and the digest of the record that it is to replace."""

    run: Run
    replaces: str | None = None


@dataclass(frozen=True)
class Order:
    """How runs are to be carried out: nothing here changes a number."""

    results: Path
    mode: Mode
    checkpoint_every_s: float
    tracker: str | None = None
    beat_s: float = BEAT_S
    debug: bool = False  # an error is raised, for a debugger, and not recorded


def tasks(planned: list[Planned]) -> list[Task]:
    """The runs of a plan, each with the record that it replaces."""
    return [Task(item.run, digest(item.record.path) if item.record else None) for item in planned]


def execute(task: Task, order: Order, tell: Tell) -> tuple[bool, str]:
    """Carry out a run; whether it is done, and one line about it."""
    import torch

    from studies.launch.tracker import tracked
    from studies.run.carry_out import carry_out
    from studies.run.lease import Lost, Owned
    from studies.run.record import Superseded
    from zigma.experiment.watch import Watch
    from zigma.processor import keep_freed_memory
    from zigma.training import Progress
    from zigma.training.checkpoint import BadCheckpoint

    if not torch.cuda.is_available():
        torch.set_num_threads(1)
        keep_freed_memory()
    last = 0.0

    def training(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= REPORT_EVERY_S or progress.step == progress.steps:
            last = now
            tell(
                f"step {progress.step}/{progress.steps}  loss {progress.loss:.4f}  "
                f"{progress.images_per_s:.0f} images/s  {duration(progress.seconds_left)} left"
            )

    try:
        with tracked(task.run, order, Watch(training, tell)) as watch:
            record = carry_out(
                task.run,
                order.results,
                watch,
                replaces=task.replaces,
                afresh=order.mode == "force",
                checkpoint_every_s=order.checkpoint_every_s,
                beat_s=order.beat_s,
                debug=order.debug,
            )
    except (Owned, Lost, Superseded) as error:
        return False, f"not run here: {error}"
    except BadCheckpoint as error:
        return False, f"stopped: {error}"
    except OSError as error:  # a full disk, a folder that may not be written: nothing is recorded of it
        return False, f"stopped: {error}; the same command resumes it"
    if record["status"] == "failed":
        return False, f"failed: {record['error']}"
    whole = [metric for metric in record["metrics"] if not metric["name"].startswith(PARTS)]
    values = "  ".join(f"{metric['name']} {metric['value']:.4g}" for metric in whole)
    return True, f"done in {duration(sum(record['wall_time_s'].values()))}: {values}"

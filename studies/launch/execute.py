"""One run in this process: carried out, told line by line, and its outcome in a line."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from studies.launch.progress import duration
from studies.run.conditions import Conditions
from studies.run.queue import QueuedRun

REPORT_EVERY_S = 0.5
PARTS = "excess_velocity_t"  # the excess in bins of t, too many numbers for a line

Tell = Callable[[str, float | None], None]  # a line, and the fraction of the training that is done
Kind = Literal["done", "failed", "stopped", "elsewhere", "cancelled"]


@dataclass(frozen=True)
class Outcome:
    """How a run ended here, and a line about it. Stopped, elsewhere and cancelled leave no record."""

    kind: Kind
    line: str


def outcome_of(record: dict[str, Any], by_another: bool = False) -> Outcome:
    """What a record says; `by_another` process, meanwhile."""
    whose = "recorded meanwhile by another process: " if by_another else ""
    if record["status"] == "failed":
        return Outcome("failed", f"{whose}failed: {record['error']}")
    whole = [metric for metric in record["metrics"] if not metric["name"].startswith(PARTS)]
    values = "  ".join(f"{metric['name']} {metric['value']:.4g}" for metric in whole)
    return Outcome("done", f"{whose}done in {duration(sum(record['wall_time_s'].values()))}: {values}")


def execute(queued: QueuedRun, conditions: Conditions, tell: Tell) -> Outcome:
    """Carry out a run."""
    import torch

    from studies.launch.tracker import tracked
    from studies.run.carry_out import carry_out
    from studies.run.lease import Lost, Owned
    from studies.run.publish import Superseded
    from zigma.experiment.watch import Watch
    from zigma.processor import keep_freed_memory
    from zigma.training import Progress
    from zigma.training.checkpoint import BadCheckpoint

    if not torch.cuda.is_available():
        torch.set_num_threads(1)
        keep_freed_memory()
    last, begun = 0.0, False

    def training(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= REPORT_EVERY_S or progress.step == progress.steps:
            last = now
            line = f"step {progress.step}/{progress.steps}  loss {progress.loss:.4f}"
            if progress.step > 1:  # the first one compiles, and says nothing of those to come
                line += f"  {progress.images_per_s:.0f} images/s  {duration(progress.seconds_left)} left"
            tell(line, progress.step / progress.steps)

    def stage(message: str) -> None:
        nonlocal begun
        begun = True
        tell(message, None)

    try:
        with tracked(queued.run, conditions, Watch(training, stage)) as watch:
            record = carry_out(queued.run, conditions, watch, queued.replaces)
    except Owned as error:
        return Outcome("elsewhere", f"not run here: {error}")
    except (Lost, Superseded) as error:
        return Outcome("stopped", f"not run here: {error}")
    except BadCheckpoint as error:
        return Outcome("stopped", f"stopped: {error}")
    except OSError as error:
        # a full disk, no memory, a folder that may not be written: nothing is recorded of it
        return Outcome("stopped", f"stopped: {error}; the same command resumes it")
    return outcome_of(record, by_another=not begun)

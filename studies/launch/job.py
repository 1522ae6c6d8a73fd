"""What a submitted job does. submitit pickles a `Job`, which holds a path and a number; all else is read again."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studies.launch.execute import execute
from studies.launch.progress import Reporter
from studies.launch.submissions import Submission, order_of, task_of
from zigma.common.files import read_json

PREEMPTED = signal.SIGUSR2  # submitit's own choice


@dataclass
class Job:
    """One run of a submission, in a job of its own: on Slurm, and for the debugger."""

    folder: Path
    index: int

    def __call__(self) -> bool:
        """Carry out the run; whether it is done."""
        _leave_by_signal_alone()
        _meet()
        submission = read_submission(self.folder)
        order = order_of(submission)
        task = task_of(submission, self.index)
        signal.signal(
            signal.SIGTERM, lambda *_: _end() if task.run.identity in submission.cancelled else None
        )
        reporter = Reporter(1)
        reporter.start(1, task.run.label)
        good, outcome = execute(task, order, lambda line: reporter.tell(1, line))
        reporter.end(1, outcome)
        if not good and int(os.environ.get("WORLD_SIZE", "1")) > 1:
            sys.exit(1)  # else the other processes of the job would wait for this one
        return good

    def checkpoint(self) -> Any:
        """What submitit puts in the queue again when Slurm ends a job early: the same; it resumes."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


@dataclass
class Dispatcher:
    """All runs of a submission on this machine, so many at once, behind the terminal's back."""

    folder: Path
    jobs: int | None
    gpus: int
    visible: str | None  # CUDA_VISIBLE_DEVICES as the user has it: submitit sets its own

    def __call__(self) -> bool:
        """Carry out all runs; whether all are done."""
        from studies.launch.pool import Share, launch

        signal.signal(signal.SIGTERM, _end)  # `studies cancel`; submitit would ignore it
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)
        if self.visible is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = self.visible
        submission = read_submission(self.folder)
        order = order_of(submission)
        wanted = [task_of(submission, index) for index in range(len(submission.runs))]
        share = Share(self.jobs, self.gpus, self.folder, lambda: submission.cancelled)
        return launch(wanted, order, share) == 0


def read_submission(folder: Path) -> Submission:
    """The submission of a folder; FileNotFoundError if it was deleted."""
    said = read_json(folder / "submission.json")
    if not said:
        raise FileNotFoundError(f"{folder / 'submission.json'} is gone: the runs were submitted from there")
    return Submission(folder, said)


def _meet() -> None:
    """Tell torch of the other processes of this job, if there are any."""
    from submitit import JobEnvironment
    from submitit.helpers import TorchDistributedEnvironment

    if JobEnvironment().num_tasks > 1:
        # the GPUs stay as Slurm has set them: accelerate takes the one of LOCAL_RANK among them
        TorchDistributedEnvironment().export(set_cuda_visible_devices=False, overwrite=True)
        import torch

        if not torch.cuda.is_available():
            os.environ["ACCELERATE_USE_CPU"] = "true"


def _leave_by_signal_alone() -> None:
    """Let nothing but SystemExit come out of submitit's signal handler.

    It interrupts the run wherever that is, and asks Slurm to requeue the job; when Slurm is quicker and kills the
    question, or when the job has run out of time too often, it raises in the middle of the run, which must not take
    it for a failure of its own.
    """
    handler = signal.getsignal(PREEMPTED)
    if not callable(handler):
        return

    def leave(number: int, frame: Any) -> None:
        try:
            handler(number, frame)
        except Exception as error:
            print(f"not requeued by the job itself: {error}", file=sys.stderr, flush=True)
            sys.exit(1)

    signal.signal(PREEMPTED, leave)


def _end(*heard: Any) -> None:
    """Leave through every `finally`, which lets go of the run."""
    sys.exit(1)

"""What a submitted job does. submitit pickles a `Job`, which holds a path and a number; all else is read again."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from studies.launch.execute import execute
from studies.launch.progress import Reporter
from studies.launch.submissions import conditions_of, queued_run, read_submission
from studies.run.faults import Stopped

PREEMPTED = signal.SIGUSR2  # submitit's own choice


@dataclass
class Job:
    """One run of a submission, in a job of its own: on Slurm, and for the debugger."""

    folder: Path
    index: int

    def __call__(self) -> bool:
        """Carry out the run; whether it is done."""
        _leave_by_signal_alone()
        submission = read_submission(self.folder)
        identity = submission.runs[self.index]["identity"]
        if identity in submission.cancelled:  # while Slurm was putting the job back into its queue
            print("this run was cancelled", file=sys.stderr, flush=True)
            return False
        _meet()
        queued = queued_run(submission, self.index)
        signal.signal(signal.SIGTERM, lambda *_: stop() if identity in submission.cancelled else None)
        with Reporter(1) as reporter:
            reporter.start(1, queued.run.label)
            conditions = conditions_of(submission)
            outcome = execute(queued, conditions, partial(reporter.tell, 1))
            reporter.end(1, outcome.line)
        if outcome.kind != "done" and int(os.environ.get("WORLD_SIZE", "1")) > 1:
            sys.exit(1)  # else the other processes of the job would wait for this one
        return outcome.kind == "done"

    def checkpoint(self) -> Any:
        """What submitit puts in the queue again when Slurm ends a job early: the same; it resumes."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


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
    """Let nothing but `Stopped` come out of submitit's signal handler.

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
        except SystemExit as error:
            raise Stopped(error.code) from error
        except Exception as error:
            print(f"not requeued by the job itself: {error}", file=sys.stderr, flush=True)
            raise Stopped(1) from error

    signal.signal(PREEMPTED, leave)


def stop(*heard: Any) -> NoReturn:
    """Leave through every `finally`, which releases the lease of the run."""
    raise Stopped(1)

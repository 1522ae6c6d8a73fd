"""Carry out a local submission behind the terminal's back: `python -m studies.launch.dispatch FOLDER JOBS GPUS`.

The process that `status` names: when it ends, however it ends, so do its runs.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from studies.launch.job import stop
from studies.launch.submissions import conditions_of, queued_run, read_submission
from studies.run.process import this_process
from zigma.common.files import replace_json
from zigma.common.program import carry_out
from zigma.common.words import Parser
from zigma.processor import wait_briefly


def main(folder: Path, jobs: int | None, gpus: int) -> int:
    """Carry out all runs; returns the exit status."""
    signal.signal(signal.SIGTERM, stop)
    # by this process and not by the one that started it, which may be killed before it could
    replace_json(folder / "jobs.json", {"ids": [str(os.getpid())], "process": this_process()})
    from studies.launch.pool import Share, launch

    submission = read_submission(folder)
    queue = [queued_run(submission, index) for index in range(len(submission.runs))]
    share = Share(jobs, gpus, folder, lambda: submission.cancelled, submission.end)
    return launch(queue, conditions_of(submission), share)


def _words() -> argparse.Namespace:
    parser = Parser(
        prog="python -m studies.launch.dispatch",
        description="Started by `python -m studies run ... --cluster local`, not by you: carries a submission out.",
    )
    parser.add_argument("folder", type=Path, help="of the submission")
    parser.add_argument("jobs", type=int, help="runs at once; 0: one per core, or one per GPU")
    parser.add_argument("gpus", type=int, help="of each run")
    return parser.parse_args()


if __name__ == "__main__":
    wait_briefly()
    words = _words()
    sys.exit(carry_out("dispatch", lambda: main(words.folder, words.jobs or None, words.gpus)))

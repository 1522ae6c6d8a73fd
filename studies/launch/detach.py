"""Start a local submission's runs in the session of this process: `python -m studies.launch.detach FOLDER JOBS GPUS`.

A process of its own only so that what it starts belongs to no terminal and holds no pipe open.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from studies.launch.cluster import FOR_EVER_MIN
from studies.launch.job import Dispatcher
from studies.run.process import local_process
from zigma.common.files import replace_json


def main(folder: Path, jobs: int | None, gpus: int) -> None:
    """Submit, and write down which process it is."""
    from submitit.local.local import LocalExecutor

    executor = LocalExecutor(folder=folder)
    # submitit ends local jobs after two minutes unless it is told a time
    executor.update_parameters(timeout_min=FOR_EVER_MIN, stderr_to_stdout=True)
    job = executor.submit(Dispatcher(folder, jobs, gpus, os.environ.get("CUDA_VISIBLE_DEVICES")))
    replace_json(folder / "jobs.json", {"ids": [job.job_id], "process": local_process(int(job.job_id))})


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) or None, int(sys.argv[3]))

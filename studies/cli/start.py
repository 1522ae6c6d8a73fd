"""Start runs that were planned: here, or handed over to a cluster."""

from __future__ import annotations

import sys

from studies.cli.options import hint
from studies.cli.where import Where
from studies.launch.cluster import Resources, run_debug, submit_local, submit_slurm
from studies.launch.execute import Task, tasks
from studies.launch.live import live_runs
from studies.launch.submissions import Submission
from studies.run.queue import Planned
from zigma.experiment.estimate import scale_device


def start(planned: list[Planned], where: Where) -> int:
    """Carry the runs out here, or submit them; returns the exit status."""
    if where.cluster is None:
        from studies.launch.pool import Share, launch

        return launch(tasks(planned), where.order, Share(where.jobs, where.resources.gpus or 1))
    queue = _not_under_way(tasks(planned), where)
    if not queue:
        return 0
    if where.cluster == "debug":
        return run_debug(queue, where.order)
    submit = submit_slurm if where.cluster == "slurm" else submit_local
    _say(submit(queue, where.order, where.resources), where)
    if where.cluster == "slurm" and (advice := without_gpu(queue, where.resources)):
        print(advice, file=sys.stderr)
    return 0


def without_gpu(queue: list[Task], resources: Resources) -> str | None:
    """What to say where runs that are sized for a GPU ask for none: a partition may give one all the same."""
    if resources.gpus or any("gpu" in name or name == "gres" for name in resources.extra):
        return None
    scales = {task.run.scale for task in queue if scale_device(task.run.scale) == "gpu"}
    return (
        f"no GPU is asked for at scale {', '.join(sorted(scales))}: --gpus 1 asks for one" if scales else None
    )


def _not_under_way(queue: list[Task], where: Where) -> list[Task]:
    """Runs that are not queued or running already: submitting twice is no mistake, and changes nothing."""
    live, error = live_runs(where.order.results)
    if error:
        print(f"{error}; which runs are queued cannot be told", file=sys.stderr)
    under_way = {run.identity for run in live if run.state in ("queued", "running")}
    rest = [task for task in queue if task.run.identity not in under_way]
    if len(rest) < len(queue):
        print(f"{len(queue) - len(rest)} of {len(queue)} runs are queued or running already")
    return rest


def _say(submission: Submission, where: Where) -> None:
    count, ids = len(submission.runs), submission.job_ids
    arrays = dict.fromkeys(job.partition("_")[0] for job in ids)
    place = (
        f"to Slurm, job {', '.join(arrays)}" if submission.cluster == "slurm" else f"here, process {ids[0]}"
    )
    print(f"submitted {count} run{'s' if count > 1 else ''} {place}")
    results = where.order.results
    print(f"follow with `{hint('status --watch', results)}`, `{hint('logs RUN', results)}`")
    print(f"stop with `{hint('cancel', results)}`")

"""Start runs that were planned: here, or handed over to a cluster."""

from __future__ import annotations

import sys
from dataclasses import asdict

from studies.cli.options import hint
from studies.cli.where import Where
from studies.launch.cluster import (
    Resources,
    check_cluster,
    run_debug,
    short_time,
    submit_local,
    submit_slurm,
)
from studies.launch.live import live_runs
from studies.launch.submissions import Submission, submitting
from studies.run.queue import QueuedRun, RunStatus, queue
from zigma.common.files import check_writable
from zigma.common.words import counted
from zigma.experiment.estimate import scale_device


def start(statuses: list[RunStatus], where: Where) -> int:
    """Carry the runs out here, or submit them; returns the exit status."""
    check_cluster(where.cluster, where.resources)
    check_writable(where.conditions.results)
    if where.cluster is None:
        from studies.launch.pool import Share, launch

        return launch(queue(statuses), where.conditions, Share(where.jobs, where.resources.gpus or 1))
    if where.cluster == "debug":
        return run_debug(_not_under_way(queue(statuses), where), where.conditions)
    with submitting(where.conditions.results):
        rest = _not_under_way(queue(statuses), where)
        if not rest:
            return 0
        submit = submit_slurm if where.cluster == "slurm" else submit_local
        submission = submit(rest, where.conditions, where.resources)
    _say(submission, where)
    print_advice(rest, where)
    return 0


def print_request(runs: list[QueuedRun], where: Where) -> None:
    """What a dry run says of a submission to Slurm: the jobs, and what each of them asks for."""
    asked = {name: value for name, value in asdict(where.resources).items() if name != "extra" and value}
    if where.cluster == "slurm" and runs:
        options = [f"{name}={value}" for name, value in (asked | where.resources.extra).items()]
        print(f"to Slurm: an array of {counted(len(runs), 'job')}, {', '.join(options)}")


def print_advice(runs: list[QueuedRun], where: Where) -> None:
    """What of the resources that Slurm is asked for is rarely meant, a line each; a dry run says it as well."""
    if where.cluster == "slurm":
        for advice in (without_gpu(runs, where.resources), short_time(where.resources)):
            if advice:
                print(advice, file=sys.stderr)


def without_gpu(runs: list[QueuedRun], resources: Resources) -> str | None:
    """What to say where runs that are sized for a GPU ask for none: a partition may give one all the same."""
    if resources.gpus or any("gpu" in name or name == "gres" for name in resources.extra):
        return None
    scales = {queued.run.scale for queued in runs if scale_device(queued.run.scale) == "gpu"}
    return (
        f"no GPU is asked for at scale {', '.join(sorted(scales))}: --gpus 1 asks for one" if scales else None
    )


def _not_under_way(runs: list[QueuedRun], where: Where) -> list[QueuedRun]:
    """Runs that are not queued or running already: submitting twice is no mistake, and changes nothing."""
    live, error = live_runs(where.conditions.results)
    if error:
        print(f"{error}; which runs are queued cannot be told", file=sys.stderr)
    under_way = {run.identity for run in live if run.under_way}
    rest = [queued for queued in runs if queued.run.identity not in under_way]
    if len(rest) < len(runs):
        print(f"queued or running already: {len(runs) - len(rest)} of {counted(len(runs), 'run')}")
    return rest


def _say(submission: Submission, where: Where) -> None:
    count, ids = len(submission.runs), submission.job_ids
    arrays = dict.fromkeys(job.partition("_")[0] for job in ids)
    place = (
        f"to Slurm, job {', '.join(arrays)}" if submission.cluster == "slurm" else f"here, process {ids[0]}"
    )
    print(f"submitted {counted(count, 'run')} {place}")
    results = where.conditions.results
    print(f"follow with `{hint('status --watch', results)}`, `{hint('logs RUN', results)}`")
    print(f"stop with `{hint('cancel', results)}`")

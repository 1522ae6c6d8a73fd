"""The second half of `run`: where the runs go on, and with what."""

from __future__ import annotations

import argparse
import json
import re
import sys
from typing import Any

from studies.launch.cluster import Resources, minutes, run_debug, submit_local, submit_slurm
from studies.launch.execute import Order, Task, tasks
from studies.launch.live import live_runs
from studies.launch.submissions import Submission
from studies.launch.tracker import TRACKERS, check_tracker
from studies.run.lease import BEAT_S
from studies.run.queue import Planned
from zigma.common.words import WordError
from zigma.experiment.estimate import scale_device

CLUSTERS = """where the runs go on. Without it: in this terminal, with live progress; Ctrl-C stops them.
local: on this machine behind the terminal's back, submit and return; the runs outlive the terminal.
slurm: a job per run, as a job array; submit and return.
debug: in this very process, one after another, with a debugger at an error.
`status`, `logs` and `cancel` follow all of them"""
OF_SLURM = ("partition", "nodes", "time", "constraint", "slurm")


def add_arguments(run: argparse.ArgumentParser) -> None:
    """Add the options that say where and with what; none of them changes a number."""
    group = run.add_argument_group("where and with what (nothing here changes a number)")
    group.add_argument("--cluster", choices=("local", "slurm", "debug"), help=CLUSTERS)
    group.add_argument(
        "--parallel", type=int, metavar="N", help="submitted runs at once; default: all, or one a device"
    )
    group.add_argument("--gpus", type=int, metavar="N", help="GPUs of a run on each node, a process for each")
    group.add_argument("--nodes", type=int, metavar="N", help="nodes of a run")
    group.add_argument("--partition", metavar="NAME", help="Slurm's partition")
    group.add_argument(
        "--time",
        metavar="TIME",
        help="of a job, such as 90 (minutes), 4:00:00 or 2-0; a run resumes in the next",
    )
    group.add_argument("--constraint", metavar="WORDS", help="features that Slurm's nodes must have")
    group.add_argument(
        "--slurm",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any other option of sbatch or submitit, such as account=vision or mem=64G",
    )
    group.add_argument(
        "--tracker", choices=TRACKERS, help="show the curves there as well; nothing is read from it"
    )
    group.add_argument(
        "--heartbeat",
        type=float,
        default=BEAT_S,
        metavar="SECONDS",
        help=f"a run that misses twelve is taken over by another that wants it; default: {BEAT_S:g}",
    )


def check_arguments(args: argparse.Namespace) -> None:
    """Raise a WordError for options that do not fit together, before anything is planned."""
    for name in ("parallel", "gpus", "nodes"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise WordError(f"--{name} takes a number from 1 on, not {value}")
    if not 0.01 <= args.heartbeat <= 60:
        raise WordError(f"--heartbeat takes 0.01 to 60 seconds, not {args.heartbeat:g}")
    if args.cluster != "slurm":
        for name in OF_SLURM:
            if getattr(args, name):
                raise WordError(f"--{name} is for --cluster slurm")
    if args.cluster is None and args.parallel is not None:
        raise WordError("--parallel is for --cluster; in this terminal it is --jobs")
    if args.cluster is not None and args.jobs is not None:
        raise WordError("--jobs is for this terminal; with --cluster it is --parallel")
    _minutes(args.time)
    _extra(args.slurm)
    check_tracker(args.tracker)


def start(planned: list[Planned], args: argparse.Namespace) -> int:
    """Carry the runs out here, or submit them; returns the exit status."""
    order = Order(args.results, args.mode, args.checkpoint_every, args.tracker, args.heartbeat)
    wanted = tasks(planned)
    if args.cluster is None:
        from studies.launch.pool import Share, launch

        return launch(wanted, order, Share(args.jobs, args.gpus or 1))
    wanted = _not_under_way(wanted, args)
    if not wanted:
        return 0
    resources = Resources(
        partition=args.partition,
        gpus=args.gpus,
        nodes=args.nodes or 1,
        minutes=_minutes(args.time),
        constraint=args.constraint,
        parallel=args.parallel,
        extra=_extra(args.slurm),
    )
    if args.cluster == "debug":
        return run_debug(wanted, order)
    submit = submit_slurm if args.cluster == "slurm" else submit_local
    _say(submit(wanted, order, resources))
    if args.cluster == "slurm" and (hint := without_gpu(wanted, resources)):
        print(hint, file=sys.stderr)
    return 0


def without_gpu(wanted: list[Task], resources: Resources) -> str | None:
    """What to say where runs that are sized for a GPU ask for none: a partition may give one all the same."""
    if resources.gpus or any("gpu" in name or name == "gres" for name in resources.extra):
        return None
    scales = {task.run.scale for task in wanted if scale_device(task.run.scale) == "gpu"}
    return (
        f"no GPU is asked for at scale {', '.join(sorted(scales))}: --gpus 1 asks for one" if scales else None
    )


def _not_under_way(wanted: list[Task], args: argparse.Namespace) -> list[Task]:
    """Runs that are not queued or running already: submitting twice is no mistake, and changes nothing."""
    found, error = live_runs(args.results)
    if error:
        print(f"{error}; what is queued is not known", file=sys.stderr)
    under_way = {run.identity for run in found if run.state in ("queued", "running")}
    known = [task for task in wanted if task.run.identity in under_way]
    if known:
        print(f"{len(known)} of {len(wanted)} runs are queued or running already")
    return [task for task in wanted if task.run.identity not in under_way]


def _say(submission: Submission) -> None:
    count, ids = len(submission.runs), submission.job_ids
    arrays = list(dict.fromkeys(job.partition("_")[0] for job in ids))
    what = f"{count} run{'s' if count > 1 else ''}"
    where = (
        f"to Slurm, job {', '.join(arrays)}" if submission.cluster == "slurm" else f"here, process {ids[0]}"
    )
    print(f"submitted {what} {where}")
    print("follow with `python -m studies status --watch`, `logs RUN`; stop with `cancel`")


def _minutes(text: str | None) -> int | None:
    if text is None:
        return None
    found = minutes(text)
    if not found:
        raise WordError(
            f"--time takes minutes from 1 on, or such as 4:00:00 or 2-0 (days-hours), not {text!r}"
        )
    return found


def _extra(pairs: list[str]) -> dict[str, Any]:
    """`--slurm KEY=VALUE` as words of sbatch; a KEY alone is a flag."""
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        key = key.lstrip("-")
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", key):
            raise WordError(f"--slurm takes KEY=VALUE, such as account=vision, not {pair!r}")
        try:
            found[key] = json.loads(value) if equals else True
        except json.JSONDecodeError:
            found[key] = value
    return found

"""`cancel`: stop runs that are queued or running."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from studies.cli.logs import is_meant
from studies.cli.options import add_results
from studies.declare.registry import studies
from studies.launch.live import Live, live_runs
from studies.run.process import is_dead
from zigma.common.words import WordError

HELP = "stop runs that are queued or running"
EXAMPLE = "cancel scan_ablation"


@dataclass(frozen=True)
class Request:
    """Which runs: those of a study, a run as in `logs`, or all."""

    what: str | None
    results: Path


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("what", nargs="?", help="a study, or a run as in `logs`; without: everything")
    add_results(parser)


def read(args: argparse.Namespace) -> Request:
    """The command line as a request."""
    return Request(args.what, args.results)


def run(request: Request) -> int:
    """Cancel the runs; returns 1 where some run elsewhere and cannot be reached from here.

    Raises:
        WordError: no such run is under way, or Slurm does not answer; nothing is cancelled.
    """
    live, error = live_runs(request.results)
    if error:
        raise WordError(f"{error}; nothing was cancelled")
    meant = [run for run in live if run.state in ("queued", "running") and _is_meant(request.what, run)]
    if not meant and request.what and request.what not in studies():
        raise WordError(f"no run that is queued or running is called {request.what!r}")
    elsewhere = _stop(meant)
    stopped = len(meant) - len(elsewhere)
    runs = f"{stopped} run{'' if stopped == 1 else 's'}"
    print(f"cancelled {runs}; the same command runs them again and resumes")
    for run in elsewhere:
        owner = run.claim and run.claim.who
        print(f"{run.label} was not started by Slurm and runs elsewhere: stop it there ({owner})")
    return 1 if elsewhere else 0


def _is_meant(what: str | None, run: Live) -> bool:
    if what in studies():
        return run.about.get("study") == what
    return what is None or is_meant(what, run.identity, run.label)


def _stop(runs: list[Live]) -> list[Live]:
    """Stop runs; returns those that cannot be reached from here."""
    jobs, elsewhere = [], []
    for run in runs:
        if run.submission is not None:
            run.submission.cancel([run.identity])
    for run in runs:
        if run.job:
            jobs.append(run.job)
        elif run.state == "running" and (run.claim is None or not _end(run)):
            elsewhere.append(run)
    if jobs:
        subprocess.run(["scancel", *jobs], check=True, stdout=subprocess.DEVNULL)
    return elsewhere


def _end(run: Live) -> bool:
    """End the process of a run on this machine; False if it is on another."""
    assert run.claim is not None
    pid = run.claim.said.get("pid")
    if is_dead(run.claim.said) is not False or not isinstance(pid, int):
        return False
    os.kill(pid, signal.SIGTERM)
    return True

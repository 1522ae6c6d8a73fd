"""`cancel`: stop runs that are queued or running."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from studies.cli.options import add_results
from studies.declare.registry import studies
from studies.launch.cancel import cancel
from studies.launch.live import Live, live_runs
from studies.launch.submissions import is_meant
from zigma.common.words import WordError, counted

HELP = "stop runs that are queued or running"
EXAMPLE = "cancel scan_ablation"


@dataclass(frozen=True)
class Request:
    """Which runs: those of a study, a run as in `logs`, or all."""

    what: str | None
    results: Path


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = (
        f"{HELP}; exit status: 0 also where nothing is under way, 1 where a run goes on that Slurm does not end "
        "or that cannot be reached from here, 2 where none of that name is under way or there is no such folder"
    )
    parser.add_argument(
        "what", nargs="?", help="a study, an arm, an identity or its beginning; without: everything"
    )
    add_results(parser)


def read(args: argparse.Namespace) -> Request:
    """The command line as a request."""
    return Request(args.what, args.results)


def run(request: Request) -> int:
    """Cancel the runs; returns 1 where some go on, elsewhere or because Slurm does not end them.

    Raises:
        WordError: no such run is under way, or Slurm does not answer; nothing is cancelled.
    """
    live, error = live_runs(request.results)
    if error:
        raise WordError(f"{error}; nothing was cancelled")
    meant = [run for run in live if run.under_way and _is_meant(request.what, run)]
    if not meant and request.what:
        of = "is of the study" if request.what in studies() or request.what.endswith(".py") else "is called"
        raise WordError(f"no run that is queued or running {of} {request.what!r}")
    if not meant:
        print(f"nothing is queued or running in {request.results}")
        return 0
    going = cancel(meant, request.results)
    stopped = len(meant) - len(going)
    if stopped:
        print(f"cancelled {counted(stopped, 'run')}; the command that began them resumes them")
    for each in going:
        label, owner = each.run.label, each.run.lease and each.run.lease.who
        if each.job is not None:
            print(f"{label}: Slurm did not end job {each.job} ({each.complaint}): enter `scancel {each.job}`")
        else:
            print(f"{label} was not started by Slurm and runs elsewhere: stop it there ({owner})")
    return 1 if going else 0


def _is_meant(what: str | None, run: Live) -> bool:
    if what is not None and what.endswith(".py"):  # the file of a study of hers
        return run.about.get("study") == Path(what).stem
    if what in studies() or run.about.get("study") == what:
        return run.about.get("study") == what
    return what is None or is_meant(what, run.identity, run.label)

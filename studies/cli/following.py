"""`status`, `logs` and `cancel`."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from studies.declare.registry import studies
from studies.declare.study import label_of
from studies.launch.live import Live, live_runs, log_files
from studies.launch.submissions import submissions
from studies.run.process import is_dead
from zigma.common.words import WordError, printable, results_folder

Add = Callable[[str, object, str, str], argparse.ArgumentParser]


def add_commands(add: Add) -> None:
    """Add the three commands."""
    status = add("status", _status, "what is queued, running, done, failed or interrupted", "status --watch")
    status.add_argument("study", nargs="?", help="only this study")
    status.add_argument("--watch", action="store_true", help="again and again, until nothing is under way")
    logs = add("logs", _logs, "what a run has printed", "logs zigzag-8")
    logs.add_argument("run", help="an identity or its beginning, or an arm, as `status` shows them")
    logs.add_argument(
        "--lines", type=int, default=40, metavar="N", help="the last N lines; default: 40; 0: all"
    )
    cancel = add("cancel", _cancel, "stop runs that are queued or running", "cancel scan_ablation")
    cancel.add_argument("what", nargs="?", help="a study, or a run as in `logs`; without: everything")
    for command in (status, logs, cancel):
        command.add_argument("--results", type=results_folder, default=Path("results"), metavar="DIR")


def _status(args: argparse.Namespace) -> int:
    from studies.cli.status import print_status, watch_status
    from studies.declare.registry import find_study

    name = find_study(args.study).name if args.study else None
    return watch_status(name, args.results) if args.watch else print_status(name, args.results)


def _logs(args: argparse.Namespace) -> int:
    shown = False
    matches: dict[str, str] = {}
    for submission in reversed(list(submissions(args.results))):
        for index, run in enumerate(submission.runs):
            identity = str(run.get("identity"))
            label = label_of(run)
            if not _fits(args.run, identity, label):
                continue
            matches.setdefault(identity, label)
            if len(matches) > 1:
                known = ", ".join(f"{identity} ({label})" for identity, label in matches.items())
                raise WordError(f"{args.run!r} is more than one run: {known}; name one by its identity")
            if shown:
                continue
            ids = submission.job_ids
            for path in log_files(submission, identity, ids[index] if index < len(ids) else None):
                shown = True
                lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
                print(f"{path}:", file=sys.stderr)
                print(*map(printable, lines[-args.lines :] if args.lines else lines), sep="\n")
    if not matches:
        raise WordError(f"no submitted run is called {args.run!r}; runs in a terminal leave no log")
    if not shown:
        print(f"{next(iter(matches.values()))} has printed nothing yet", file=sys.stderr)
    return 0


def _fits(word: str, identity: str, label: str) -> bool:
    """Whether a word means a run: its identity or its beginning (four characters at least), its arm or label."""
    return (len(word) >= 4 and identity.startswith(word)) or label == word or label.startswith(f"{word} ")


def _cancel(args: argparse.Namespace) -> int:
    found, error = live_runs(args.results)
    if error:
        raise WordError(f"{error}; nothing was cancelled")
    under_way = [run for run in found if run.state in ("queued", "running")]
    if args.what in studies():
        wanted = [run for run in under_way if run.about.get("study") == args.what]
    elif args.what:
        wanted = [run for run in under_way if _fits(args.what, run.identity, run.label)]
    else:
        wanted = under_way
    if not wanted and args.what and args.what not in studies():
        raise WordError(f"no run that is queued or running is called {args.what!r}")
    elsewhere = _stop(wanted)
    stopped = len(wanted) - len(elsewhere)
    print(
        f"cancelled {stopped} run{'' if stopped == 1 else 's'}; the same command runs them again and resumes"
    )
    for run in elsewhere:
        print(
            f"{run.label} was not started by Slurm and runs elsewhere: stop it there ({run.claim and run.claim.who})"
        )
    return 1 if elsewhere else 0


def _stop(wanted: list[Live]) -> list[Live]:
    """Stop runs; returns those that cannot be reached from here."""
    jobs, elsewhere = [], []
    for run in wanted:
        if run.submission is not None:
            run.submission.cancel([run.identity])
    for run in wanted:
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

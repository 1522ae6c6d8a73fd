"""`status`: how the runs of a results folder stand, told from their files and from Slurm."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from studies.cli.options import add_results
from studies.declare.registry import find_study
from studies.launch.live import Live, live_runs
from studies.launch.progress import duration
from studies.run.summary import name_faults, summaries
from zigma.common.terminal import print_table
from zigma.common.words import WordError, printable

WATCH_EVERY_S = 2.0
STATES = ("done", "failed", "running", "queued", "interrupted", "cancelled", "unknown")


HELP = "what is queued, running, done, failed or interrupted"
EXAMPLE = "status --watch"


@dataclass(frozen=True)
class Request:
    """Of which study, or of all; once, or again and again."""

    study: str | None
    watch: bool
    results: Path


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = f"{HELP}; exit status: 0 also where there is nothing, 1 where a file is no record"
    parser.add_argument("study", nargs="?", help="only this study")
    parser.add_argument("--watch", action="store_true", help="again and again, until nothing is under way")
    add_results(parser)


def read(args: argparse.Namespace) -> Request:
    """The command line as a request."""
    return Request(_study(args.study, args.results) if args.study else None, args.watch, args.results)


def _study(word: str, results: Path) -> str:
    """The name of a study that is declared, or that runs there are of: its file may lie elsewhere."""
    try:
        return find_study(word).name
    except WordError:
        of_runs = {str(run.about.get("study")) for run in live_runs(results)[0]}
        if word in of_runs or any(word == record.study for record in summaries(results)[0]):
            return word
        raise


def run(request: Request) -> int:
    """Print counts by study and scale, then every run that is not done; returns the exit status.

    1 if a file is in the way that is no record: it is named and left alone.
    """
    while True:
        if request.watch and sys.stdout.isatty():
            print("\x1b[H\x1b[2J", end="")
        live, status = _print(request.study, request.results)
        if not request.watch or not any(run.state in ("queued", "running", "unknown") for run in live):
            return status
        sys.stdout.flush()
        time.sleep(WATCH_EVERY_S)


def _print(study: str | None, results: Path) -> tuple[list[Live], int]:
    counts: Counter[tuple[str, str, str]] = Counter()
    records, faults = summaries(results)
    failures = []
    for record in records:
        if study in (None, record.study):
            counts[record.study, record.scale, record.status] += 1
            if record.status == "failed":
                failures.append((f"{record.study}  {record.label}", str(record.error)))
    live, error = live_runs(results)
    live = [run for run in live if study in (None, run.about.get("study"))]
    for run in live:
        counts[str(run.about.get("study")), str(run.about.get("scale")), run.state] += 1
    _print_counts(counts, results, study)
    for state in STATES[2:]:
        _print_runs(state, [run for run in live if run.state == state])
    if failures:
        print("\nfailed (--mode retry runs them again)")
        _print_lines(failures)
    if error:
        print(f"\n{error}")
    return live, name_faults(faults)


def _print_counts(counts: Counter[tuple[str, str, str]], results: Path, study: str | None) -> None:
    if not counts:
        of = f" of {study}, by that name," if study else ""
        print(f"nothing{of} is recorded or under way in {results}")
        if study:
            print("runs that it shares with another study are counted there, as `list` counts them in both")
        return
    shown = [state for state in STATES if any(key[2] == state for key in counts)]
    rows = [["study", "scale", *shown]]
    for study, scale in sorted({key[:2] for key in counts}):
        rows.append([study, scale, *(str(counts[study, scale, state] or "") for state in shown)])
    print_table(rows, left=2)


def _print_runs(state: str, runs: list[Live]) -> None:
    if runs:
        print(f"\n{state}")
        _print_lines([(f"{run.about.get('study')}  {run.label}", _words(run)) for run in runs])


def _print_lines(lines: list[tuple[str, str]]) -> None:
    width = max(len(printable(label)) for label, _ in lines)
    for label, words in lines:
        print(f"  {printable(label):<{width}}  {printable(words)}".rstrip())


def _words(run: Live) -> str:
    """Where a run is: step, loss, time left; or why it is nowhere."""
    if run.state != "running":
        return run.reason
    progress, where = run.heartbeat, run.lease.who if run.lease else ""
    step, steps, loss, left = (progress.get(key) for key in ("step", "steps", "loss", "seconds_left"))
    if isinstance(step, int) and isinstance(loss, int | float) and isinstance(left, int | float):
        return f"step {step}/{steps}  loss {loss:.4f}  {duration(left)} left  ({where})"
    return f"{progress.get('stage') or run.reason or 'starting'}  ({where})" if where else run.reason

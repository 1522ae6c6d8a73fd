"""What submitted runs have printed."""

from __future__ import annotations

import contextlib
from pathlib import Path

from studies.declare.study import label_of
from studies.launch.submissions import Submission, is_meant, submissions

TAIL_BYTES = 8192


def log_files(submission: Submission, identity: str, job: str | None) -> list[Path]:
    """What a run of a submission has printed; the first process's first."""
    if submission.cluster == "slurm":
        return sorted(submission.folder.glob(f"{job}_*_log.out")) if job else []
    own = submission.folder / f"{identity}.log"
    return [own] if own.exists() else sorted(submission.folder.glob("*_log.out"))


def last_line(submission: Submission, identity: str, job: str | None) -> str:
    """The last line that a run's job has printed; empty where there is none."""
    for path in log_files(submission, identity, job)[:1]:
        with contextlib.suppress(OSError), path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            lines = file.read().decode(errors="replace").split("\n")
            return next((line.strip() for line in reversed(lines) if line.strip()), "")
    return ""


def logs_of(word: str, results: Path) -> tuple[dict[str, str], list[Path]]:
    """Identity -> label of the submitted runs that a word means; and where it is one, the latest logs that it has."""
    labels: dict[str, str] = {}
    places: list[tuple[Submission, str | None]] = []
    for submission in reversed(list(submissions(results))):
        ids = submission.job_ids
        for index, run in enumerate(submission.runs):
            identity, label = str(run.get("identity")), label_of(run)
            if is_meant(word, identity, label):
                labels.setdefault(identity, label)
                places.append((submission, ids[index] if index < len(ids) else None))
    if len(labels) != 1:
        return labels, []
    logs = (log_files(submission, next(iter(labels)), job) for submission, job in places)
    return labels, next((paths for paths in logs if paths), [])

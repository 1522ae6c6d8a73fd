"""What is recorded, under way or failed, told from the files alone."""

from collections import Counter
from pathlib import Path

from filelock import FileLock, Timeout

from studies.record import read_records


def print_status(names: list[str], results: Path) -> None:
    """Print the records of the named studies by scale and status, failures with their error, then live runs."""
    counts: Counter[tuple[str, str, str]] = Counter()
    failures = []
    for record in read_records(results):
        if record["study"] in names:
            counts[record["study"], record["scale"], record["status"]] += 1
            if record["status"] == "failed":
                failures.append(
                    f"  {record['study']} {record['arm']} seed {record['seed']}: {record['error']}"
                )
    if not counts:
        print(f"no records under {results / 'records'}")
    for (study, scale, status), count in sorted(counts.items()):
        print(f"{study:<24}{scale:<8}{status:<8}{count:>6}")
    print(*failures, sep="\n", end="\n" if failures else "")
    for lock in sorted((results / "work").glob("*/owner.lock")):
        if (lock.parent / "checkpoint.pt").exists():
            print(
                f"{lock.parent.name:<24}{'running' if is_held(lock) else 'interrupted; run again to resume'}"
            )


def is_held(lock: Path) -> bool:
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True

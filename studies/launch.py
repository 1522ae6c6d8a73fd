"""Carry out runs in this process, one after the other."""

import sys
from pathlib import Path

from studies.plan import Mode
from studies.progress import Reporter, duration
from studies.run import Owned, Watch, carry_out
from studies.study import Run


def launch(wanted: list[Run], results: Path, mode: Mode, checkpoint_every_s: float) -> int:
    """Run every run; returns the exit status: 0 when all are done, 1 when one failed or is another process's."""
    reporter, status = Reporter(len(wanted)), 0
    for number, run in enumerate(wanted, 1):
        reporter.start(number, run.label)
        try:
            record = carry_out(
                run, results, Watch(reporter.training, reporter.stage), mode, checkpoint_every_s
            )
        except Owned as error:
            reporter.end(str(error))
            status = 1
            continue
        seconds = duration(sum(record["wall_time_s"].values()))
        if record["status"] == "failed":
            reporter.end(f"failed: {record['error']}")
            status = 1
        else:
            values = "  ".join(f"{metric['name']} {metric['value']:.4g}" for metric in record["metrics"])
            reporter.end(f"done in {seconds}: {values}")
    print(f"records are under {results / 'records'}", file=sys.stderr)
    return status

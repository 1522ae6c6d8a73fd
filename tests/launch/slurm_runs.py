"""The runs of one results folder on a cluster, and the commands of a user on them."""

import contextlib
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path

from slurm_cluster import wait_for

from studies.__main__ import main
from studies.launch.live import Live, live_runs
from studies.run.record import Record, read_records, record_files

SMALL = (
    "--set training.batch_images=8 --set model.hidden=16 --set model.depth=2 --set model.patch=2 "
    "--set sampling.steps=2 --set evaluation.n_generated=100 --heartbeat 0.3 --checkpoint-every 0.3"
)
STEPS = 2000  # seconds on a fast and idle machine: Slurm takes one or two to disturb a run
PATIENCE_S = 300  # with a machine that does much else


@dataclass
class Runs:
    """The runs of one results folder, and the commands of a user on them."""

    results: Path
    steps: int = STEPS

    def command(self, *words: str) -> tuple[int, str]:
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            try:
                status = main([*words, "--results", str(self.results)])
            except SystemExit as left:
                status = int(left.code or 0)
        return status, output.getvalue()

    def words(self, more: str = "") -> list[str]:
        return f"run scan_ablation --only zigzag-8 --set training.steps={self.steps} {SMALL} {more}".split()

    def submit(self, more: str = "") -> str:
        """The id of the job of the last run of the latest submission."""
        status, output = self.command(*self.words(f"--cluster slurm {more}"))
        assert status == 0, output
        return self.jobs()[-1]

    def jobs(self) -> list[str]:
        latest = sorted(self.results.glob("work/jobs/*/jobs.json"))[-1]
        ids: list[str] = json.loads(latest.read_text())["ids"]
        return ids

    def live(self) -> dict[str, Live]:
        live, error = live_runs(self.results)
        assert error is None, error
        return {str(run.about["arm"]): run for run in live}

    def only(self) -> Live:
        (run,) = self.live().values()
        return run

    def training(self, at: int = 20) -> Live:
        """Wait until the run has trained for some steps and left a checkpoint: not long, lest it end undisturbed."""

        def there() -> bool:
            run = next(iter(self.live().values()), None)
            step = run.heartbeat.get("step", 0) if run and run.state == "running" else 0
            return step >= at and bool(list(self.results.glob("work/*/*/checkpoint.pt")))

        wait_for(there, PATIENCE_S, f"for step {at}")
        return self.only()

    def records(self) -> list[Record]:
        return list(read_records(record_files(self.results)))

    def recorded(self) -> Record:
        """Wait for the record; check that it is the only one, whole, and that nothing else is left."""
        wait_for(self.records, PATIENCE_S, "for the record")
        wait_for(lambda: not self.live(), PATIENCE_S, "for an end")
        (record,) = self.records()
        assert record["status"] == "done", record["error"]
        assert record["curves"]["loss"]["step"][-1] == self.steps
        return record

    def log(self) -> str:
        return self.command("logs", "zigzag-8", "--lines", "0")[1]

    def resumed(self) -> list[int]:
        """After which steps the run has gone on, life by life."""
        return [int(step) for step in re.findall(r"resumed after step (\d+)", self.log())]


def lost_s(before: Live, resumed: int) -> float:
    """Seconds of work that were done again, at least, by the pace of the run."""
    pace = before.heartbeat["images_per_s"] / 8  # steps a second
    return float(before.heartbeat["step"] - resumed) / pace

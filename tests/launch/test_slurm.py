"""Nothing is lost on a real Slurm cluster: what happens to jobs there happens to these, one test each."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from slurm_cluster import Cluster, wait_for, why_not
from slurm_runs import PATIENCE_S, Runs, lost_s

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(900)]
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    reason = why_not()
    if reason and os.environ.get("REQUIRE_SLURM"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    base = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))  # short, for the names of sockets
    small = base / "small-disk"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", small], check=True)
    try:
        with pytest.MonkeyPatch.context() as patch, Cluster(base) as cluster:
            patch.setenv("OMP_NUM_THREADS", "1")
            for name, value in cluster.environment.items():
                patch.setenv(name, value)
            yield cluster
    finally:
        subprocess.run(["umount", small], check=True)
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(autouse=True)
def _idle(cluster: Cluster) -> Iterator[None]:
    cluster.wait_idle()
    yield
    cluster.run("scancel", "--user=root")  # of a test that has failed


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


@pytest.fixture(scope="module")
def undisturbed(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The metrics of the run that all of these tests disturb, and what was seen of two runs in an array."""
    runs = Runs(tmp_path_factory.mktemp("undisturbed"))
    runs.submit("--only sweep --parallel 1 --partition main --time 10 --slurm comment=quiet")
    seen = [{arm: run.state for arm, run in runs.live().items()}]

    def done() -> bool:
        now = {arm: run.state for arm, run in runs.live().items()}
        if now != seen[-1]:
            seen.append(now)
        return not now

    wait_for(done, 2 * PATIENCE_S)
    records = {record["arm"]: record["metrics"] for record in runs.records()}
    return runs, seen, records


def test_an_array_runs_one_after_another_and_status_follows(undisturbed: Any) -> None:
    runs, seen, records = undisturbed
    assert set(records) == {"sweep", "zigzag-8"}
    assert {"sweep": "running", "zigzag-8": "queued"} in seen
    assert {"sweep": "running", "zigzag-8": "running"} not in seen  # --parallel 1
    assert "2" in runs.command("status")[1].splitlines()[1]
    status, output = runs.command(*runs.words("--cluster slurm --only sweep"))
    assert (status, "nothing to do" in output) == (0, True)
    assert "done in" in runs.log()


@pytest.mark.parametrize("partition", ["main", "rough"])
def test_preempted_gently_and_roughly(cluster: Cluster, runs: Runs, undisturbed: Any, partition: str) -> None:
    runs.submit(f"--partition {partition}")
    before = runs.training()
    cluster.run("sbatch", "-p", "high", "-N2", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 2")
    wait_for(lambda: runs.only().state == "queued", 40, "to be preempted")
    record = runs.recorded()
    assert record["metrics"] == undisturbed[2]["zigzag-8"]
    (resumed,) = runs.resumed()
    assert lost_s(before, resumed) < 2
    assert "this job is preempted" in runs.log()


def test_out_of_time(cluster: Cluster, runs: Runs) -> None:
    runs.steps = 100_000
    job = runs.submit("--time 1 --slurm signal_delay_s=1")
    before = runs.training()
    wait_for(lambda: "Requeued job" in runs.log(), 90, "for the time limit")
    wait_for(runs.resumed, PATIENCE_S, "for the next life")
    assert runs.resumed()[0] > before.heartbeat["step"]  # it went on after it was looked at
    assert runs.command("cancel", "zigzag-8")[0] == 0
    wait_for(lambda: runs.only().state == "cancelled", 30)
    assert not runs.records()
    assert cluster.job_state(job) in ("", "CANCELLED", "COMPLETING")


def test_requeued_while_it_runs_and_after_it_has_ended(
    cluster: Cluster, runs: Runs, undisturbed: Any
) -> None:
    job = runs.submit()
    before = runs.training()
    cluster.run("scontrol", "requeue", job)
    record = runs.recorded()
    assert record["metrics"] == undisturbed[2]["zigzag-8"]
    (resumed,) = runs.resumed()
    assert lost_s(before, resumed) < 2
    cluster.wait_idle()
    written = record.path.stat()
    cluster.run("scontrol", "requeue", job)
    wait_for(lambda: runs.log().count("Starting with") == 3, PATIENCE_S, "for the third life")
    cluster.wait_idle(PATIENCE_S)
    after = record.path.stat()
    assert (written.st_mtime_ns, written.st_ino) == (after.st_mtime_ns, after.st_ino)
    assert not list(runs.results.glob("replaced"))


def test_killed(cluster: Cluster, runs: Runs, undisturbed: Any) -> None:
    job = runs.submit()
    before = runs.training()
    cluster.run("scancel", "--signal=KILL", job)
    wait_for(lambda: runs.only().state == "interrupted", 40)
    status, output = runs.command("status")
    assert status == 0
    assert f"job {job} " in output
    assert "interrupted" in output
    assert not runs.records()
    again = runs.submit()
    assert again != job
    assert runs.recorded()["metrics"] == undisturbed[2]["zigzag-8"]
    assert lost_s(before, runs.resumed()[-1]) < 2


def test_a_node_that_dies(cluster: Cluster, runs: Runs, undisturbed: Any) -> None:
    job = runs.submit()
    before = runs.training()
    node = cluster.node_of(job)
    cluster.kill_node(node)
    try:
        assert runs.recorded()["metrics"] == undisturbed[2]["zigzag-8"]
        (resumed,) = runs.resumed()
        assert lost_s(before, resumed) < 2
    finally:
        cluster.start_node(node)


def test_slurmd_that_dies_with_the_old_process_left_running(cluster: Cluster, runs: Runs) -> None:
    runs.steps = 100_000
    job = runs.submit()
    before = runs.training()
    node = cluster.node_of(job)
    cluster.kill_slurmd(node)
    try:
        wait_for(lambda: cluster.job_state(job) != "RUNNING", 60, "for Slurm to give the node up")
        assert runs.only().state == "running"  # which Slurm does not know: the old process goes on
        wait_for(lambda: "was taken for dead" in runs.log(), PATIENCE_S, "for the late one to find out")
        assert cluster.node_of(job) != node
        after = runs.training(before.heartbeat["step"])
        assert after.lease is not None
        assert before.lease is not None
        assert (before.lease.process["host"], after.lease.process["host"]) == (node, cluster.node_of(job))
        claims = list(runs.results.glob("work/*/claim-*.json"))
        assert len(claims) == 1
        assert runs.resumed()[0] > before.heartbeat["step"]
        assert not runs.records()
    finally:
        runs.command("cancel")
        cluster.kill_node(node)
        cluster.start_node(node)


def test_a_controller_that_dies_and_comes_back(cluster: Cluster, runs: Runs) -> None:
    runs.steps = 10_000  # Slurm is slow to save its state, and its commands to find that nobody answers
    job = runs.submit()
    runs.training()
    cluster.save(job)
    cluster.kill_controller()
    try:
        status, output = runs.command("status")
        assert status == 0
        assert "Slurm does not answer" in output
        assert re.search(r"zigzag-8 digits-8 seed 0 +step \d+/", output)
    finally:
        cluster.start_controller()
    assert runs.recorded()["status"] == "done"
    assert not runs.resumed()


def test_two_launchers_at_once(cluster: Cluster, runs: Runs, undisturbed: Any) -> None:
    command = [
        sys.executable,
        "-m",
        "studies",
        *runs.words("--cluster slurm"),
        "--results",
        str(runs.results),
    ]
    launchers = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [launcher.wait(60) for launcher in launchers] == [0, 0]
    assert runs.recorded()["metrics"] == undisturbed[2]["zigzag-8"]
    cluster.wait_idle(PATIENCE_S)
    logs = [path.read_text() for path in runs.results.glob("work/jobs/*/*_log.out")]
    assert sum("drawing 100 samples" in log for log in logs) == 1
    assert len(list(runs.results.glob("work/jobs/*"))) == 1  # the other one has seen it and submitted nothing


def test_a_full_disk(cluster: Cluster, undisturbed: Any) -> None:
    runs = Runs(cluster.base / "small-disk" / "results")
    runs.submit()
    runs.training(200)  # time for a checkpoint after the first
    filler = cluster.base / "small-disk" / "filler"
    with contextlib.suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(bytes(4096))
            file.flush()
    wait_for(lambda: runs.only().state == "interrupted", PATIENCE_S, "for the disk to be noticed")
    assert not runs.records()
    filler.unlink()
    runs.submit()
    assert runs.recorded()["metrics"] == undisturbed[2]["zigzag-8"]
    assert runs.resumed()  # from the last checkpoint that had room


def test_a_clock_that_jumps(cluster: Cluster, runs: Runs, undisturbed: Any, tmp_path: Path) -> None:
    if not FAKETIME.exists():
        reason = "libfaketime is not installed"
        pytest.fail(reason) if os.environ.get("REQUIRE_SLURM") else pytest.skip(reason)
    clock = tmp_path / "clock"
    clock.write_text("+0")
    fake = {
        "LD_PRELOAD": FAKETIME,
        "FAKETIME_TIMESTAMP_FILE": clock,
        "FAKETIME_NO_CACHE": 1,
        "FAKETIME_DONT_FAKE_MONOTONIC": 1,
    }
    export = "--export=ALL," + ",".join(f"{name}={value}" for name, value in fake.items())
    srun = json.dumps(["--kill-on-bad-exit=1", export], separators=(",", ":"))
    runs.submit(f"--slurm srun_args={srun}")
    runs.training()
    for jump in ("+400d", "-400d"):
        clock.write_text(jump)
        beat = runs.only().heartbeat.get("beat", 0)
        wait_for(lambda beat=beat: runs.live() == {} or runs.only().heartbeat["beat"] > beat + 3, 30)
        if runs.live():
            assert runs.only().state == "running"
            status, output = runs.command(*runs.words("--jobs 1"))  # a second one, whose clock is right
            assert (status, "it is being run by" in output) == (1, True) or runs.records()
    assert runs.recorded()["metrics"] == undisturbed[2]["zigzag-8"]
    assert not runs.resumed()


def test_two_nodes_for_one_run(cluster: Cluster, runs: Runs) -> None:
    runs.steps = 10
    runs.submit("--nodes 2")
    record = runs.recorded()
    assert record["cost"]["devices"] == 2


def test_of_two_nodes_one_dies(cluster: Cluster, runs: Runs) -> None:
    runs.steps = 100_000
    job = runs.submit("--nodes 2")
    before = runs.training(100)
    assert before.lease is not None
    other = "node2" if before.lease.process["host"] == "node1" else "node1"
    cluster.kill_node(other)
    cluster.start_node(other)
    # srun gives up before Slurm has noticed: the job has failed, or is requeued, whichever comes first
    wait_for(
        lambda: runs.only().state != "running" or runs.resumed(), PATIENCE_S, "for the loss to be noticed"
    )
    if runs.only().state == "interrupted":
        cluster.wait_idle()
        job = runs.submit("--nodes 2")
    wait_for(runs.resumed, PATIENCE_S, "for the next life")
    assert runs.resumed()[0] > 1
    assert runs.command("cancel")[0] == 0
    wait_for(lambda: cluster.job_state(job) != "RUNNING", 40)
    assert not runs.records()


def test_cancelled_while_queued_and_while_running(cluster: Cluster, runs: Runs) -> None:
    runs.steps = 100_000
    runs.submit("--only sweep --parallel 1")
    wait_for(lambda: runs.live()["sweep"].heartbeat.get("step", 0) > 0, PATIENCE_S)
    status, output = runs.command("cancel", "scan_ablation")
    assert (status, "cancelled 2 runs" in output) == (0, True)
    wait_for(lambda: {run.state for run in runs.live().values()} == {"cancelled"}, 30)
    cluster.wait_idle()
    assert not runs.records()


def test_a_job_that_its_launcher_could_not_write_down_is_found_and_cancelled(
    cluster: Cluster, runs: Runs
) -> None:
    runs.steps = 100_000
    job = runs.submit("--only sweep --slurm job_name=mine")
    next(runs.results.glob("work/jobs/*/jobs.json")).unlink()  # killed between sbatch and this file
    wait_for(lambda: runs.live()["zigzag-8"].heartbeat.get("step", 0) > 0, PATIENCE_S)
    assert runs.live()["zigzag-8"].job == job
    status, output = runs.command("cancel")
    assert (status, "cancelled 2 runs" in output) == (0, True)
    wait_for(lambda: {run.state for run in runs.live().values()} == {"cancelled"}, 30)
    cluster.wait_idle()
    assert not runs.records()


def test_a_cancel_while_a_preempted_job_is_put_back_holds(cluster: Cluster, runs: Runs) -> None:
    runs.steps = 100_000
    job = runs.submit("--partition main")
    runs.training()
    cluster.run("sbatch", "-p", "high", "-N2", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 5")

    def let_go() -> bool:
        run = runs.only()
        assert run.under_way, f"{run.state}: {run.reason}"  # at no moment does it look ended
        return run.lease is None or run.lease.released

    wait_for(let_go, 40, "for the job to let go")
    status, output = runs.command("cancel")
    assert (status, "cancelled 1 run" in output) == (0, True)
    cluster.wait_idle(60)
    assert runs.only().state == "cancelled"
    assert cluster.job_state(job) in ("", "CANCELLED")
    assert not runs.records()


def test_refused_by_slurm_leaves_nothing(runs: Runs) -> None:
    status, output = runs.command(*runs.words("--cluster slurm --partition nowhere"))
    assert status == 2
    assert "Slurm does not take the runs" in output
    assert "nowhere" not in str(list(runs.results.glob("work/jobs/*")))
    assert not list(runs.results.glob("work/jobs/*"))

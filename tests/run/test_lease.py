"""Who owns a run: one process at most, whoever dies, sleeps or comes late."""

import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studies.run import lease as leases
from studies.run.lease import Lease, Lost, Owned, acquire, read_lease, verify
from studies.run.process import is_dead, local_process, slurm_job, this_process

BEAT_S = 0.05
ABOUT = {"arm": "sweep"}


def elsewhere(file: Path) -> None:
    """Make a lease look as if a process of another machine had made it."""
    file.write_text(json.dumps(json.loads(file.read_text()) | {"host": "another"}))


def heartbeat(work: Path) -> Any:
    claim = read_lease(work)
    return claim.heartbeat if claim else {}


def interrupted(work: Path) -> None:
    with acquire(work, ABOUT, 60) as owner:
        (owner.folder / "checkpoint.pt").write_text("work")
        raise KeyboardInterrupt


def wait_for(what: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_an_owner_beats_and_leaves_nothing_when_it_has_finished(tmp_path: Path) -> None:
    work = tmp_path / "run"
    with acquire(work, ABOUT, BEAT_S) as owner:
        owner.progress = {"step": 3}
        wait_for(lambda: heartbeat(work).get("step") == 3)
        claim = read_lease(work)
        assert claim is not None
        assert (claim.number, claim.heartbeat["state"], claim.heartbeat["arm"]) == (1, "running", "sweep")
        owner.finished = True
    assert not work.exists()


def test_a_second_one_is_told_who_has_the_run(tmp_path: Path) -> None:
    with acquire(tmp_path, ABOUT, BEAT_S), pytest.raises(Owned, match=f"process {os.getpid()} on"):
        acquire(tmp_path, ABOUT, BEAT_S)


def test_an_owner_on_another_machine_is_seen_to_live_by_its_beat_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "SILENT_BEATS", 400)  # the first beat that is seen ends the wait
    with acquire(tmp_path, ABOUT, BEAT_S):
        elsewhere(tmp_path / "claim-000001.json")
        with pytest.raises(Owned, match="on another"):
            acquire(tmp_path, ABOUT, BEAT_S)


def test_what_is_let_go_is_taken_at_once_with_all_that_was_left(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path)
    claim = read_lease(tmp_path)
    assert claim is not None
    assert (claim.released, claim.heartbeat["reason"]) == (True, "interrupted by Ctrl-C")
    with acquire(tmp_path, ABOUT, 60) as second:
        assert (second.folder / "checkpoint.pt").read_text() == "work"
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["claim-000002.json", second.token])


def test_a_killed_process_of_this_machine_is_replaced_at_once(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from studies.run.lease import acquire\n"
        f"owner = acquire(Path({str(tmp_path)!r}), {{}}, 60); owner.__enter__()\n"
        "(owner.folder / 'checkpoint.pt').write_text('work'); print('owned', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "owned\n"
    process.kill()
    process.wait()
    started = time.monotonic()
    with acquire(tmp_path, ABOUT, 60) as owner:
        assert (owner.folder / "checkpoint.pt").read_text() == "work"
    assert time.monotonic() - started < 5


def test_a_silent_owner_elsewhere_is_replaced_after_twelve_beats_and_not_before(tmp_path: Path) -> None:
    owner = acquire(tmp_path, ABOUT, BEAT_S)  # never entered: it does not beat
    elsewhere(tmp_path / "claim-000001.json")
    started = time.monotonic()
    with acquire(tmp_path, ABOUT, BEAT_S):
        assert time.monotonic() - started >= leases.SILENT_BEATS * BEAT_S
        with pytest.raises(Lost, match="taken over"):
            verify(tmp_path, owner.token)


def test_a_late_owner_finds_out_at_its_next_beat_and_cannot_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with acquire(tmp_path, ABOUT, 0.5) as late:
        (late.folder / "checkpoint.pt").write_text("early")
        monkeypatch.setattr(leases, "_gone", lambda claim, me: True)  # a watcher that is wrong
        with acquire(tmp_path, ABOUT, BEAT_S) as owner:
            with pytest.raises(FileNotFoundError):
                (late.folder / "checkpoint.pt").write_text("late")
            assert late.lost.wait(10)
            with pytest.raises(Lost, match="taken over by process"):
                late.check()
            late.finished = True
            late.__exit__(None, None, None)  # clears nothing away that is another's
            assert (owner.folder / "checkpoint.pt").read_text() == "early"
            verify(tmp_path, owner.token)


def test_a_late_owner_that_still_reaches_its_folder_writes_where_nobody_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a node does whose file server's client remembers the folder."""
    late = acquire(tmp_path, ABOUT, 60)
    (late.folder / "checkpoint.pt").write_text("early")
    monkeypatch.setattr(leases, "_gone", lambda claim, me: True)
    with acquire(tmp_path, ABOUT, 60) as owner:
        late.folder.mkdir(exist_ok=True)
        (late.folder / "checkpoint.pt").write_text("late")
        assert (owner.folder / "checkpoint.pt").read_text() == "early"
    with acquire(tmp_path, ABOUT, 60) as third:
        assert (third.folder / "checkpoint.pt").read_text() == "early"


def test_a_takeover_that_was_itself_killed_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_gone", lambda claim, me: True)
    first = acquire(tmp_path, ABOUT, 60)
    (first.folder / "checkpoint.pt").write_text("work")
    with monkeypatch.context() as patch:
        patch.setattr(leases, "_adopt", lambda *args: None)
        acquire(tmp_path, ABOUT, 60)  # killed before it took over what there was
    (tmp_path / "claim-000003.json").touch()  # and one that was killed before it wrote who it is
    fourth = acquire(tmp_path, ABOUT, 60)
    assert fourth.number == 4
    assert (fourth.folder / "checkpoint.pt").read_text() == "work"


def test_an_earlier_life_of_the_same_slurm_job_is_replaced_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "15")
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "12")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    assert slurm_job(os.environ) == {"job": "12_3", "restart": 0}
    with acquire(tmp_path, ABOUT, 60) as first:
        elsewhere(tmp_path / "claim-000001.json")
        monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
        with acquire(tmp_path, ABOUT, 60) as second:
            verify(tmp_path, second.token)
            with pytest.raises(Lost, match="job 12_3"):
                verify(tmp_path, first.token)


def contend(work: Path, start: Any, won: Any, answered: Any) -> None:
    start.wait()
    try:
        owner = acquire(work, {"pid": os.getpid()}, 0.1)
    except Owned:
        won.put(None)
        return
    with owner:
        won.put(os.getpid())
        answered.wait(60)  # a late one must not find that the run was let go
        verify(work, owner.token)


def test_of_many_at_once_one_gets_the_run(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    start, won, answered = context.Event(), context.Queue(), context.Event()
    processes = [context.Process(target=contend, args=(tmp_path, start, won, answered)) for _ in range(8)]
    for process in processes:
        process.start()
    start.set()
    winners = [won.get(timeout=60) for _ in processes]
    answered.set()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * len(processes)
    assert len([pid for pid in winners if pid is not None]) == 1


def test_clocks_that_jump_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "SILENT_BEATS", 400)
    with acquire(tmp_path, ABOUT, BEAT_S):
        elsewhere(tmp_path / "claim-000001.json")
        for jump in (1e9, -1e9):
            clock = time.time
            monkeypatch.setattr(time, "time", lambda clock=clock, jump=jump: clock() + jump)
            with pytest.raises(Owned):
                acquire(tmp_path, ABOUT, BEAT_S)
            now = time.monotonic_ns()
            for path in tmp_path.rglob("*.json"):
                os.utime(path, ns=(now, int(now + jump * 1e9) if jump > 0 else 0))
            with pytest.raises(Owned):
                acquire(tmp_path, ABOUT, BEAT_S)


def test_a_full_disk_leaves_no_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(json, "dump", full)
        with pytest.raises(OSError, match="No space"):
            acquire(tmp_path, ABOUT, BEAT_S)
    assert read_lease(tmp_path) is None
    with acquire(tmp_path, ABOUT, BEAT_S) as owner, monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        time.sleep(4 * BEAT_S)
        owner.check()  # it goes on: what cannot be written is only how it goes


@pytest.mark.parametrize(
    "claim",
    [
        "",
        "null",
        "[1]",
        '{"token": "../../../../etc", "pid": "1", "beat_s": "x"}',
        '{"token": 7, "beat_s": true, "restart": "9"}',
        "\x00\xff",
    ],
)
def test_a_claim_of_strangers_is_data(tmp_path: Path, claim: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "SILENT_BEATS", 1)
    monkeypatch.setattr(leases, "BEAT_S", 0.05)
    (tmp_path / "claim-000007.json").write_text(claim)
    lease = read_lease(tmp_path)
    assert isinstance(lease, Lease)
    assert lease.token is None
    with acquire(tmp_path, ABOUT, BEAT_S) as owner:
        assert owner.number == 8


def test_a_process_is_known_by_the_moment_of_its_start() -> None:
    me = this_process()
    assert is_dead(me) is False
    assert is_dead(me | {"pid_started": me["pid_started"] + 1}) is True  # its number was used again
    assert is_dead(me | {"host": "another"}) is None
    assert is_dead(me | {"boot": "another"}) is None
    assert is_dead(me | {"pid": "1"}) is None
    assert is_dead({}) is None
    with subprocess.Popen(["sleep", "60"]) as child:
        process = local_process(child.pid)
        assert is_dead(process) is False
        child.send_signal(signal.SIGKILL)
        wait_for(lambda: is_dead(process))  # a zombie is dead


def test_the_host_is_told(tmp_path: Path) -> None:
    with acquire(tmp_path, ABOUT, BEAT_S):
        claim = read_lease(tmp_path)
        assert claim is not None
        assert claim.who == f"process {os.getpid()} on {socket.gethostname()}"
        assert threading.active_count() > 1

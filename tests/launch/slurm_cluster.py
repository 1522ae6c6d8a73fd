"""A real Slurm cluster on one machine, for the tests: controller, accounts, and nodes that can be killed.

Every node is a process and host-name namespace of its own, so that its jobs see another host with its own processes,
as on a cluster; the file system is shared. Killing a node's first process kills all that runs on it, at once.
Needs root and Debian's packages (`PACKAGES`); touches nothing outside its folder.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge", "slurmdbd", "mariadb-server-core")
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged", "slurmdbd", "mariadbd", "unshare")
NODES = ("node1", "node2")
TABLES = Path("/usr/share/mysql")
CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={base}/munge.sock,cred_expire=5
SlurmctldPort={port}
SlurmctldPidFile={base}/slurmctld.pid
SlurmctldLogFile={base}/slurmctld.log
SlurmdPidFile={base}/%n.pid
SlurmdLogFile={base}/%n.log
SlurmdSpoolDir={base}/spool-%n
StateSaveLocation={base}/state
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_min_interval=50000,batch_sched_delay=0,bf_interval=1,requeue_delay=0
ReturnToService=2
SlurmctldTimeout=15
SlurmdTimeout=5
InactiveLimit=0
KillWait=2
UnkillableStepTimeout=10
JobRequeue=1
MailProg=/bin/true
PropagateResourceLimits=NONE
JobAcctGatherType=jobacct_gather/none
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmdParameters=config_overrides
SlurmctldParameters=preempt_send_user_signal
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={accounts}
AccountingStoragePass={base}/munge.sock
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=10
PartitionName=rough Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=0
PartitionName=high Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10
"""
ACCOUNTS = """
AuthType=auth/munge
AuthInfo=socket={base}/munge.sock
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={accounts}
SlurmUser=root
LogFile={base}/slurmdbd.log
PidFile={base}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=accounts
"""
# the first process of a node: it must outlive slurmd, and reap what slurmd leaves behind
NODE = """
mount --bind {base}/hosts /etc/hosts
hostname {name}
slurmd -D -N {name} & echo $! > {base}/{name}.slurmd
while :; do wait; sleep 0.2; done
"""


def why_not() -> str | None:
    """Why there can be no cluster here, or None."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"not found: {', '.join(missing)}; apt-get install {' '.join(PACKAGES)}"
    return None if os.geteuid() == 0 else "a cluster with nodes of its own needs root"


def wait_for(what: Callable[[], object], seconds: float = 30, why: str = "") -> None:
    """Wait until `what` is true."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain {why}"
        time.sleep(0.1)


class Cluster:
    """Start with `with`; `environment` is what a process needs to talk to it."""

    def __init__(self, base: Path) -> None:
        self.base, self.host = base, socket.gethostname().partition(".")[0]
        self.environment = {"SLURM_CONF": str(base / "slurm.conf")}
        self._daemons: list[subprocess.Popen[bytes]] = []
        self._nodes: dict[str, subprocess.Popen[bytes]] = {}
        self.controller: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Cluster:
        ports = _free_ports(3 + len(NODES))
        places = {"base": self.base, "host": self.host, "port": ports[0], "accounts": ports[1]}
        nodes = [
            f"NodeName={name} NodeHostname={name} NodeAddr=127.0.0.1 Port={port} CPUs=2 State=UNKNOWN"
            for name, port in zip(NODES, ports[2:], strict=False)
        ]
        self.base.chmod(0o755)  # munged wants its socket to be within everyone's reach
        (self.base / "state").mkdir()
        conf = CONF.format(**places).replace("PartitionName", "\n".join(nodes) + "\nPartitionName", 1)
        (self.base / "slurm.conf").write_text(conf)
        (self.base / "hosts").write_text(f"127.0.0.1 localhost {' '.join(NODES)}\n")
        (self.base / "slurmdbd.conf").write_text(ACCOUNTS.format(**places))
        (self.base / "slurmdbd.conf").chmod(0o600)
        try:
            self._start_munge()
            self._start_accounts()
            self.start_controller()
            for name in NODES:
                self.start_node(name)
            self.wait_idle()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(subprocess.SubprocessError, AssertionError):
            self.run("scancel", "--user=root")
        for name in list(self._nodes):
            self.kill_node(name)
        for daemon in [self.controller, *reversed(self._daemons)]:
            if daemon is not None and daemon.poll() is None:
                daemon.terminate()
                try:
                    daemon.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    daemon.kill()
                    daemon.wait()

    def run(self, *words: str) -> str:
        """Run a command of Slurm's; what it prints."""
        done = subprocess.run(
            words, env=os.environ | self.environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
        return done.stdout.strip()

    def job_state(self, job: str) -> str:
        """PENDING, RUNNING, ...; empty for a job that Slurm has forgotten."""
        words = ["squeue", "-h", "-a", "-r", "-t", "all", "-o", "%i %T"]
        states = dict(line.split() for line in self.run(*words).splitlines())
        return states.get(job, "")

    def node_of(self, job: str) -> str:
        """The node on which a job runs."""
        words = ["squeue", "-h", "-a", "-r", "-o", "%i %N"]
        return dict(line.split() for line in self.run(*words).splitlines() if " " in line)[job]

    def wait_idle(self, seconds: float = 40) -> None:
        """Wait until no job is there and every node can take one."""
        wait_for(lambda: not self.run("squeue", "-h"), seconds, "for an empty queue")
        wait_for(
            lambda: set(self.run("sinfo", "-h", "-N", "-o", "%t").split()) == {"idle"}, seconds, "for nodes"
        )

    def start_controller(self) -> None:
        """Start slurmctld, from its saved state where there is one."""
        self.controller = self._start("slurmctld", "-D")
        wait_for(lambda: self._answers("scontrol", "ping"), 30, "for the controller")

    def save(self, job: str) -> None:
        """Wait until slurmctld has written down what it knows of its jobs, which takes it up to five seconds.

        One that dies before does not know of the latest jobs, and holds them and drains their nodes when it is back.
        """
        asked_ns = time.time_ns()
        self.run("scontrol", "update", f"jobid={job}", "comment=to be saved")
        saved = self.base / "state" / "job_state"
        wait_for(lambda: saved.exists() and saved.stat().st_mtime_ns > asked_ns, 30, "for a saved state")

    def kill_controller(self) -> None:
        """kill -9 of slurmctld."""
        assert self.controller is not None
        self.controller.kill()
        self.controller.wait()

    def start_node(self, name: str) -> None:
        """Boot a node."""
        unshare = ("unshare", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child=KILL")
        script = NODE.format(name=name, base=self.base)
        self._nodes[name] = self._start(*unshare, "bash", "-c", script)

    def kill_node(self, name: str) -> None:
        """Pull the plug: slurmd and all jobs die at once."""
        node = self._nodes.pop(name)
        node.kill()  # and with it, by --kill-child, the first process of the namespace, and with that all others
        node.wait()

    def kill_slurmd(self, name: str) -> None:
        """kill -9 of slurmd alone: what runs on the node goes on."""
        inside = (self.base / f"{name}.slurmd").read_text().strip()
        for pid in _processes_of(self._nodes[name].pid):
            fields = Path(f"/proc/{pid}/status").read_text().splitlines()
            numbers = next(line.split()[1:] for line in fields if line.startswith("NSpid:"))
            if numbers[-1] == inside:
                os.kill(pid, signal.SIGKILL)

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        log = (self.base / f"{words[0]}.out").open("ab")
        return subprocess.Popen(
            words, env=os.environ | self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )

    def _start_munge(self) -> None:
        key = self.base / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        files = {
            "key-file": "key",
            "socket": "sock",
            "pid-file": "pid",
            "log-file": "log",
            "seed-file": "seed",
        }
        options = [f"--{option}={self.base}/munge.{suffix}" for option, suffix in files.items()]
        self._daemons.append(self._start("munged", "--foreground", *options))
        wait_for((self.base / "munge.sock").exists, 10, "for munged")

    def _start_accounts(self) -> None:
        data, sock = self.base / "db", self.base / "db.sock"
        data.mkdir()
        files = ("mysql_system_tables", "mysql_performance_tables", "mysql_system_tables_data")
        tables = [(TABLES / f"{name}.sql").read_text() for name in files]
        script = "create database mysql;\nuse mysql;\nset @auth_root_socket=NULL;\n" + "".join(tables)
        common = ("mariadbd", "--no-defaults", "--user=root", f"--datadir={data}")
        subprocess.run(
            [*common, "--bootstrap", "--log-warnings=0", "--max-allowed-packet=8M"],
            input=script.encode(),
            check=True,
            capture_output=True,
        )
        self._daemons.append(
            self._start(*common, f"--socket={sock}", f"--pid-file={self.base}/db.pid", "--skip-networking")
        )
        wait_for(sock.exists, 30, "for mariadbd")
        self.environment["MYSQL_UNIX_PORT"] = str(sock)
        self._daemons.append(self._start("slurmdbd", "-D"))
        wait_for(lambda: self._answers("sacctmgr", "-n", "show", "cluster"), 30, "for slurmdbd")
        self.run("sacctmgr", "-i", "add", "cluster", "test")

    def _answers(self, *words: str) -> bool:
        return subprocess.run(words, env=os.environ | self.environment, capture_output=True).returncode == 0


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _processes_of(parent: int) -> list[int]:
    """All descendants of a process."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    descendants, waiting = [], [parent]
    while waiting:
        waiting += (below := children.get(waiting.pop(), []))
        descendants += below
    return descendants

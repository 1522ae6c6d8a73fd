"""A session on a GPU: its parts one after another, each with its own limit, and what they left, after each.

Into the output folder go `summary.md`, `parts.json`, `log.txt` and `results.tar.gz` (records, benchmarks, samples);
all else stays in the working folder, where the same command goes on. Standard library only.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import importlib.metadata
import importlib.util
import io
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gpu_parts import Part, parts, rehearsal

ROOT = Path(__file__).resolve().parent.parent
KEPT = ("records", "benchmarks", "samples")  # of the working folder, the most telling first
MOST_BYTES = 12 * 2**20  # of what is packed, before it is packed
PACK_EVERY_S = 20.0
END_S = 6.0  # from asking a part to end until it is killed
MPS_START_S = 2.0
RESERVE_S = 5.0  # of the whole time, for the summary
PR_SET_PDEATHSIG = 1  # of Linux's prctl: the signal a process gets when its parent dies


@dataclass
class Result:
    """How a part ended."""

    name: str
    command: str
    status: str  # done | failed | cut short | not begun
    seconds: float
    note: str = ""


class Session:
    """The folders of a session, and what has ended so far."""

    def __init__(self, folder: Path, work: Path, seconds: float, rehearse: bool) -> None:
        self.folder, self.work, self.rehearse = folder, work, rehearse
        self.started = time.monotonic()
        self.end = self.started + seconds - RESERVE_S
        self.machine: dict[str, Any] = {}
        self.results: list[Result] = []
        self.child: subprocess.Popen[bytes] | None = None
        self.sharing: dict[str, str] | None = None  # what processes that share the GPU are told
        self.packed = 0.0
        for path in (folder, work):
            path.mkdir(parents=True, exist_ok=True)
        self.log = (folder / "log.txt").open("a", encoding="utf-8")

    def carry_out(self, part: Part) -> None:
        """Run a part until it ends or its time is over, and write down how it went."""
        command = " ".join(("python", *part.words))
        left = self.end - time.monotonic()
        if left < min(10.0, part.limit_s):
            self.results.append(Result(part.name, command, "not begun", 0.0, "no time was left"))
            return
        self.log.write(f"\n===== {part.name}: {command}\n")
        self.log.flush()
        print(f"{part.name} (at most {min(left, part.limit_s):.0f} s)", flush=True)
        began, beginning = time.monotonic(), self.log.tell()
        self.child = subprocess.Popen(
            [sys.executable, *part.words],
            cwd=ROOT,
            env=self._environment(part),
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of its own, which ends as one
            preexec_fn=_die_with_parent,
        )
        status = self._wait(self.child, began + min(left, part.limit_s))
        output = self._since(beginning)
        word = "cut short" if status is None else "done" if status == 0 else "failed"
        note = tests_of(output) if part.name == "tests" else "" if status == 0 else last_line(output)
        self.results.append(Result(part.name, command, word, time.monotonic() - began, note))
        self.write()

    def write(self) -> None:
        """Everything that there is so far, each file replaced as a whole; a part counts once the rest has it."""
        with contextlib.suppress(FileNotFoundError):  # a run moves its files while they are packed
            self._pack()
        for name, text in (("summary.md", self._summary()), ("parts.json", self._json())):
            beside = self.folder / f".{name}"
            beside.write_text(text, encoding="utf-8")
            beside.replace(self.folder / name)

    def stop(self, number: int, frame: object) -> None:
        """A signal: end the part under way, write down what there is, and go."""
        if self.child is not None:
            _end(self.child)
        self.write()
        sys.exit(128 + number)

    def _wait(self, child: subprocess.Popen[bytes], until: float) -> int | None:
        """The exit status, or None where the time was over."""
        while (status := child.poll()) is None:
            if time.monotonic() > until:
                _end(child)
                return None
            if time.monotonic() - self.packed > PACK_EVERY_S:
                self.write()
            time.sleep(0.1)
        return status

    def _environment(self, part: Part) -> dict[str, str]:
        """What a part is told: this checkout before any installed one, and where compiled kernels are kept."""
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        told = {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1", "COLUMNS": "150"}
        if "TRITON_CACHE_DIR" not in os.environ:
            told["TRITON_CACHE_DIR"] = str(self.work / "triton")
        if part.together:
            self.sharing = share_the_gpu() if self.sharing is None else self.sharing
            told |= self.sharing
        if not part.graphs:
            told["ZIGMA_GRAPHS"] = "off"
        if self.rehearse:
            interpret = "1" if part.name == "tests" else "0"  # elsewhere it would take minutes
            told |= {"TRITON_INTERPRET": interpret, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        return {**os.environ, **told}

    def _since(self, beginning: int) -> str:
        with (self.folder / "log.txt").open(encoding="utf-8", errors="replace") as log:
            log.seek(beginning)
            return log.read()

    def _pack(self) -> None:
        self.packed = time.monotonic()
        left, packed = MOST_BYTES, io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for name in KEPT:
                for path in sorted((self.work / name).rglob("*")):
                    if path.is_file() and not path.name.startswith(".") and path.stat().st_size <= left:
                        left -= path.stat().st_size
                        archive.add(path, path.relative_to(self.work), recursive=False)
        beside = self.folder / ".results.tar.gz"
        beside.write_bytes(packed.getvalue())
        beside.replace(self.folder / "results.tar.gz")

    def _json(self) -> str:
        ended = [asdict(result) | {"seconds": round(result.seconds, 1)} for result in self.results]
        return json.dumps({"machine": self.machine, "parts": ended}, indent=1) + "\n"

    def _summary(self) -> str:
        minutes = (time.monotonic() - self.started) / 60
        lines = [f"# {'Rehearsal' if self.rehearse else 'Session'} on {self.machine.get('gpu', '?')}", ""]
        lines += [f"- {name}: {value}" for name, value in self.machine.items() if value]
        lines += ["", f"{minutes:.1f} minutes", "", "| part | | seconds | |", "|---|---|---|---|"]
        lines += [f"| {r.name} | {r.status} | {r.seconds:.0f} | {r.note} |" for r in self.results]
        for path in sorted((self.work / "benchmarks").glob("*.md")):
            lines += ["", f"## {path.stem}", "", path.read_text(encoding="utf-8").strip()]
        return "\n".join([*lines, "", *records_of(self.work)]) + "\n"


def share_the_gpu() -> dict[str, str]:
    """Start NVIDIA's MPS, so that kernels of several processes run side by side and not in turn, until this ends.

    Returns what its users must be told; nothing where it is missing or somebody has started it already.
    """
    control = shutil.which("nvidia-cuda-mps-control")
    if control is None or "CUDA_MPS_PIPE_DIRECTORY" in os.environ:
        return {}
    folder = tempfile.mkdtemp(prefix="mps-")  # of a short name, as the path of a socket
    told = {"CUDA_MPS_PIPE_DIRECTORY": folder, "CUDA_MPS_LOG_DIRECTORY": folder}
    daemon = subprocess.Popen(
        [control, "-f"],
        env={**os.environ, **told},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=_die_with_parent,
    )
    with contextlib.suppress(subprocess.TimeoutExpired):
        daemon.wait(MPS_START_S)
        return {}  # it has ended, and so is not to be had here
    return told


def records_of(work: Path) -> list[str]:
    """A line per record: how long it took, and its first numbers."""
    lines = ["## Records", "", "| run | status | minutes | images/s | |", "|---|---|---|---|---|"]
    for path in sorted((work / "records").rglob("*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if not isinstance(record, dict) or "study" not in record:
            continue
        names = [str(record.get(name)) for name in ("study", "scale", "setting", "arm", "seed")]
        minutes = sum((record.get("wall_time_s") or {}).values()) / 60
        rate = (record.get("cost") or {}).get("images_per_s", "")
        numbers = [f"{m['name']} {m['value']:.4g}" for m in (record.get("metrics") or [])[:4]]
        note = record.get("error") or ", ".join(numbers)
        lines.append(f"| {'/'.join(names)} | {record.get('status')} | {minutes:.2f} | {rate} | {note} |")
    return lines if len(lines) > 4 else []


def tests_of(output: str) -> str:
    """How many tests passed and failed, and which failed, also of tests that were cut short."""
    outcomes = re.findall(r"\b(PASSED|FAILED|ERROR|SKIPPED)\b", output.partition("short test summary")[0])
    counts = [f"{outcomes.count(word)} {word.lower()}" for word in ("PASSED", "FAILED", "ERROR", "SKIPPED")]
    failed = re.findall(r"^(?:\[gw\d+\] \[ *\d+%\] )?(?:FAILED|ERROR) (\S+::\S+)", output, re.M)
    failed += re.findall(r"^(\S+::.+?) (?:FAILED|ERROR)", output, re.M)
    named = ", ".join(dict.fromkeys(name.rpartition("::")[2] for name in failed))
    return ", ".join(count for count in counts if not count.startswith("0 ")) + (f"; {named}" * bool(named))


def last_line(output: str) -> str:
    """Of a part that did not end well."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:200].replace("|", "/") if lines else ""


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ask the whole group of a part to end, so that runs save what they have; then end it."""
    for number, seconds in ((signal.SIGINT, END_S), (signal.SIGKILL, END_S)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(seconds)
    with contextlib.suppress(ProcessLookupError):  # its children, where it ended before them
        os.killpg(child.pid, signal.SIGKILL)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def describe() -> dict[str, Any]:
    """The machine, and which of the project's dependencies it lacks."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]["cuda"] + ["mambapy", "pytest-xdist"]
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    gpu = ""
    if shutil.which("nvidia-smi"):
        gpu = subprocess.run(query, capture_output=True, text=True, timeout=20).stdout.strip()
    commit = ""
    if shutil.which("git"):
        asked = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
        commit = subprocess.run(asked, capture_output=True, text=True).stdout.strip()
    return {
        "gpu": gpu or "a CPU",
        "python": platform.python_version(),
        "torch": _version("torch"),
        "triton": _version("triton"),
        "cores": os.cpu_count(),
        "commit": commit,
        "missing": ", ".join(_missing(project["dependencies"])),
        "missing, optional": ", ".join(_missing(optional)),
    }


def _missing(requirements: list[str]) -> list[str]:
    names = [re.split(r"[\s<>=\[;!~]", requirement)[0] for requirement in requirements]
    return [name for name in names if not _version(name)]


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog=".ci/gpu", description="Everything that needs a GPU, in order of worth, in nine minutes."
    )
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "gpu-results", metavar="FOLDER")
    parser.add_argument("--work", type=Path, metavar="DIR", help="default: gpu-results/work of the checkout")
    parser.add_argument("--minutes", type=float, default=8.8, help="of everything; default: 8.8")
    parser.add_argument(
        "--jobs", type=int, default=12, metavar="N", help="runs at once on the GPU; default: 12"
    )
    parser.add_argument("--only", action="append", default=[], metavar="WORD", help="only parts named so")
    parser.add_argument("--rehearse", action="store_true", help="on a CPU, at tiny sizes")
    args = parser.parse_args()
    if args.minutes <= 0.1 or args.jobs < 1:
        parser.error("--minutes takes more than 0.1, --jobs a number from 1 on")
    work = (args.work or ROOT / "gpu-results" / ("rehearsal" if args.rehearse else "work")).resolve()
    chosen = (rehearsal if args.rehearse else parts)(work, args.jobs)
    chosen = [part for part in chosen if not args.only or any(part.name.startswith(w) for w in args.only)]
    if not chosen:
        parser.error("no part is named so")
    session = Session(args.folder.resolve(), work, args.minutes * 60, args.rehearse)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, session.stop)
    session.machine = describe()
    session.write()
    for part in chosen:
        session.carry_out(without_workers(part))
    session.write()
    print((session.folder / "summary.md").read_text(encoding="utf-8"))
    return int(any(result.status == "failed" for result in session.results))


def without_workers(part: Part) -> Part:
    """Tests in one process where pytest-xdist is missing."""
    if importlib.util.find_spec("xdist") is not None or "-n" not in part.words:
        return part
    at = part.words.index("-n")
    return Part(part.name, part.limit_s, part.words[:at] + part.words[at + 2 :])


if __name__ == "__main__":
    sys.exit(main())

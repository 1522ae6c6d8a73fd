"""`python -m studies doctor`: what this machine has, whether it is right, and what to do about each gap."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, get_args

from zigma.common.plugged import Socket
from zigma.common.words import counted, first_line

if TYPE_CHECKING:
    import torch

    from zigma.data.weights import Part

# What each optional package is for, and how to get it.
PACKAGES = {
    "accelerate": ("mixed precision, several GPUs and nodes", 'pip install "zigma-studies[paper]"'),
    "diffusers": ("the autoencoder of latent models", 'pip install "zigma-studies[paper]"'),
    "transformers": ("the CLIP text encoder", 'pip install "zigma-studies[paper]"'),
    "skimage": ("photographs as embedded data", "pip install scikit-image"),
    "dgm_eval": ("FDD by its authors' code", "clone layer6ai-labs/dgm-eval and pip install -e it"),
    "mambapy": ("a contender of the scan benchmark", "pip install mambapy"),
}
DISTRIBUTIONS = {"skimage": "scikit-image", "dgm_eval": "dgm-eval"}
SHAPE = (2, 64, 256, 16)  # batch, D, L, N of the timed case


@dataclass(frozen=True)
class Check:
    """One line of the report; `advice` is what to do if it is not there."""

    name: str
    present: bool
    detail: str
    advice: str = ""


HELP = "what this machine has: devices, scan backends and whether they are right, weights, Slurm"
EXAMPLE = "doctor"


@dataclass(frozen=True)
class Request:
    """Whether the scans are timed too."""

    speed: bool = True


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "--no-speed", action="store_true", help="check that the scans are right, time nothing"
    )


def read(args: argparse.Namespace) -> Request:
    """The command line as a request."""
    return Request(not args.no_speed)


def run(request: Request) -> int:
    """Print the report."""
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    _print("this machine", machine(device))
    _print(
        "selective scan (right: against the float64 reference, outputs and gradients)",
        scans(device, request.speed),
    )
    _print("weights (nothing is downloaded)", weights())
    _print("launching", slurm())
    _print("optional packages", packages())
    _print("what installed packages plug in (entry points)", plug_ins())
    return 0


def machine(device: torch.device) -> list[Check]:
    """torch and the device."""
    import torch

    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else "none that torch can use"
    advice = (
        "runs at scale tiny work without; for more: a CUDA build of torch, https://pytorch.org/get-started"
    )
    return [
        Check("torch", True, torch.__version__),
        Check(
            "cpu",
            True,
            f"{counted(os.cpu_count() or 1, 'core')}, {counted(torch.get_num_threads(), 'thread')}",
        ),
        Check("gpu", device.type == "cuda", gpu, advice),
    ]


def scans(device: torch.device, timed: bool) -> list[Check]:
    """Every scan backend: present, right, how much faster than the reference. No speed of one that is wrong."""
    import torch

    from zigma.ops import resolve_backend, selective_scan
    from zigma.ops.backends import available_backends, why_not
    from zigma.profiling.scan_check import TOLERANCE, largest_error, random_inputs
    from zigma.profiling.speed import kernel_faults, time_calls

    faults: tuple[type[Exception], ...] = (*kernel_faults(), ValueError, TypeError)
    inputs, checks, calls = random_inputs(*SHAPE, device, torch.float32), {}, {}
    for name in available_backends():
        reason = why_not(name, device, torch.float32)
        if reason:
            checks[name] = Check(name, False, "not here", reason)
            continue

        def scan(given: dict[str, Any], order: torch.Tensor | None, name: str = name) -> torch.Tensor:
            return selective_scan(**given, delta_softplus=True, order=order, backend=name)

        try:
            error = largest_error(scan, device, torch.float32)
        except faults as failure:
            checks[name] = Check(
                name,
                False,
                f"present, fails: {first_line(failure)}",
                "do not use it here; choose another backend",
            )
            continue
        right = error <= TOLERANCE[torch.float32]
        detail = f"present, {'right' if right else 'WRONG'} (largest relative error {error:.0e})"
        checks[name] = Check(name, right, detail, "do not use it here; reinstall it for this torch and chip")
        if right:
            calls[name] = lambda scan=scan: scan(inputs, None).sum().backward()
    if timed:
        times = time_calls(calls, device, repeats=7, warm_up=2)
        for name, timing in times.items():
            ratio = times["reference"].median_ms / timing.median_ms
            detail = f"{checks[name].detail}, {ratio:.3g} times the reference's speed"
            checks[name] = Check(name, True, detail)
    taken = Check("auto takes", True, resolve_backend(None, device))
    return [*checks.values(), taken]


def weights() -> list[Check]:
    """Published weights that are on this machine, or where to get them and where to put them."""
    from zigma.metrics.weights import WEIGHTS, MissingWeights

    checks = []
    for name, file in WEIGHTS.items():
        try:
            checks.append(Check(name, True, str(file.find())))
        except MissingWeights as missing:
            checks.append(Check(name, False, "not here", str(missing)))
    return [*checks, _encoder("VAE", "vae"), _encoder("CLIP", "text_encoder")]


def _encoder(name: str, part: Part) -> Check:
    """An encoder where runs and the preparation of data look for it."""
    from zigma.common.places import WEIGHTS_VARIABLE
    from zigma.data.weights import PARTS, published_folder

    published = PARTS[part]
    try:
        place = published_folder(part)
    except ValueError as error:
        return Check(name, False, "not here", str(error))
    advice = (
        f"fetch https://huggingface.co/{published.repository} and put the folder at "
        f"${WEIGHTS_VARIABLE}/{published.folder}, then give its path when you prepare data"
    )
    return Check(name, place is not None, str(place or "not here"), advice)


def slurm() -> list[Check]:
    """Whether jobs can be submitted, and whether Slurm can say later how they ended."""
    missing = [word for word in ("sbatch", "srun", "squeue", "sinfo") if shutil.which(word) is None]
    if missing:
        advice = "runs go on this machine (--cluster local); on a cluster, log in to a node that has Slurm"
        return [Check("slurm", False, f"not found: {', '.join(missing)}", advice)]
    answer = _ask("sinfo", "-h", "-o", "%P (%D nodes, %l, %G)")
    if answer is None:
        advice = "`scontrol ping` says why; `status` then tells what the runs' own files tell"
        return [Check("slurm", False, "installed, but its controller does not answer", advice)]
    accounts = _ask("sacct", "-n", "-X", "-j", "1")
    advice = "ended jobs are told from their logs alone; an administrator can set up slurmdbd"
    kept = "how jobs ended can be asked" if accounts is not None else "none: sacct does not answer"
    partitions = ", ".join(answer.splitlines()) or "no partition"
    return [
        Check("slurm", True, f"partitions {partitions}; python -m studies run STUDY --cluster slurm"),
        Check("slurm accounts", accounts is not None, kept, advice),
    ]


def _ask(*words: str) -> str | None:
    """What a command prints, or None if it fails or takes too long."""
    try:
        asked = subprocess.run(words, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return asked.stdout.strip() if asked.returncode == 0 else None


def packages() -> list[Check]:
    """Optional packages with their versions."""
    checks = []
    for name, (purpose, advice) in PACKAGES.items():
        present = find_spec(name) is not None
        detail = f"{_version(name)} ({purpose})" if present else f"not installed ({purpose})"
        checks.append(Check(name, present, detail, advice))
    for name in ("mamba_ssm", "causal_conv1d"):
        checks.append(_kernel(name))
    return checks


def _version(name: str) -> str:
    try:
        return version(DISTRIBUTIONS.get(name, name))
    except PackageNotFoundError:
        return "version unknown"


def _kernel(name: str) -> Check:
    """A package with compiled kernels: one that is installed may still not load, so it is imported."""
    advice = 'pip install "zigma-studies[cuda]" with a GPU and nvcc; the backends above do without'
    if find_spec(name) is None:
        return Check(name, False, "not installed (CUDA kernels)", advice)
    try:
        import_module(name)
    except (ImportError, OSError, RuntimeError) as error:
        return Check(name, False, f"installed, does not load: {first_line(error)}", advice)
    return Check(name, True, f"{_version(name)} (CUDA kernels)")


def plug_ins() -> list[Check]:
    """What other packages bring by their entry points, and whether it can be used."""
    from studies.declare.registry import declared
    from zigma.common.plugged import DATA, EXTRACTORS, MIXERS, ORDERINGS, SCANS, STUDIES
    from zigma.data.names import data_names
    from zigma.metrics.config import ExtractorName
    from zigma.models.specs import MIXER_KINDS, ORDERING_KINDS
    from zigma.scans.registry import built_in_names

    ours = {
        SCANS: built_in_names(),
        MIXERS: MIXER_KINDS,
        ORDERINGS: ORDERING_KINDS,
        EXTRACTORS: get_args(ExtractorName),
        DATA: data_names(),
        STUDIES: declared(),
    }
    checks = [
        _plug_in(socket, name, name in names) for socket, names in ours.items() for name in socket.entries()
    ]
    groups = ", ".join(socket.group for socket in ours)
    return checks or [Check("none", True, f"a package can offer them as {groups}")]


def _plug_in(socket: Socket, name: str, is_ours: bool) -> Check:
    detail, title = f"of {socket.origin(name)}", f"{socket.what} {name}"
    if is_ours:
        return Check(title, False, detail, f"never used: this package has a {socket.what} of that name")
    try:
        socket.thing(name)
    except ValueError as error:
        return Check(title, False, detail, str(error))
    return Check(title, True, detail)


def _print(title: str, findings: list[Check]) -> None:
    print(title)
    for finding in findings:
        print(f"  {'ok' if finding.present else '--'}  {finding.name:<14} {finding.detail}")
        if finding.advice and not finding.present:
            print(f"      {'':<14} {finding.advice}")

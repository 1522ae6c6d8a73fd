"""The parts of a session on a GPU, in order of worth, and the same ones at sizes for a rehearsal on a CPU."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Part:
    """A command with the most seconds that it may take."""

    name: str
    limit_s: float
    words: tuple[str, ...]  # of Python's command line
    graphs: bool = True  # whether a step goes through a CUDA graph
    together: bool = False  # whether it has several processes that share the GPU


TESTS = ("tests/training/test_graphs.py", "tests/ops/test_triton_kernels.py")
# batch, D, L, N; the first is the one whose bytes and exponentials are counted in tests/ops/test_roofline.py
SCANS = (  # shapes, timed calls of each (a loop over 16,384 steps takes a second), and the limit in seconds
    ("scan-path", "16,1536,1024,16", 5, 45),
    ("scan", "16,1536,1024,16", 5, 30),
    ("scan-1024", "1,1536,1024,16 8,1536,1024,16", 5, 25),
    ("scan-4096", "1,1536,4096,16 8,1536,4096,16", 2, 25),
    ("scan-16384", "1,1536,16384,16 8,1536,16384,16", 1, 35),
)
STEPS = (
    ("step-desk", ("--hidden", "64", "--depth", "8", "--grid", "16x16", "--batch", "16")),
    ("step-small", ("--hidden", "128", "--depth", "8", "--grid", "32x32", "--batch", "16")),
)
# study, scale, setting, seeds: all of a setting at once, since a GPU that small networks share is used best by many
STUDIES = (
    ("scan_ablation", "desk", "digits-8", 3),
    ("scan_ablation", "desk", "fields-16", 3),
    ("scan_ablation", "desk", "mnist-16", 3),
    ("scan_ablation", "small", "fields-32", 3),
    ("scan_ablation", "small", "shapes-32", 3),
)


def parts(work: Path, jobs: int) -> list[Part]:
    """Of a GPU. All limits before the studies leave these ninety seconds; most should need half of theirs."""
    results, benchmarks = str(work), str(work / "benchmarks")
    run = ("-m", "studies", "run")
    scan = ("-m", "zigma.profiling", "scan", "--out", benchmarks)
    step = ("-m", "zigma.profiling", "step", "--out", benchmarks)
    figure = ("--scale", "small", "--setting", "all", "--results", results)
    listed = [Part("tests", 120, (*_pytest(), "-n", "auto", "-m", "gpu", *TESTS))]
    for name, shapes, repeats, limit_s in SCANS:
        asked = [word for shape in shapes.split() for word in ("--shape", shape)]
        asked += ["--repeats", str(repeats), *(["--path"] if name == "scan-path" else [])]
        listed.append(Part(name, limit_s, (*scan, *asked)))
    for name, words in STEPS:
        listed.append(Part(name, 25, (*step, *words)))
    listed.append(Part("step-desk-plain", 25, (*step, *STEPS[0][1]), graphs=False))
    listed += [
        Part(name, 40, (*run, name, *figure, "--jobs", "1"))
        for name in ("order_receptive_field", "complexity")
    ]
    for study, scale, setting, seeds in STUDIES:
        chosen = ("--scale", scale, "--setting", setting, "--seeds", str(seeds), "--results", results)
        name = f"{study}-{scale}-{setting}"
        listed.append(Part(name, 600, (*run, study, *chosen, "--jobs", str(jobs)), together=True))
    return listed


def rehearsal(work: Path, jobs: int) -> list[Part]:
    """Of a CPU: the same commands, and Triton's kernels under its interpreter."""
    results, benchmarks = str(work), str(work / "benchmarks")
    run = ("-m", "studies", "run")
    scan = ("-m", "zigma.profiling", "scan", "--device", "cpu", "--out", benchmarks, "--repeats", "1")
    step = ("-m", "zigma.profiling", "step", "--device", "cpu", "--out", benchmarks, "--repeats", "1")
    measured = ("--scale", "tiny", "--results", results, "--jobs", "1", "--set", "repeats=1")
    tiny = ("--set", "training.steps=4", "--set", "evaluation.n_generated=8", "--set", "evaluation.n_real=8")
    return [
        Part("tests", 300, (*_pytest(), "-m", "gpu", "-k", "optional or repeats", *TESTS)),
        Part("scan", 300, (*scan, "--shape", "1,4,9,2")),
        Part("scan-path", 300, (*scan, "--shape", "1,4,9,2", "--path")),
        Part("step", 300, (*step, "--hidden", "8", "--depth", "1", "--grid", "4x4", "--batch", "2")),
        Part("order_receptive_field", 300, (*run, "order_receptive_field", "--only", "zigzag-1", *measured)),
        Part("complexity", 300, (*run, "complexity", "--setting", "8x8", "--only", "ZigMa", *measured)),
        Part(
            "scan_ablation-tiny-digits-8-0",
            300,
            (
                *(*run, "scan_ablation", "--only", "sweep", "--only", "zigzag-8", "--scale", "tiny"),
                *("--setting", "digits-8", "--results", results, "--jobs", str(jobs), *tiny),
            ),
        ),
    ]


def _pytest() -> tuple[str, ...]:
    return ("-m", "pytest", "-vv", "--tb=short", "--no-header", "-p", "no:cacheprovider", "-o", "addopts=")

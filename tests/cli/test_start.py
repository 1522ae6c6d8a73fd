"""What is said of a submission."""

from studies.cli.start import without_gpu
from studies.declare.registry import find_study
from studies.declare.study import runs
from studies.launch.cluster import Resources
from studies.run.queue import QueuedRun


def test_runs_sized_for_a_gpu_that_ask_for_none_are_told_of() -> None:
    study = find_study("scan_ablation")
    small, tiny = ([QueuedRun(run) for run in runs(study, scale)] for scale in ("small", "tiny"))
    assert without_gpu(small, Resources()) == "no GPU is asked for at scale small: --gpus 1 asks for one"
    assert without_gpu(tiny, Resources()) is None
    assert without_gpu(small, Resources(gpus=1)) is None
    assert without_gpu(small, Resources(extra={"gres": "gpu:1"})) is None
    assert without_gpu(small, Resources(extra={"gpus-per-task": 1})) is None

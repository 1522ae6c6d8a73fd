"""Records that several tests look at. Its presence also lets tests in subfolders import `fake_records`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from studies.declare.shipped import published_folder


@pytest.fixture(scope="module", autouse=True)
def no_shipped_levels() -> Iterator[None]:
    """Invented numbers are not held against the floors and baselines of real data that ship."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "analysis.records.collection.level_folders", lambda results: [results, published_folder(results)]
        )
        yield


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder in which every study that a figure needs has three seeds, in all its settings at tiny.

    The ranking alone has one seed, at desk: at tiny no setting of fields is shared by studies with many scans.
    """
    from fake_records import drawn_metrics, fill, record_of, write
    from PIL import Image

    from studies.declare.registry import find_study
    from studies.declare.study import runs
    from zigma.experiment.config import RunConfig

    results = tmp_path_factory.mktemp("recorded") / "results"
    identities = set()
    for name in ("scan_trends", "training_trends", "spatial_continuity", "patch_size", "complexity",
                 "order_receptive_field", "samples", "exact"):  # fmt: skip
        for run in runs(
            find_study(name), "tiny", range(3), settings=["rows-16"] if name == "exact" else None
        ):
            if run.identity in identities:
                continue
            identities.add(run.identity)
            quality = 5.0 + len(run.arm) / 4 + run.config.seed / 10
            extra = {}
            if isinstance(run.config, RunConfig):
                curve = {"step": [100, 200, 300], "value": [4 * quality, 2 * quality, quality]}
                loss = {"step": [100, 200, 300], "value": [1.0, 0.8, 0.7 + run.config.seed / 100]}
                metrics = drawn_metrics(run, quality)
                samples = f"samples/tiny/{run.study}/{run.arm}.{run.setting}.seed{run.config.seed}.{run.identity}.png"
                (results / samples).parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (32, 32), (run.config.seed * 80, 90, 160)).save(results / samples)
                extra = {
                    "curves": {"loss": loss, metrics[1]["name"]: curve},
                    "artifacts": {"samples": samples},
                }
            write(results, run, record_of(run, drawn_metrics(run, quality), **extra))
    for name in ("scan_zoo", "strategies"):
        fill(results, name, "desk", setting="fields-8", seeds=1)
    return results

"""Runs that train nothing, on every kind of network and plan that a study declares."""

import math

import pytest

from studies.declare.registry import find_study
from zigma.common.words import WordError
from zigma.experiment.config import MeasurementConfig, ScanConfig
from zigma.experiment.measure import measure_network, measure_scan
from zigma.models.config import DiTConfig, ModelConfig, UViTConfig, ZigMaConfig
from zigma.models.specs import GatedLinearAttentionSpec
from zigma.scans import locality, scan_order

SMALL = ZigMaConfig(grid=(8, 8), hidden=32, depth=2)
NETWORKS: dict[str, ModelConfig] = {
    "plain": SMALL,
    "not square": SMALL.replace(grid=(6, 10)),
    "parallel": SMALL.replace(scan="parallel-4"),
    "in groups": SMALL.replace(scan="grouped-8:group=2"),
    "video": SMALL.replace(grid=(4, 8, 8), patch=2, scan="video-sst"),
    "video bidirectional": SMALL.replace(grid=(3, 4, 4), scan="bidirectional"),
    "captions": SMALL.replace(text_width=16, text_tokens=5),
    "in context": SMALL.replace(text_width=16, text_tokens=5, conditioning="in-context"),
    "classes": SMALL.replace(classes=3),
    "gated": SMALL.replace(mixer=GatedLinearAttentionSpec(heads=2)),
    "DiT": DiTConfig(grid=(8, 8), hidden=32, depth=2, heads=2, classes=4),
    "U-ViT": UViTConfig(grid=(8, 8), hidden=32, depth=2, heads=2, text_width=8, text_tokens=3),
}


def values(result: dict) -> dict[str, float]:  # type: ignore[type-arg]
    return {metric["name"]: metric["value"] for metric in result["metrics"]}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_every_network_is_measured(name: str, precision: str) -> None:
    config = MeasurementConfig(model=NETWORKS[name], batch_images=2, repeats=2, precision=precision)  # type: ignore[arg-type]
    result = measure_network(config)
    measured = values(result)
    assert measured["parameters"] > 0
    assert measured["flops"] >= measured["flops_as_paper"] > 0
    assert measured["images_per_s"] == pytest.approx(2e3 / measured["latency_ms"])
    # the samples in float32
    smallest = 2 * 4 * math.prod(config.model.grid) * config.model.in_channels / 2**20
    assert smallest < measured["peak_memory_mib"] < 200
    latency = next(metric for metric in result["metrics"] if metric["name"] == "latency_ms")
    assert latency["lower_ms"] <= latency["value"] <= latency["upper_ms"]
    assert (latency["repeats"], latency["batch_images"], latency["precision"]) == (2, 2, precision)
    seconds = result["wall_time_s"]["measuring"]
    assert seconds > 0
    assert result["cost"]["device_hours"] == pytest.approx(seconds / 3600, abs=1e-5)


def test_only_what_is_asked_for_is_measured() -> None:
    names = values(measure_network(MeasurementConfig(model=SMALL, quantities=("parameters", "memory"))))
    assert set(names) == {"parameters", "peak_memory_mib"}


def test_a_batch_changes_memory_and_not_the_flops_of_an_image() -> None:
    model = SMALL.replace(grid=(32, 32))
    one, eight = (
        values(measure_network(MeasurementConfig(model, ("flops", "memory"), batch_images=n, repeats=1)))
        for n in (1, 8)
    )
    assert one["flops"] == eight["flops"]
    assert eight["peak_memory_mib"] > 3 * one["peak_memory_mib"]


@pytest.mark.parametrize(
    "arm", [arm for arm in find_study("model_sizes").arms if " " not in arm.name], ids=lambda a: a.name
)
def test_the_parameters_of_table_9_are_those_printed(arm) -> None:  # type: ignore[no-untyped-def]
    """Counted without making the weights of a network of 1.5 billion."""
    config = find_study("model_sizes").config(arm, "tiny", "parameters")
    assert isinstance(config, MeasurementConfig)
    measured = values(measure_network(config))
    counted = measured.get("parameters_as_paper", measured["parameters"])
    assert round(counted / 1e6, 1) == arm.paper["Parameters (M)"]
    assert ("parameters_as_paper" in measured) == arm.name.startswith("CA-")


def test_a_gpu_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(WordError, match="--set device=cpu"):
        measure_network(MeasurementConfig(model=SMALL, device="cuda"))
    assert values(measure_network(MeasurementConfig(model=SMALL, quantities=("parameters",), device="cuda")))


@pytest.mark.parametrize(
    ("plan", "grid"),
    [
        ("zigzag-8", (15, 12)),
        ("bidirectional", (4, 4)),
        ("parallel-4", (8, 8)),
        ("video-sst", (4, 8, 8)),
        ("video-zigzag3d-8", (2, 6, 4)),
        ("hilbert-released-8", (8, 8)),
        ("sweep", (1, 1)),
    ],
)
def test_every_plan_is_measured(plan: str, grid: tuple[int, ...]) -> None:
    measured = values(measure_scan(ScanConfig(plan, grid)))
    assert set(measured) >= {"unit_steps", "gap_mean", "clusters", "reach", "coverage_4"}
    assert 0 < measured["reach"] <= 1
    assert 0 <= measured["coverage_4"] <= 1
    assert ("temporal" in measured) == (len(grid) == 3)


def test_a_plan_s_measure_is_the_mean_over_its_layers() -> None:
    """Nine layers of zigzag-8 read variant 0 twice: it counts twice."""
    nine = values(measure_scan(ScanConfig("zigzag-8", (6, 4), depth=9)))
    gaps = [locality(scan_order("zigzag", (6, 4), variant=v), (6, 4))["gap_mean"] for v in (*range(8), 0)]
    assert nine["gap_mean"] == pytest.approx(sum(gaps) / 9)
    assert values(measure_scan(ScanConfig("zigzag-8", (6, 4))))["unit_steps"] == 1.0

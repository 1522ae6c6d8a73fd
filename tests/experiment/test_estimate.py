"""Parameters exactly; time against the runs that are published; memory by what must be held."""

import json
import math
import statistics
import time
from pathlib import Path

import pytest

from studies.declare.registry import studies
from studies.declare.scales import PAPER_VIDEO, TINY, TINY_LARGE, TINY_TEXT, vary
from zigma.experiment.config import MeasurementConfig, RunConfig, ScanConfig, read_config
from zigma.experiment.estimate import EVALUATED_BYTES, batch_of, estimate, parameters
from zigma.models.config import DiTConfig, ModelConfig, UViTConfig, ZigMaConfig
from zigma.models.specs import (
    GatedDeltaNetSpec,
    GatedLinearAttentionSpec,
    HGRN2Spec,
    Mamba2Spec,
    MambaSpec,
    MLSTMSpec,
    RWKV6Spec,
)

PUBLISHED = Path(__file__).parents[2] / "results" / "published"
NETWORKS = {
    "learned position": ZigMaConfig(grid=(8, 8), hidden=32, depth=3, position="learned"),
    "classes": ZigMaConfig(grid=(8, 8), hidden=24, depth=2, classes=11, scan="bidirectional"),
    "captions": ZigMaConfig(grid=(8, 8), hidden=32, depth=2, text_width=20, scan="parallel-4"),
    "in context": ZigMaConfig(grid=(8, 8), hidden=32, depth=2, text_width=20, conditioning="in-context"),
    "video": ZigMaConfig(
        grid=(4, 8, 8), hidden=40, depth=4, patch=2, scan="video-sst", temporal_position=True
    ),
    "mixer": ZigMaConfig(grid=(8, 8), hidden=32, depth=2, mixer=MambaSpec(state=8, taps=3, expand=1)),
    "carried state": ZigMaConfig(
        grid=(8, 8),
        hidden=32,
        depth=7,
        scan="zigzag-1+parallel-3+channels-2",
        mixer=MambaSpec(carry_state=True),
    ),
    "sorted": ZigMaConfig(grid=(8, 8), hidden=32, depth=3, ordering="score"),
    "sorted by brightness": ZigMaConfig(grid=(8, 8), hidden=32, depth=3, ordering="brightness"),
    "gated": ZigMaConfig(grid=(8, 8), hidden=32, depth=2, mixer=GatedLinearAttentionSpec(heads=2)),
    "gated twice": ZigMaConfig(
        grid=(8, 8), hidden=32, scan="bidirectional", mixer=GatedLinearAttentionSpec()
    ),
    "groups of channels": ZigMaConfig(
        grid=(8, 8), hidden=40, depth=3, scan="channels-(sweep@0,6+zigzag@1)+zigzag-1"
    ),
    "shared": ZigMaConfig(grid=(8, 8), hidden=32, depth=3, scan="shared-sweep@0,6+parallel-2"),
    "gated groups": ZigMaConfig(
        grid=(8, 8), hidden=32, scan="channels-zigzag-3", mixer=GatedLinearAttentionSpec()
    ),
    **{
        f"{spec.kind} {scan}": ZigMaConfig(grid=(8, 8), hidden=48, depth=2, scan=scan, mixer=spec)
        for spec in (
            Mamba2Spec(heads=3, state=8),
            GatedDeltaNetSpec(heads=3),
            HGRN2Spec(heads=3),
            MLSTMSpec(heads=3, block=5),
            RWKV6Spec(heads=3, rank=5),
        )
        for scan in ("zigzag-8", "parallel-2+sweep-1", "channels-sweep@0,6", "shared-sweep@0,6")
    },
    **{
        f"{spec.kind} with an inner width": ZigMaConfig(
            grid=(8, 8), hidden=41, depth=3, scan="parallel-2+sweep-1", mixer=spec
        )
        for spec in (
            GatedLinearAttentionSpec(heads=3, inner=30),
            Mamba2Spec(heads=3, inner=33),
            GatedDeltaNetSpec(heads=3, inner=54),
            HGRN2Spec(heads=3, inner=33, lower_bound=True),
            MLSTMSpec(heads=3, inner=33),
            RWKV6Spec(heads=3, inner=33),
        )
    },
    "DiT": DiTConfig(grid=(8, 8), hidden=32, depth=3, heads=2, classes=5),
    "DiT sigma": DiTConfig(grid=(8, 8), hidden=32, depth=3, heads=2, learn_sigma=True),
    "U-ViT": UViTConfig(grid=(8, 8), hidden=32, depth=4, heads=2, text_width=20, text_tokens=5),
    "U-ViT classes": UViTConfig(grid=(8, 8), hidden=32, depth=4, heads=2, classes=5, convolution=False),
}


def built(model: ModelConfig) -> int:
    import torch

    from zigma.models import build_model

    with torch.device("meta"):
        return sum(p.numel() for p in build_model(model).parameters())


def test_a_users_curve_of_frames_is_estimated_by_its_own_dimensions(tmp_path: Path) -> None:
    file = tmp_path / "my2.py"
    file.write_text("def walk(frames, height, width):\n    return range(frames * height * width)\n")
    model = ZigMaConfig(grid=(2, 4, 4), in_channels=1, hidden=16, depth=2, scan=f"parallel-{file}:walk-3")
    assert parameters(model) == built(model)


@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_are_those_of_the_network(name: str) -> None:
    assert parameters(NETWORKS[name]) == built(NETWORKS[name])


def test_parameters_of_every_declared_network() -> None:
    """One network of each kind and count: that a plan of as many paths costs as many parameters is tested above."""
    networks: dict[object, ModelConfig] = {}
    for study in studies().values():
        for scale in study.scales:
            for setting in study.scales[scale]:
                for arm in study.arms:
                    config = study.config(arm, scale, setting)
                    if not isinstance(config, ScanConfig) and config.model.hidden < 512:
                        networks.setdefault((type(config.model), parameters(config.model)), config.model)
    assert len(networks) > 20
    assert not [model for model in networks.values() if parameters(model) != built(model)]


def test_the_estimate_is_near_what_the_published_runs_took() -> None:
    """They were no part of the fit: other networks, other data, samples and metrics included."""
    ratios: dict[str, list[float]] = {}
    for path in PUBLISHED.glob("tiny/*/*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        if "training" in record["wall_time_s"]:
            seconds = estimate(read_config(record["config"]), "cpu").seconds
            ratios.setdefault(record["study"], []).append(seconds / sum(record["wall_time_s"].values()))
    assert len(ratios) > 10
    for study, values in ratios.items():  # single runs shared their machine with others
        assert 1 / 2.5 < statistics.median(values) < 2.5, study


@pytest.mark.parametrize("config", [TINY, TINY_LARGE, TINY_TEXT], ids=["digits", "larger", "captions"])
def test_memory_holds_weights_gradients_moments_and_average(config: RunConfig) -> None:
    held = parameters(config.model) * 4 * 5 / 2**30
    assert estimate(config, "cpu").memory_gib > held
    assert (
        estimate(vary(config, training={"batch_images": 64}), "cpu").memory_gib
        > estimate(config, "cpu").memory_gib
    )


def test_more_of_anything_takes_longer_and_more_devices_less() -> None:
    one = estimate(TINY, "cpu")
    for part, values in (
        ("training", {"steps": 2 * TINY.training.steps}),
        ("evaluation", {"n_generated": 5000}),
        ("evaluation", {"every_steps": 50}),
        ("model", {"depth": 16}),
    ):
        assert estimate(vary(TINY, **{part: values}), "cpu").seconds > 1.05 * one.seconds
    assert estimate(TINY, "cpu", devices=8) == one  # a core is one, however many GPUs are asked for
    two = estimate(TINY, "gpu", devices=2)
    assert two.seconds < one.seconds
    assert two.memory_gib < estimate(TINY, "gpu").memory_gib
    assert (
        estimate(vary(TINY_LARGE, model={"gradient_checkpointing": True}), "cpu").memory_gib
        < estimate(TINY_LARGE, "cpu").memory_gib
    )


def test_every_kind_of_run_has_an_estimate_and_it_is_quick() -> None:
    started = time.process_time()
    for study in studies().values():
        for scale in study.scales:
            for setting in study.scales[scale]:
                for arm in study.arms:
                    needs = estimate(study.config(arm, scale, setting), "gpu")
                    assert needs.seconds > 0
                    assert needs.memory_gib > 0
    assert time.process_time() - started < 5
    counted = estimate(MeasurementConfig(quantities=("parameters",)), "cpu")
    assert counted.memory_gib < 1  # a network of billions is counted without its weights


def test_a_batch_that_is_evaluated_counts_where_it_holds_more_than_a_step() -> None:
    """The held-out loss is taken of as many images at once as samples are drawn, however small the training's batch."""
    small = vary(PAPER_VIDEO, training={"batch_images": 1}, evaluation={"n_generated": 2})
    values = batch_of(small.model) * math.prod(small.model.token_grid) * small.model.hidden
    assert estimate(small, "cpu").memory_gib > values * EVALUATED_BYTES / 2**30 > 9
    lean = vary(small, model={"gradient_checkpointing": True})
    assert estimate(lean, "cpu").memory_gib > values * EVALUATED_BYTES / 2**30

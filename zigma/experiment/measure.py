"""Runs that train nothing: what a network costs, and what a scan does on its grid."""

from __future__ import annotations

import time
from typing import Any

from zigma.common.words import WordError
from zigma.experiment.config import MeasurementConfig, ScanConfig

NEAR_STEPS = 4  # neighbours this near in some layer's walk count as covered


def measure_network(config: MeasurementConfig) -> dict[str, Any]:
    """Parameters, FLOPs, images a second and peak memory of a forward pass of an untrained network.

    FLOPs are of one image, in two counts: `flops_as_paper` is fvcore's default (Table 5), `flops` everything. So are
    the parameters of a network with cross-attention: `parameters_as_paper` is what Table 9 counts. Where parameters
    alone are asked for, the weights are not made, so that a network of any size is counted on any machine.

    Raises:
        WordError: a GPU is asked for and there is none.
    """
    import torch

    from zigma.models import build_model
    from zigma.models.counting import count_parameters
    from zigma.models.sizes import count_as_the_paper
    from zigma.profiling import count_flops, measure_model

    counted_alone = set(config.quantities) == {"parameters"}
    if config.device == "cuda" and not counted_alone and not torch.cuda.is_available():
        raise WordError("device='cuda' but torch sees no GPU; --set device=cpu measures on this machine")
    started = time.monotonic()
    torch.manual_seed(config.seed)
    with torch.device("meta" if counted_alone else "cpu"):
        model = build_model(config.model).eval()
    model = model if counted_alone else model.to(config.device)
    metrics: list[dict[str, Any]] = []
    if "parameters" in config.quantities:
        count, as_the_paper = count_parameters(model), count_as_the_paper(model)
        metrics.append({"name": "parameters", "value": count})
        if as_the_paper != count:
            metrics.append({"name": "parameters_as_paper", "value": as_the_paper})
    if "flops" in config.quantities:
        flops = count_flops(model, *_inputs(config, 1))
        metrics += [
            {"name": "flops_as_paper", "value": flops.as_the_paper},
            {"name": "flops", "value": flops.everything},
        ]
    if {"speed", "memory"} & set(config.quantities):
        with torch.autocast(config.device, _dtype(config), enabled=config.precision != "no"):
            speed = measure_model(model, *_inputs(config, config.batch_images), repeats=config.repeats)
        protocol = {
            "batch_images": config.batch_images,
            "device": speed.device,
            "precision": config.precision,
        }
        if "speed" in config.quantities:
            timing = speed.timing
            spread = {"lower_ms": timing.lower_ms, "upper_ms": timing.upper_ms, "repeats": timing.repeats}
            metrics += [
                {"name": "images_per_s", "value": speed.images_per_s, **protocol},
                {"name": "latency_ms", "value": timing.median_ms, **spread, **protocol},
            ]
        if "memory" in config.quantities:
            memory = {"value": speed.peak_mib, "settings": {"counted": "tensors"}}
            metrics.append({"name": "peak_memory_mib", **memory, **protocol})
    return _result(metrics, time.monotonic() - started)


def measure_scan(config: ScanConfig) -> dict[str, Any]:
    """Locality of a plan's orders (mean over its layers) and what its layers reach; see `zigma.scans`."""
    import numpy as np

    from zigma.scans import coverage, locality, reach_shares, scan_plan

    started = time.monotonic()
    layers = scan_plan(config.scan, grid=config.grid, depth=config.depth)
    orders = [order for layer in layers for order in layer.scans]
    once = {id(order): locality(order, config.grid) for order in {id(o): o for o in orders}.values()}
    measured = [once[id(order)] for order in orders]  # layers of one order share its object
    metrics = [
        {"name": name, "value": float(np.mean([values[name] for values in measured]))} for name in measured[0]
    ]
    metrics.append({"name": "reach", "value": reach_shares(layers)[-1]})
    metrics.append({"name": f"coverage_{NEAR_STEPS}", "value": coverage(layers, NEAR_STEPS)[-1]})
    return _result(metrics, time.monotonic() - started)


def _inputs(config: MeasurementConfig, batch: int) -> tuple[Any, ...]:
    """Noise, times and what the network is told, of the shapes that it takes."""
    import torch

    model, generator = config.model, torch.Generator().manual_seed(config.seed)
    shape = (*model.grid[:-2], model.in_channels, *model.grid[-2:])
    x, t = torch.randn(batch, *shape, generator=generator), torch.rand(batch, generator=generator)
    told: tuple[Any, ...] = ()
    if model.text_width is not None:
        told = (torch.randn(batch, model.text_tokens, model.text_width, generator=generator),)
    elif model.classes is not None:
        told = (torch.randint(model.classes, (batch,), generator=generator),)
    return tuple(value.to(config.device) for value in (x, t, *told))


def _dtype(config: MeasurementConfig) -> Any:
    import torch

    return torch.float16 if config.precision == "fp16" else torch.bfloat16


def _result(metrics: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    return {
        "metrics": metrics,
        "curves": {},
        "wall_time_s": {"measuring": round(seconds, 3)},
        "cost": {"device_hours": round(seconds / 3600, 5)},
    }

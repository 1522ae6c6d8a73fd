"""How far a network trained on Gaussian fields is from the best one, and how near its path lets it come.

On the linear path the best velocity of such data is known exactly (`zigma.optimum`). A network's loss is the least
loss plus the mean squared distance of its velocity from the best one; this excess is what a record holds, without
the noise that no network can predict, beside levels that say what it means:

    optimum_loss                the least loss of all, which an excess of 0 reaches
    excess_velocity_plan        the least excess with what the network's plan lets through its depth
    excess_velocity_one_path    the least excess along the path of its first layer alone
    excess_velocity_one_token   the least excess of a predictor that sees one token: what no scan is needed for

Shapes: B batch, C channels, H and W height and width, L tokens.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from zigma.data.fields import component_covariances
from zigma.experiment.config import RunConfig
from zigma.experiment.estimate import batch_of
from zigma.interpolant import convert, time_interval
from zigma.interpolant.interval import spread_times
from zigma.models.config import ZigMaConfig
from zigma.models.specs import MambaSpec
from zigma.optimum import (
    GaussianMixture,
    OptimalVelocity,
    least_excess,
    least_loss,
    one_token_sight,
    patch_tokens,
    path_sight,
    plan_sight,
    time_midpoints,
)
from zigma.scans import scan_plan
from zigma.training import condition
from zigma.training.processes import from_main, processes, shares, together

BINS = 10  # equal parts of [0, 1] in which the excess is also told
LEVEL_TIMES = time_midpoints(16)  # for the least excesses of rough fields: 64 would change the fifth digit
LOSS_TIMES = time_midpoints(64)  # for losses, which change more quickly next to the data
# Smooth fields change much more quickly there. Of a Matern field of length 16 on 16x16, the least excess along a sweep
# is 0.18076 by 16 times, 0.17813 by 64, 0.17797 by 128 and by 512.
SMOOTH_TIMES = time_midpoints(128)
LARGEST_LEVELS = 4096  # values of a field above which its levels would take longer than the training

Row = dict[str, Any]  # a metric in the words of a record


def has_optimum(config: RunConfig) -> bool:
    """Whether the best velocity of the run's data is known: fields, on the linear path."""
    return config.data.field is not None and config.interpolant.path == "linear"


class Excess:
    """Measures networks of one run on the same held-out fields, noise and times.

    Raises:
        ValueError: the run's data has no known optimum.
    """

    def __init__(self, config: RunConfig, held_out: Any) -> None:
        if not has_optimum(config):
            raise ValueError(f"the best velocity of {config.data.name} is not known: it is for fields alone")
        self.config, self.held_out = config, held_out
        components = component_covariances(config.data)
        self.best: Callable[[Tensor, Tensor], Tensor] = (
            OptimalVelocity(components[0])
            if len(components) == 1
            else GaussianMixture(components).optimal_velocity
        )

    @torch.no_grad()
    def measure(self, model: nn.Module, n: int) -> list[Row]:
        """`excess_velocity` over the first `n` held-out fields, per value: its mean and in bins of t.

        Several processes share the fields.
        """
        times = self._times(n)
        errors = together(lambda: self._errors(model, n, times))
        squared = np.concatenate(errors)
        bins = np.minimum((times.numpy() * BINS).astype(int), BINS - 1)
        protocol = {"n_real": n, "reference": "held-out"}
        edges = itertools.pairwise(np.linspace(0, 1, BINS + 1))
        rows = [
            {"name": f"excess_velocity_t{low:.1f}_{high:.1f}", "value": float(squared[bins == i].mean())}
            for i, (low, high) in enumerate(edges)
            if (bins == i).any()
        ]
        whole = {"name": "excess_velocity", "value": float(squared.mean())}
        return [row | protocol for row in (whole, *rows)]

    def levels(self) -> list[Row]:
        """What the best network reaches and what its path allows; computed by the main process, told to all."""
        return from_main(lambda: levels(self.config))

    def _times(self, n: int) -> Tensor:
        """Spread evenly over [0, 1] and shuffled, the same for every network and seed."""
        times = spread_times(n, torch.Generator().manual_seed(0))
        return times.clamp(*time_interval(self.config.interpolant))

    def _errors(self, model: nn.Module, n: int, times: Tensor) -> npt.NDArray[np.float64]:
        """Squared distances of this process's share, a mean over the values of each field."""
        device, batch = processes().device, batch_of(self.config.model)
        errors = [np.empty(0)]
        for indices in shares(n, batch):
            fields = self.held_out.batch(list(indices))
            generator = torch.Generator().manual_seed(indices.start)
            noise = torch.randn(fields.images.shape, generator=generator)
            t = times[list(indices)]
            scale = t.view(-1, *[1] * (noise.dim() - 1))
            x = scale * fields.images + (1 - scale) * noise  # Eq. 13 with t -> 1 - t
            velocity = self._velocity(model, x.to(device), t.to(device), condition(fields, self.config.model))
            errors.append((velocity.cpu() - self.best(x, t)).double().square().flatten(1).mean(1).numpy())
        return np.concatenate(errors)

    def _velocity(self, model: nn.Module, x: Tensor, t: Tensor, y: Tensor | None) -> Tensor:
        path, target = self.config.interpolant.path, self.config.interpolant.target
        prediction = model(x, t) if y is None else model(x, t, y.to(x.device))
        return convert(prediction.to(x.dtype), x, t, path=path, given=target, to="velocity")


def levels(config: RunConfig) -> list[Row]:
    """`optimum_loss` and the least excesses of a plan, of one path and of one token.

    A mixture's optimum is not linear: its own loss and the level of one token are drawn, and what a path allows is
    not known. Nothing is told of fields so large that it would take too long.
    """
    components, model = component_covariances(config.data), config.model
    channels, cells = components[0]
    if len(channels) * len(cells) > LARGEST_LEVELS:
        return []
    level_times, loss_times = _times_of(config)
    height, width = config.data.sides
    tokens = patch_tokens((height, width), model.patch, len(channels))
    one_token = one_token_sight(int(tokens.max()) + 1)
    if len(components) > 1:
        return _mixture_levels(components, tokens, loss_times)
    if np.array_equal(channels, np.eye(len(channels))):  # then channels tell nothing of each other
        tokens = patch_tokens((height, width), model.patch)
        covariance = cells
    else:
        covariance = np.asarray(np.kron(channels, cells), np.float64)

    def least(**sight: Any) -> float:
        return float(np.mean(least_excess(covariance, level_times, token_of=tokens, **sight)))

    rows = [_row("optimum_loss", float(np.mean(least_loss(covariance, loss_times))))]
    if isinstance(model, ZigMaConfig) and model.ordering is None:  # else what is seen depends on the sample
        first = scan_plan(model.scan, model.token_grid, 1)[0]
        whole = plan_sight(model.scan, model.token_grid, model.depth)
        if isinstance(model.mixer, MambaSpec) and model.mixer.carry_state and model.depth > 1:
            whole[:] = True  # a state that is handed on has seen every token
        one_path = np.logical_or.reduce([path_sight(scan) for scan in first.scans])
        rows.append(_row("excess_velocity_plan", 0.0 if whole.all() else least(seen=whole)))
        rows.append(_row("excess_velocity_one_path", 0.0 if one_path.all() else least(seen=one_path)))
    return [*rows, _row("excess_velocity_one_token", least(seen=one_token))]


def _times_of(config: RunConfig) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The times over which least excesses and losses are averaged: more of them where a field is smooth."""
    field = config.data.field
    if field is not None and set(field.covariances) == {"exponential"}:
        return LEVEL_TIMES, LOSS_TIMES
    return SMOOTH_TIMES, SMOOTH_TIMES


def _mixture_levels(
    components: list[Any], tokens: npt.NDArray[np.int64], times: npt.NDArray[np.float64]
) -> list[Row]:
    """By drawing x_t (`GaussianMixture.least_loss`); all tokens of a stationary field are alike."""
    whole = [np.kron(channels, cells) for channels, cells in components]
    token = np.flatnonzero(tokens == 0)
    best = float(np.mean(GaussianMixture(components).least_loss(times).value))
    alone = GaussianMixture([covariance[np.ix_(token, token)] for covariance in whole])
    excess = float(np.mean(alone.least_loss(times).value)) - best
    return [_row("optimum_loss", best), _row("excess_velocity_one_token", excess)]


def _row(name: str, value: float) -> Row:
    return {"name": name, "value": value}

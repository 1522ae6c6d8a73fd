"""Widths with which a network of another mixer has as many parameters as it has with Mamba. No torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zigma.experiment.estimate import parameters
from zigma.models.config import ZigMaConfig
from zigma.models.specs import MambaSpec, WithHeads, inner_step

WITHIN = 0.01  # of Mamba's


def equal_parameters(model: ZigMaConfig, mixer: WithHeads) -> dict[str, Any]:
    """Changes of `model.mixer` and, if need be, `model.hidden`, with which it has as many parameters as with Mamba.

    The mixer's inner width is what is changed. Where its steps are too coarse to come within 1 % (narrow networks),
    the hidden width is changed too, by as little as does.

    Raises:
        ValueError: no width comes that near.
    """
    expected = parameters(model.replace(mixer=MambaSpec()))
    for hidden in sorted(
        range(model.hidden // 2, 2 * model.hidden), key=lambda each: abs(each - model.hidden)
    ):
        spec, error = min(_candidates(model, mixer, hidden, expected), key=lambda candidate: candidate[1])
        if error <= WITHIN:
            changed = {} if hidden == model.hidden else {"model.hidden": hidden}
            return {"model.mixer": spec, **changed}
    raise ValueError(f"no width gives {mixer.kind} the {expected} parameters that Mamba has")


def _candidates(
    model: ZigMaConfig, mixer: WithHeads, hidden: int, expected: int
) -> Iterator[tuple[WithHeads, float]]:
    """The inner widths just below and above those parameters, with their relative errors."""
    step = inner_step(mixer)

    def count(steps: int) -> int:
        return parameters(model.replace(hidden=hidden, mixer=mixer.replace(inner=steps * step)))

    slope = max(count(2) - count(1), 1)
    near = max(1 + (expected - count(1)) // slope, 1)
    for steps in (near, near + 1):
        yield mixer.replace(inner=steps * step), abs(count(steps) / expected - 1)

"""What a network may predict (velocity, score or noise), and how each gives the others (Eqs. 8-10).

With E[x_1 | x_t] and E[x_0 | x_t] the expected data and noise,

    velocity  v = alpha' E[x_1 | x_t] + sigma' E[x_0 | x_t]                 (Eq. 8)
    state     x = alpha  E[x_1 | x_t] + sigma  E[x_0 | x_t]                 (Eq. 9)
    score     s = -E[x_0 | x_t] / sigma
                = (alpha v - alpha' x) / (sigma (alpha' sigma - alpha sigma'))   (Eq. 10)

so that every conversion goes through the expected noise. Its conversion to a velocity is infinite where
alpha = 0, and to a score where sigma = 0; `zigma.interpolant.interval` keeps the times away from there.
"""

from collections.abc import Callable

from torch import Tensor

from zigma.common.words import unknown
from zigma.interpolant.config import Path, Target
from zigma.interpolant.paths import Coefficients, coefficients

Conversion = Callable[[Tensor, Tensor, Coefficients], Tensor]

_TO_NOISE: dict[Target, Conversion] = {
    "noise": lambda noise, x, c: noise,
    "score": lambda score, x, c: -c.sigma * score,
    "velocity": lambda v, x, c: (c.d_alpha * x - c.alpha * v) / (c.d_alpha * c.sigma - c.alpha * c.d_sigma),
}
_FROM_NOISE: dict[Target, Conversion] = {
    "noise": lambda noise, x, c: noise,
    "score": lambda noise, x, c: -noise / c.sigma,
    "velocity": lambda noise, x, c: c.d_alpha / c.alpha * (x - c.sigma * noise) + c.d_sigma * noise,
}


def convert(prediction: Tensor, x: Tensor, t: Tensor, *, path: Path, given: Target, to: Target) -> Tensor:
    """Turn a prediction of one kind into another at the states x (B, ...) and times t (B,).

    Exact for the conditional expectations, which is how a network trained for one target is sampled through
    another. The result has the shape and dtype of x.

    Raises:
        ValueError: an unknown path or target, a prediction of another shape than x, or not one time for each state.
    """
    for name in (given, to):
        if name not in _TO_NOISE:
            raise unknown("target", name, list(_TO_NOISE))
    if prediction.shape != x.shape:
        raise ValueError(
            f"a prediction has the shape of its states, {tuple(x.shape)}, not {tuple(prediction.shape)}"
        )
    if given == to:
        return prediction.to(x.dtype)
    c = coefficients(path, t, like=x)
    return _FROM_NOISE[to](_TO_NOISE[given](prediction, x, c), x, c).to(x.dtype)

"""What the best network could reach: exact velocities and least losses, for data whose law is known.

For data x_1 with covariance K, noise x_0 and x_t = t x_1 + (1 - t) x_0 the target of training is v = x_1 - x_0.
Nothing predicts it better than E[v | what is seen of x_t], which is linear in x_t where the data are Gaussian.
The difference between a network's loss and the least one says how much is left to learn, and the difference between
the least loss along a path and the least loss with everything in sight says how much the path cannot see.

Shapes: B batch, N values, L tokens. K is (N, N); N = L where a token is one value. t = 0 is noise, t = 1 is data.
Names are loaded on first use: losses and sights cost no torch.
"""

from typing import TYPE_CHECKING

from zigma.common.lazy import lazy

if TYPE_CHECKING:
    from zigma.optimum.loss import least_excess as least_excess
    from zigma.optimum.loss import least_loss as least_loss
    from zigma.optimum.loss import time_midpoints as time_midpoints
    from zigma.optimum.mixture import GaussianMixture as GaussianMixture
    from zigma.optimum.mixture import SampledMean as SampledMean
    from zigma.optimum.sight import one_token_sight as one_token_sight
    from zigma.optimum.sight import patch_tokens as patch_tokens
    from zigma.optimum.sight import path_sight as path_sight
    from zigma.optimum.sight import plan_sight as plan_sight
    from zigma.optimum.velocity import OptimalVelocity as OptimalVelocity
    from zigma.optimum.velocity import optimal_velocity as optimal_velocity

_HOME = {
    "SampledMean": "mixture",
    "GaussianMixture": "mixture",
    "OptimalVelocity": "velocity",
    "least_excess": "loss",
    "least_loss": "loss",
    "one_token_sight": "sight",
    "optimal_velocity": "velocity",
    "patch_tokens": "sight",
    "path_sight": "sight",
    "plan_sight": "sight",
    "time_midpoints": "loss",
}
__all__ = list(_HOME)

__getattr__ = lazy(__name__, _HOME)

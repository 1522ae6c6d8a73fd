"""The stochastic interpolant of section 3.3: paths, targets and losses, ODE and SDE samplers.

Shapes: B batch; the rest of a sample's shape is free. Time runs from noise (t = 0) to data (t = 1).
Names are loaded on first use, so that `zigma.interpolant.config` costs no torch.
"""

from typing import TYPE_CHECKING

from zigma.common.lazy import lazy

if TYPE_CHECKING:
    from zigma.interpolant.flow import Flow as Flow
    from zigma.interpolant.interval import time_interval as time_interval
    from zigma.interpolant.loss import interpolant_loss as interpolant_loss
    from zigma.interpolant.paths import PATHS as PATHS
    from zigma.interpolant.paths import Coefficients as Coefficients
    from zigma.interpolant.paths import coefficients as coefficients
    from zigma.interpolant.paths import gvp as gvp
    from zigma.interpolant.paths import linear as linear
    from zigma.interpolant.paths import vp as vp
    from zigma.interpolant.samplers import SAMPLERS as SAMPLERS
    from zigma.interpolant.sampling import sample as sample
    from zigma.interpolant.targets import convert as convert

_HOME = {
    "Coefficients": "paths",
    "Flow": "flow",
    "PATHS": "paths",
    "SAMPLERS": "samplers",
    "coefficients": "paths",
    "convert": "targets",
    "gvp": "paths",
    "interpolant_loss": "loss",
    "linear": "paths",
    "sample": "sampling",
    "time_interval": "interval",
    "vp": "paths",
}
__all__ = list(_HOME)

__getattr__ = lazy(__name__, _HOME)

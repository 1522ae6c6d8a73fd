"""Figure 6 a and b: images a second and memory of ZigMa, DiT and U-ViT against the number of tokens (section 4.2)."""

from collections.abc import Callable
from typing import Any

from studies.declare.scales import measured
from studies.declare.study import Arm, Study
from zigma.models.config import DiTConfig, NetworkConfig, UViTConfig

LARGE = (32, 64, 96, 128, 160, 196)  # the paper names the first and the last
SIDES = {"tiny": (8, 16, 24, 32, 48, 64), "small": LARGE, "paper": LARGE}


def _tiny_dit(grid: tuple[int, int]) -> DiTConfig:
    return DiTConfig(grid=grid, hidden=192, depth=6, heads=4, patch=1)


def _tiny_uvit(grid: tuple[int, int]) -> UViTConfig:
    return UViTConfig(grid=grid, hidden=192, depth=8, heads=4, patch=1)


def _at(
    tiny: Callable[[tuple[int, int]], NetworkConfig], preset: Callable[..., NetworkConfig], size: str
) -> dict[str, dict[str, Any]]:
    """The network of an arm on every grid: of ZigMa's number of parameters to within some percent."""
    return {
        f"{scale}/{side}x{side}": {
            "model": tiny((side, side)) if scale == "tiny" else preset(size, grid=(side, side), patch=1)
        }
        for scale, sides in SIDES.items()
        for side in sides
    }


STUDY = Study(
    name="complexity",
    shows="Figure 6ab",
    title="Speed and memory against the number of tokens; batch 1, patch 1, nearly equal parameters",
    arms=(
        Arm("ZigMa", {"model.scan": "zigzag-1"}),
        Arm("DiT", {}, at=_at(_tiny_dit, DiTConfig.preset, "B")),
        Arm("U-ViT", {}, at=_at(_tiny_uvit, UViTConfig.preset, "M")),
    ),
    scales={
        scale: {f"{side}x{side}": measured((side, side), scale) for side in sides}
        for scale, sides in SIDES.items()
    },
    notes=(
        "sizes: ZigMa-B (133.8 M), DiT-B (129.5 M at 32x32) and U-ViT-M (130.7 M); at tiny 4.4 M, 4.2 M and 4.3 M",
        "small and paper are the same runs: they train nothing",
        "the paper names the grids 32x32 and 196x196 alone; those between are ours",
    ),
)

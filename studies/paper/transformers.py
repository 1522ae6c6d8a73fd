"""Table 5: ZigMa beside U-ViT and DiT: what they draw, and what a forward pass costs (section 4.2)."""

from typing import Any

from studies.declare.scales import DESK, DESK_FIELDS, DESK_SMALL, PAPER, PAPER_NOTES, SMALL, TINY, measured
from studies.declare.study import Arm, Study
from zigma.experiment.config import Config
from zigma.models.config import DiTConfig, UViTConfig, ZigMaConfig

# The FLOPs printed are those of the small networks at patch 2 on 4x32x32 latents.
COST = "s2-32x32"


def _cost(scale: str) -> dict[str, Config]:
    batch = 1 if scale in ("tiny", "desk") else 64
    model = ZigMaConfig.preset("S", patch=2)
    return {COST: measured((32, 32), scale).replace(model=model, batch_images=batch)}


def _narrow_uvit(grid: tuple[int, int], hidden: int, patch: int) -> UViTConfig:
    """What of U-ViT can be narrow: see the note on it."""
    sizes: dict[str, Any] = {"grid": grid, "hidden": hidden, "patch": patch, "depth": 6, "heads": 4}
    return UViTConfig(**sizes, in_channels=1, convolution=False, start="xavier")


STUDY = Study(
    name="transformers",
    shows="Table 5",
    title="U-ViT, DiT and ZigMa on MultiModal-CelebA 256 without captions",
    arms=(
        Arm(
            "U-ViT",
            {},
            {"FID": 14.50, "Memory (G)": 35.10, "FLOPS (G)": 12.5},
            at={
                "digits-8": {"model": _narrow_uvit(grid=(8, 8), hidden=32, patch=1)},
                "desk": {"model": _narrow_uvit(grid=(16, 16), hidden=64, patch=2)},
                "small": {
                    "model": UViTConfig(
                        grid=(32, 32), in_channels=3, hidden=140, depth=4, heads=4, patch=1, start="xavier"
                    )
                },
                "paper": {"model": UViTConfig.preset("M", patch=1)},
                COST: {"model": UViTConfig.preset("S")},
            },
        ),
        Arm(
            "DiT",
            {},
            {"FID": 14.64, "Memory (G)": 29.20, "FLOPS (G)": 5.5},
            at={
                "digits-8": {
                    "model": DiTConfig(grid=(8, 8), in_channels=1, hidden=32, depth=5, heads=4, patch=1)
                },
                "desk": {
                    "model": DiTConfig(grid=(16, 16), in_channels=1, hidden=64, depth=5, heads=4, patch=2)
                },
                "small": {
                    "model": DiTConfig(grid=(32, 32), in_channels=3, hidden=132, depth=4, heads=4, patch=1)
                },
                "paper": {"model": DiTConfig.preset("B", patch=1)},
                COST: {"model": DiTConfig.preset("S")},
            },
        ),
        Arm("ZigMa", {"model.scan": "zigzag-8"}, {"FID": 14.27, "Memory (G)": 17.80, "FLOPS (G)": 5.2}),
    ),
    scales={
        "tiny": {"digits-8": TINY, **_cost("tiny")},
        "desk": {"digits-8": DESK_SMALL, "fields-16": DESK_FIELDS, "mnist-16": DESK, **_cost("desk")},
        "small": {"photos-32": SMALL, **_cost("small")},
        "paper": {"celebamm-256": PAPER, **_cost("paper")},
    },
    stands_for={
        "digits-8": "FID",
        "mnist-16": "FID",
        "photos-32": "FID",
        "celebamm-256": "FID",
        COST: "FLOPS (G)",
    },
    notes=(
        *PAPER_NOTES,
        "sizes: the FLOPs printed are those of S/2 networks, while ZigMa's FID is that of Table 2, whose network is "
        "the Base one; networks of nearly equal size are trained here (U-ViT-M, DiT-B and ZigMa-B at patch 1)",
        "U-ViT below scale paper: layers and positions start as DiT's do, since the published start (a spread of 0.02) "
        "is made for widths of 512 and more; and on one channel it has no last 3x3 convolution, which is a single "
        "filter there and, as some seeds train it, does not let noise of some frequencies through",
        "memory: of a forward pass on a batch of 64 (1 at tiny and desk); the paper does not say what it measured",
    ),
)

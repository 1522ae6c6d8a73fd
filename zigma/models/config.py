"""What a network is, as plain data: importable without torch, so that studies can declare and check models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Position = Literal["none", "cosine", "learned"]
Conditioning = Literal["cross-attention", "in-context"]


@dataclass(frozen=True)
class ZigMaConfig:
    """The paper's network (sections 3.2 and 8.5). Defaults are ZigMa-B/1 as released (FINDINGS P1)."""

    kind: Literal["zigma"] = "zigma"
    grid: tuple[int, ...] = (32, 32)  # height and width of the input, or frames, height, width
    in_channels: int = 4
    hidden: int = 768
    depth: int = 24
    patch: int = 1
    scan: str = "zigzag-8"  # a plan of zigma.scans
    position: Position = "none"
    temporal_position: bool = False
    text_width: int | None = None  # width of a caption token's embedding
    text_tokens: int = 77
    classes: int | None = None
    conditioning: Conditioning = "cross-attention"
    state: int = 16  # N of Eqs. 5 and 6
    drop_path: float = 0.0
    gradient_checkpointing: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "grid", tuple(self.grid))
        if len(self.grid) not in (2, 3) or min(self.grid) < 1:
            raise ValueError(f"grid is (height, width) or (frames, height, width), not {self.grid}")
        for name in ("in_channels", "hidden", "depth", "patch", "state", "text_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.grid[-2] % self.patch or self.grid[-1] % self.patch:
            raise ValueError(f"patch {self.patch} does not divide the grid {self.grid[-2]}x{self.grid[-1]}")
        if self.text_width is not None and self.classes is not None:
            raise ValueError("a network reads captions (text_width) or classes, not both")
        if self.position == "cosine" and self.hidden % 4:
            raise ValueError(f"a cosine position embedding needs hidden divisible by 4, not {self.hidden}")
        if self.temporal_position and len(self.grid) != 3:
            raise ValueError("temporal_position needs a grid (frames, height, width)")
        if not 0 <= self.drop_path < 1:
            raise ValueError(f"drop_path must be in [0, 1), not {self.drop_path}")

    @property
    def token_grid(self) -> tuple[int, ...]:
        """The grid of tokens: frames as they are, height and width divided by the patch."""
        return (*self.grid[:-2], self.grid[-2] // self.patch, self.grid[-1] // self.patch)


ModelConfig = ZigMaConfig

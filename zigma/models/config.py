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

    @property
    def token_grid(self) -> tuple[int, ...]:
        """The grid of tokens: frames as they are, height and width divided by the patch."""
        return (*self.grid[:-2], self.grid[-2] // self.patch, self.grid[-1] // self.patch)


ModelConfig = ZigMaConfig

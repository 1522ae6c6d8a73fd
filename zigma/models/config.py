"""What a network is, as plain data: importable without torch, so that studies can declare and check models."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from zigma.common.configuration import Configuration, Count, Flag, Grid, Share, later
from zigma.common.plugged import MIXERS, ORDERINGS
from zigma.common.words import unknown
from zigma.models.specs import (
    MIXER_KINDS,
    ORDERING_KINDS,
    MambaSpec,
    MixerSpec,
    OrderingSpec,
    OwnMixerSpec,
    mixer_fault,
    source_of,
)

# each layer has an order, and is built before anything is computed
Depth = Annotated[Count, Field(le=10_000)]
Position = Literal["none", "cosine", "learned"]
Conditioning = Literal["cross-attention", "in-context"]
Preset = Literal["released", "printed"]

# Table 9: (hidden, depth). Its counts belong to the released sizes; its own columns would give other counts.
ZIGMA_SIZES: dict[Preset, dict[str, tuple[int, int]]] = {
    "released": {"S": (368, 24), "B": (768, 24), "L": (1024, 48), "XL": (1536, 48)},
    "printed": {"S": (384, 12), "B": (768, 12), "L": (1024, 24), "XL": (1152, 28)},
}
# Millions of parameters that Table 9 prints: without captions, and with cross-attention ("CA-")
ZIGMA_MILLIONS = {"S": (31.3, 59.2), "B": (133.8, 214.1), "L": (472.5, 724.4), "XL": (1058.7, 1549.8)}
TIME_WIDTH = 256  # of the sinusoidal code of t, as released
ATTENTION_HEADS, HEAD_WIDTH = 8, 64  # of cross-attention, as released
CAPTION_WIDTH = 768  # of the CLIP features that the paper's captions are
# (hidden, depth, heads): Table 1 of arXiv 2212.09748 and of arXiv 2209.12152, whose S, M, L, H have depth + 1 blocks
DIT_SIZES = {"S": (384, 12, 6), "B": (768, 12, 12), "L": (1024, 24, 16), "XL": (1152, 28, 16)}
UVIT_SIZES = {"S": (512, 12, 8), "M": (768, 16, 12), "L": (1024, 20, 16), "H": (1152, 28, 16)}


class NetworkConfig(Configuration):
    """What every network has. Raises ValueError, in one line, for sizes that do not fit together."""

    grid: Grid = (32, 32)  # height and width of the input, or frames, height, width
    in_channels: Count = 4
    hidden: Count = 768
    depth: Depth = 24
    patch: Count = 1
    text_width: Count | None = None  # width of a caption token's embedding
    text_tokens: Count = 77
    classes: Count | None = None  # rows of the class embedding, a null class for guidance included
    gradient_checkpointing: Flag = False

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        if self.grid[-2] % self.patch or self.grid[-1] % self.patch:
            raise ValueError(f"patch {self.patch} does not divide the grid {self.grid[-2]}x{self.grid[-1]}")
        if self.text_width is not None and self.classes is not None:
            raise ValueError("a network reads captions (text_width) or classes, not both")
        return self

    @classmethod
    def of(cls, config: Self | None, fields: dict[str, Any]) -> Self:
        """A configuration with some of its fields set otherwise; by default all others are at their defaults."""
        if not isinstance(config, cls | None):
            raise ValueError(f"a network takes a {cls.__name__}, or its fields by name, not {config!r}")
        return (config or cls()).replace(**fields)

    @property
    def token_grid(self) -> tuple[int, ...]:
        """The grid of tokens: frames as they are, height and width divided by the patch."""
        return (*self.grid[:-2], self.grid[-2] // self.patch, self.grid[-1] // self.patch)


class ZigMaConfig(NetworkConfig):
    """The paper's network (sections 3.2 and 8.5). Defaults are ZigMa-B/1 as released."""

    kind: Literal["zigma"] = "zigma"
    scan: str = "zigzag-8"  # a plan of zigma.scans
    mixer: MixerSpec = MambaSpec()
    position: Position = "none"
    temporal_position: Flag = False
    conditioning: Conditioning = "cross-attention"  # how captions enter, where text_width asks for them
    drop_path: Share = 0.0  # stochastic depth: the last layer's rate, the first one's is 0
    # sorts each sample's tokens; the plan then reads the sorted ones
    ordering: OrderingSpec | None = later(None)

    @field_validator("ordering", mode="before")
    @classmethod
    def _ordering_by_name(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        own = value not in ORDERING_KINDS and ORDERINGS.takes(value)
        return {"kind": "own", "source": value} if own else {"kind": value}

    @field_validator("mixer", mode="before")
    @classmethod
    def _mixer_by_name(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        own = value not in MIXER_KINDS and MIXERS.takes(source_of(value))
        return OwnMixerSpec.parse(value) if own else {"kind": value}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.position == "cosine" and self.hidden % 4:
            raise ValueError(f"a cosine position embedding needs hidden divisible by 4, not {self.hidden}")
        if self.temporal_position and len(self.grid) != 3:
            raise ValueError("temporal_position needs a grid (frames, height, width)")
        if fault := mixer_fault(self.mixer, self.hidden):
            raise ValueError(fault)
        return self

    @classmethod
    def preset(cls, size: str, preset: Preset = "released", **fields: Any) -> Self:
        """S, B, L or XL of Table 9, with its sizes `released` or as `printed`."""
        hidden, depth = _lookup("ZigMa size", size, _lookup("preset", preset, ZIGMA_SIZES))
        return cls(hidden=hidden, depth=depth, **fields)


class DiTConfig(NetworkConfig):
    """The diffusion transformer of arXiv 2212.09748. Defaults are DiT-S/2 on 32x32 latents, unconditional."""

    kind: Literal["dit"] = "dit"
    hidden: Count = 384
    depth: Depth = 12
    heads: Count = 6
    patch: Count = 2
    learn_sigma: Flag = False  # as published: twice the channels out, for a loss that needs a variance

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _transformer("DiT", self, self.heads)
        if self.hidden % 4:
            raise ValueError(f"a cosine position embedding needs hidden divisible by 4, not {self.hidden}")
        if self.text_width is not None:
            raise ValueError("DiT as published reads classes, not captions: leave text_width unset")
        return self

    @classmethod
    def preset(cls, size: str, **fields: Any) -> Self:
        """S, B, L or XL as published; `patch=2`, `4` or `8`."""
        hidden, depth, heads = _lookup("DiT size", size, DIT_SIZES)
        return cls(hidden=hidden, depth=depth, heads=heads, **fields)


class UViTConfig(NetworkConfig):
    """U-ViT of arXiv 2209.12152. Defaults are U-ViT-S/2 on 32x32 latents, unconditional."""

    kind: Literal["uvit"] = "uvit"
    hidden: Count = 512
    depth: Depth = 12  # even: half before the middle block, half after it
    heads: Count = 8
    patch: Count = 2
    convolution: Flag = True  # a 3x3 convolution at the end; the published H on ImageNet has none
    # Linear layers and positions of a spread of 0.02, which suits widths of 512 and more; or, as DiT's, Xavier's, and
    # positions that begin at the cosine code
    start: Literal["published", "xavier"] = later("published")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _transformer("U-ViT", self, self.heads)
        if self.depth % 2:
            raise ValueError(
                f"U-ViT has half its depth on each side of a middle block: {self.depth} is not even"
            )
        if self.hidden % 2:
            raise ValueError(f"U-ViT's time token needs an even hidden width, not {self.hidden}")
        if self.start == "xavier" and self.hidden % 4:
            raise ValueError(f"positions at the cosine code need a width divisible by 4, not {self.hidden}")
        return self

    @classmethod
    def preset(cls, size: str, **fields: Any) -> Self:
        """S, M, L or H as published; `patch=2` or `4`."""
        hidden, depth, heads = _lookup("U-ViT size", size, UVIT_SIZES)
        return cls(hidden=hidden, depth=depth, heads=heads, **fields)


ModelConfig = Annotated[ZigMaConfig | DiTConfig | UViTConfig, Field(discriminator="kind")]


def _transformer(name: str, config: NetworkConfig, heads: int) -> None:
    if len(config.grid) != 2:
        raise ValueError(f"{name} reads images: grid is (height, width), not {config.grid}")
    if config.hidden % heads:
        raise ValueError(f"hidden {config.hidden} is not divisible by {heads} heads")


def _lookup(what: str, word: str, sizes: dict[Any, Any]) -> Any:
    if word not in sizes:
        raise unknown(what, word, sizes)
    return sizes[word]

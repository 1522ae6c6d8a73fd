"""What a network is, as plain data: importable without torch, so that studies can declare and check models."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Any, Literal, Self

Position = Literal["none", "cosine", "learned"]
Conditioning = Literal["cross-attention", "in-context"]
Preset = Literal["released", "printed"]

# Table 9: (hidden, depth). Its counts belong to the released sizes; its own columns would give other counts.
ZIGMA_SIZES: dict[Preset, dict[str, tuple[int, int]]] = {
    "released": {"S": (368, 24), "B": (768, 24), "L": (1024, 48), "XL": (1536, 48)},
    "printed": {"S": (384, 12), "B": (768, 12), "L": (1024, 24), "XL": (1152, 28)},
}
# (hidden, depth, heads): Table 1 of arXiv 2212.09748 and of arXiv 2209.12152, whose S, M, L, H have depth + 1 blocks
DIT_SIZES = {"S": (384, 12, 6), "B": (768, 12, 12), "L": (1024, 24, 16), "XL": (1152, 28, 16)}
UVIT_SIZES = {"S": (512, 12, 8), "M": (768, 16, 12), "L": (1024, 20, 16), "H": (1152, 28, 16)}


@dataclass(frozen=True)
class NetworkConfig:
    """What every network has. Raises ValueError, in one line, for sizes that do not fit together."""

    grid: tuple[int, ...] = (32, 32)  # height and width of the input, or frames, height, width
    in_channels: int = 4
    hidden: int = 768
    depth: int = 24
    patch: int = 1
    text_width: int | None = None  # width of a caption token's embedding
    text_tokens: int = 77
    classes: int | None = None  # rows of the class embedding, a null class for guidance included
    gradient_checkpointing: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "grid", tuple(self.grid))
        if len(self.grid) not in (2, 3) or min(self.grid) < 1:
            raise ValueError(f"grid is (height, width) or (frames, height, width), not {self.grid}")
        _at_least_one(self, "in_channels", "hidden", "depth", "patch", "text_tokens")
        if self.grid[-2] % self.patch or self.grid[-1] % self.patch:
            raise ValueError(f"patch {self.patch} does not divide the grid {self.grid[-2]}x{self.grid[-1]}")
        if self.text_width is not None and self.classes is not None:
            raise ValueError("a network reads captions (text_width) or classes, not both")
        for name in ("text_width", "classes"):
            if getattr(self, name) is not None:
                _at_least_one(self, name)

    @property
    def token_grid(self) -> tuple[int, ...]:
        """The grid of tokens: frames as they are, height and width divided by the patch."""
        return (*self.grid[:-2], self.grid[-2] // self.patch, self.grid[-1] // self.patch)


@dataclass(frozen=True)
class MambaSpec:
    """The mixer of the paper: a selective state-space model (section 3.1)."""

    kind: Literal["mamba"] = "mamba"
    state: int = 16  # N of Eqs. 5 and 6
    taps: int = 4  # of the short convolution
    expand: int = 2  # inner width over hidden width

    def __post_init__(self) -> None:
        _at_least_one(self, "state", "taps", "expand")


@dataclass(frozen=True)
class GatedLinearAttentionSpec:
    """Gated linear attention (arXiv 2312.06635), in Mamba's place."""

    kind: Literal["gated-linear-attention"] = "gated-linear-attention"
    heads: int = 4

    def __post_init__(self) -> None:
        _at_least_one(self, "heads")


MixerSpec = MambaSpec | GatedLinearAttentionSpec


@dataclass(frozen=True)
class ZigMaConfig(NetworkConfig):
    """The paper's network (sections 3.2 and 8.5). Defaults are ZigMa-B/1 as released."""

    kind: Literal["zigma"] = "zigma"
    scan: str = "zigzag-8"  # a plan of zigma.scans
    mixer: MixerSpec = field(default_factory=MambaSpec)
    position: Position = "none"
    temporal_position: bool = False
    conditioning: Conditioning = "cross-attention"  # how captions enter, where text_width asks for them
    drop_path: float = 0.0  # stochastic depth: the last layer's rate, the first one's is 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.position == "cosine" and self.hidden % 4:
            raise ValueError(f"a cosine position embedding needs hidden divisible by 4, not {self.hidden}")
        _one_of(self, "position", Position)
        _one_of(self, "conditioning", Conditioning)
        if self.temporal_position and len(self.grid) != 3:
            raise ValueError("temporal_position needs a grid (frames, height, width)")
        if not 0 <= self.drop_path < 1:
            raise ValueError(f"drop_path must be in [0, 1), not {self.drop_path}")
        if isinstance(self.mixer, GatedLinearAttentionSpec) and self.hidden % (2 * self.mixer.heads):
            raise ValueError(f"hidden {self.hidden} is not divisible by twice the {self.mixer.heads} heads")

    @classmethod
    def preset(cls, size: str, preset: Preset = "released", **fields: Any) -> Self:
        """S, B, L or XL of Table 9, with its sizes `released` or as `printed`."""
        hidden, depth = _lookup("ZigMa size", size, _lookup("preset", preset, ZIGMA_SIZES))
        return cls(hidden=hidden, depth=depth, **fields)


@dataclass(frozen=True)
class DiTConfig(NetworkConfig):
    """The diffusion transformer of arXiv 2212.09748. Defaults are DiT-S/2 on 32x32 latents, unconditional."""

    kind: Literal["dit"] = "dit"
    hidden: int = 384
    depth: int = 12
    heads: int = 6
    patch: int = 2
    learn_sigma: bool = (
        False  # as published: twice the channels out, for a diffusion loss that wants a variance
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _transformer(self, self.heads)
        if self.hidden % 4:
            raise ValueError(f"a cosine position embedding needs hidden divisible by 4, not {self.hidden}")
        if self.text_width is not None:
            raise ValueError("DiT as published reads classes, not captions: leave text_width unset")

    @classmethod
    def preset(cls, size: str, **fields: Any) -> Self:
        """S, B, L or XL as published; `patch=2`, `4` or `8`."""
        hidden, depth, heads = _lookup("DiT size", size, DIT_SIZES)
        return cls(hidden=hidden, depth=depth, heads=heads, **fields)


@dataclass(frozen=True)
class UViTConfig(NetworkConfig):
    """U-ViT of arXiv 2209.12152. Defaults are U-ViT-S/2 on 32x32 latents, unconditional."""

    kind: Literal["uvit"] = "uvit"
    hidden: int = 512
    depth: int = 12  # even: half before the middle block, half after it
    heads: int = 8
    patch: int = 2
    convolution: bool = True  # a 3x3 convolution at the end; the published H on ImageNet has none

    def __post_init__(self) -> None:
        super().__post_init__()
        _transformer(self, self.heads)
        if self.depth % 2:
            raise ValueError(
                f"U-ViT has half its depth on each side of a middle block: {self.depth} is not even"
            )
        if self.hidden % 2:
            raise ValueError(f"U-ViT's time token needs an even hidden width, not {self.hidden}")

    @classmethod
    def preset(cls, size: str, **fields: Any) -> Self:
        """S, M, L or H as published; `patch=2` or `4`."""
        hidden, depth, heads = _lookup("U-ViT size", size, UVIT_SIZES)
        return cls(hidden=hidden, depth=depth, heads=heads, **fields)


ModelConfig = ZigMaConfig | DiTConfig | UViTConfig


def _transformer(config: NetworkConfig, heads: int) -> None:
    if len(config.grid) != 2:
        raise ValueError(
            f"a {type(config).__name__} reads images: grid is (height, width), not {config.grid}"
        )
    if heads < 1 or config.hidden % heads:
        raise ValueError(f"hidden {config.hidden} is not divisible by {heads} heads")


def _at_least_one(config: Any, *names: str) -> None:
    for name in names:
        if getattr(config, name) < 1:
            raise ValueError(f"{name} must be at least 1, not {getattr(config, name)}")


def _one_of(config: Any, name: str, words: Any) -> None:
    _lookup(name, getattr(config, name), dict.fromkeys(words.__args__))


def _lookup(what: str, word: str, known: dict[Any, Any]) -> Any:
    """known[word], or a ValueError that names the nearest right word and all of them."""
    if word in known:
        return known[word]
    near = difflib.get_close_matches(str(word), known, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise ValueError(f"unknown {what} {word!r}{hint}; known: {', '.join(known)}")

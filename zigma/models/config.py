"""What a network is, as plain data: importable without torch, so that studies can declare and check models."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from zigma.common.configuration import Configuration, Count, Flag, Grid, Share, later
from zigma.common.plugged import MIXERS, ORDERINGS
from zigma.common.words import unknown

Depth = Annotated[
    Count, Field(le=10_000)
]  # each layer has an order, and is built before anything is computed
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


class MambaSpec(Configuration):
    """The mixer of the paper: a selective state-space model (section 3.1)."""

    kind: Literal["mamba"] = "mamba"
    state: Count = 16  # N of Eqs. 5 and 6
    taps: Count = 4  # of the short convolution
    expand: Count = 2  # inner width over hidden width
    carry_state: Flag = later(
        False
    )  # begin where the layer before ended (Arcee, arXiv 2511.11243), not at zero


class GatedLinearAttentionSpec(Configuration):
    """Gated linear attention (arXiv 2312.06635), in Mamba's place."""

    kind: Literal["gated-linear-attention"] = "gated-linear-attention"
    heads: Count = 4
    inner: Count | None = later(None)  # width of the values of all heads together; None: as published


class Mamba2Spec(Configuration):
    """Mamba-2 (arXiv 2405.21060): heads that decay as a whole."""

    kind: Literal["mamba-2"] = "mamba-2"
    heads: Count = 4
    state: Count = 64
    taps: Count = 4  # of the short convolution
    expand: Count = 2  # inner width over hidden width
    inner: Count | None = later(None)  # the inner width itself, in place of `expand`


class GatedDeltaNetSpec(Configuration):
    """Gated DeltaNet (arXiv 2412.06464): forgets, and replaces what it holds under a key."""

    kind: Literal["gated-delta-net"] = "gated-delta-net"
    heads: Count = 4
    taps: Count = 4
    inner: Count | None = later(None)  # width of the values of all heads together; None: as published


class HGRN2Spec(Configuration):
    """HGRN2 (arXiv 2404.07904): forget gates whose complements are the keys."""

    kind: Literal["hgrn-2"] = "hgrn-2"
    heads: Count = 4
    inner: Count | None = later(None)  # width of the values of all heads together; None: as published
    lower_bound: Flag = later(
        False
    )  # forget gates have a lower bound that is learned and grows with the layer


class RWKV6Spec(Configuration):
    """RWKV-6 (arXiv 2404.05892): tokens blended along the path, keys that decay each at its own time."""

    kind: Literal["rwkv-6"] = "rwkv-6"
    heads: Count = 4
    rank: Count = 8  # of the shares of a blend; decays have twice as much
    inner: Count | None = later(None)  # width of the values of all heads together; None: as published


class MLSTMSpec(Configuration):
    """The mLSTM of xLSTM (arXiv 2405.04517): exponential input gates and a normaliser."""

    kind: Literal["mlstm"] = "mlstm"
    heads: Count = 4
    taps: Count = 4
    expand: Count = 2
    block: Count = 4  # channels that a query, key or value is made of
    inner: Count | None = later(None)  # the inner width itself, in place of `expand`


class OwnMixerSpec(Configuration):
    """A mixer of a person's file, `FILE.py:NAME`, or of an installed package (entry point of `zigma.mixers`).

    NAME is a subclass of `zigma.models.mixers.base.Mixer`, or a function that makes one, called with
    `(hidden, scan, depth=, prefix=)` and the options.
    """

    source: str
    kind: Literal["own"] = "own"
    options: tuple[tuple[str, bool | int | float | str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `FILE.py:NAME` or `FILE.py:NAME:heads=4,gate=silu`; an entry point likewise."""
        match = re.fullmatch(r"(?P<source>(?:.*\.py:)?[^:]+)(?::(?P<options>[^:]*))?", text)
        if match is None:
            raise ValueError(
                f"a mixer of a file is written FILE.py:NAME or FILE.py:NAME:key=value, unlike {text!r}"
            )
        options = []
        for assignment in filter(None, (match["options"] or "").split(",")):
            key, equals, value = assignment.partition("=")
            if not (key.isidentifier() and equals and value):
                raise ValueError(f"options of a mixer are written key=value,key=value, unlike {assignment!r}")
            options.append((key, _option(value)))
        return cls(source=match["source"], options=tuple(sorted(options)))

    @property
    def word(self) -> str:
        """As `parse` reads it."""
        options = [
            f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in self.options
        ]
        return ":".join([self.source, *([",".join(options)] if options else [])])


def _source(text: str) -> str:
    """Of a mixer as it is written, without its options."""
    return text if "=" not in text else text.rpartition(":")[0]


def _option(text: str) -> bool | int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text, text)


MixerSpec = Annotated[
    MambaSpec
    | GatedLinearAttentionSpec
    | Mamba2Spec
    | GatedDeltaNetSpec
    | HGRN2Spec
    | MLSTMSpec
    | RWKV6Spec
    | OwnMixerSpec,
    Field(discriminator="kind"),
]


class BrightnessOrdering(Configuration):
    """Tokens sorted by the mean of the patch that the network is given there."""

    kind: Literal["brightness"] = "brightness"


class ScoreOrdering(Configuration):
    """Tokens sorted by a linear score that each layer learns."""

    kind: Literal["score"] = "score"


class OwnOrdering(Configuration):
    """An ordering of a person's file, `FILE.py:NAME`, or of an installed package (entry point of `zigma.orderings`):
    a subclass of `zigma.models.orderings.Ordering`, called with the hidden width."""

    source: str
    kind: Literal["own"] = "own"

    @property
    def word(self) -> str:
        """As a person types it."""
        return self.source


OrderingSpec = Annotated[BrightnessOrdering | ScoreOrdering | OwnOrdering, Field(discriminator="kind")]


def _kinds(specs: Any) -> tuple[str, ...]:
    """The words for what this package has, of `Annotated[One | Other, ...]`."""
    each = get_args(get_args(specs)[0])
    return tuple(spec.model_fields["kind"].default for spec in each if "source" not in spec.model_fields)


MIXER_KINDS, ORDERING_KINDS = _kinds(MixerSpec), _kinds(OrderingSpec)


WithHeads = GatedLinearAttentionSpec | Mamba2Spec | GatedDeltaNetSpec | HGRN2Spec | MLSTMSpec | RWKV6Spec


def inner_width(spec: WithHeads, hidden: int) -> int:
    """The width of a mixer's values, all heads together."""
    if spec.inner is not None:
        return spec.inner
    match spec:
        case Mamba2Spec() | MLSTMSpec():
            return spec.expand * hidden
        case GatedDeltaNetSpec():
            return 2 * spec.heads * (3 * hidden // (4 * spec.heads))
    return hidden


def inner_step(spec: WithHeads) -> int:
    """What the inner width must be a multiple of: heads, twice as many where keys have half the width of values."""
    return spec.heads * (2 if isinstance(spec, GatedLinearAttentionSpec | GatedDeltaNetSpec) else 1)


def _mixer_fault(spec: MixerSpec, hidden: int) -> str | None:
    """Why a mixer cannot be built in this width."""
    inner = getattr(spec, "inner", None)
    if inner is not None and not isinstance(spec, MambaSpec | OwnMixerSpec) and inner % inner_step(spec):
        twice = "" if inner_step(spec) == spec.heads else "twice "
        return f"the inner width {inner} is not divisible by {twice}the {spec.heads} heads"
    if inner is not None:
        return None
    match spec:
        case GatedLinearAttentionSpec() if hidden % (2 * spec.heads):
            return f"hidden {hidden} is not divisible by twice the {spec.heads} heads"
        case Mamba2Spec() | MLSTMSpec() if spec.expand * hidden % spec.heads:
            return f"the inner width {spec.expand * hidden} is not divisible by {spec.heads} heads"
        case GatedDeltaNetSpec() if 3 * hidden % (4 * spec.heads):
            return f"three quarters of hidden {hidden} are not divisible by {spec.heads} heads"
        case HGRN2Spec() | RWKV6Spec() if hidden % spec.heads:
            return f"hidden {hidden} is not divisible by {spec.heads} heads"
    return None


class ZigMaConfig(NetworkConfig):
    """The paper's network (sections 3.2 and 8.5). Defaults are ZigMa-B/1 as released."""

    kind: Literal["zigma"] = "zigma"
    scan: str = "zigzag-8"  # a plan of zigma.scans
    mixer: MixerSpec = MambaSpec()
    position: Position = "none"
    temporal_position: Flag = False
    conditioning: Conditioning = "cross-attention"  # how captions enter, where text_width asks for them
    drop_path: Share = 0.0  # stochastic depth: the last layer's rate, the first one's is 0
    ordering: OrderingSpec | None = later(
        None
    )  # sorts each sample's tokens; the plan then reads the sorted ones

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
        own = value not in MIXER_KINDS and MIXERS.takes(_source(value))
        return OwnMixerSpec.parse(value) if own else {"kind": value}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.position == "cosine" and self.hidden % 4:
            raise ValueError(f"a cosine position embedding needs hidden divisible by 4, not {self.hidden}")
        if self.temporal_position and len(self.grid) != 3:
            raise ValueError("temporal_position needs a grid (frames, height, width)")
        if fault := _mixer_fault(self.mixer, self.hidden):
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

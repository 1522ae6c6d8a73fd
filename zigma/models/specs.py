"""What mixes tokens and what orders them, as plain data: importable without torch, as `zigma.models.config` is."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from zigma.common.configuration import Configuration, Count, Flag, later

GATE_RANK = 16  # of the forget gates of gated linear attention, as published


class MambaSpec(Configuration):
    """The mixer of the paper: a selective state-space model (section 3.1)."""

    kind: Literal["mamba"] = "mamba"
    state: Count = 16  # N of Eqs. 5 and 6
    taps: Count = 4  # of the short convolution
    expand: Count = 2  # inner width over hidden width
    # begin where the layer before ended (Arcee, arXiv 2511.11243), not at zero
    carry_state: Flag = later(False)


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
    # forget gates have a lower bound that is learned and grows with the layer
    lower_bound: Flag = later(False)


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

    @model_validator(mode="after")
    def _finite(self) -> Self:
        for key, value in self.options:
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"option {key} of a mixer must be a finite number, not {value}")
        return self

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `FILE.py:NAME` or `FILE.py:NAME:heads=4,gate=silu`; an entry point likewise."""
        match = re.fullmatch(r"(?P<source>(?:.*\.py:)?[^:]+)(?::(?P<options>[^:]*))?", text)
        if match is None:
            raise ValueError(
                f"a mixer of a file is written FILE.py:NAME or FILE.py:NAME:key=value, unlike {text!r}"
            )
        options: dict[str, bool | int | float | str] = {}
        for assignment in filter(None, (match["options"] or "").split(",")):
            key, equals, value = assignment.partition("=")
            if not (key.isidentifier() and equals and value):
                raise ValueError(f"options of a mixer are written key=value,key=value, unlike {assignment!r}")
            if key in options:
                raise ValueError(f"option {key} of a mixer is given twice, with {options[key]} and {value}")
            options[key] = _option(value)
        return cls(source=match["source"], options=tuple((key, options[key]) for key in sorted(options)))

    @property
    def word(self) -> str:
        """As `parse` reads it."""
        options = [
            f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in self.options
        ]
        return ":".join([self.source, *([",".join(options)] if options else [])])


def source_of(text: str) -> str:
    """Of a mixer as it is written, without its options."""
    return text if "=" not in text else text.rpartition(":")[0]


def _option(text: str) -> bool | int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)


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


def mixer_fault(spec: MixerSpec, hidden: int) -> str | None:
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

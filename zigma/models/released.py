"""Weights of the released code (CompVis/zigma) in our networks: its constructor's arguments, its parameter names."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import torch

from zigma.common.words import printable, shown, unknown
from zigma.models.checkpoint_contents import Weights, read_checkpoint, state_dict
from zigma.models.config import Position, ZigMaConfig
from zigma.models.specs import MambaSpec
from zigma.models.zigma import ZigMa

# 3 is one shared tensor of zeros which the released code neither trains nor saves
POSITIONS: dict[int, Position] = {0: "none", 1: "cosine", 2: "learned", 3: "none"}


@dataclass(frozen=True)
class ReleasedArguments:
    """The released constructor's arguments that say what the network is; names and defaults are its own."""

    in_channels: int
    embed_dim: int
    depth: int
    img_dim: int
    patch_size: int = 1
    has_text: bool = False
    num_classes: int = -1
    drop_path_rate: float = 0.1
    n_context_token: int = 0
    d_context: int = 0
    ssm_cfg: Mapping[str, Any] | None = None
    norm_epsilon: float = 1e-5
    rms_norm: bool = True
    scan_type: str = "v2"
    video_frames: int = 0
    tpe: bool = False
    use_pe: int = 0
    use_checkpoint: bool = False
    # how it computes, not what
    fused_add_norm: bool = field(default=True, repr=False)
    residual_in_fp32: bool = field(default=True, repr=False)
    use_jit: bool = field(default=True, repr=False)
    m_init: bool = field(default=True, repr=False)
    initializer_cfg: Any = field(default=None, repr=False)
    device: Any = field(default=None, repr=False)
    dtype: Any = field(default=None, repr=False)

    def config(self) -> ZigMaConfig:
        """The same network in our words. Raises ValueError for what only the released code could build."""
        if not self.rms_norm or self.norm_epsilon != 1e-5:
            raise ValueError("only rms_norm=True with norm_epsilon=1e-5 is built here")
        if self.use_pe not in POSITIONS:
            raise ValueError(f"use_pe is 0, 1, 2 or 3, not {self.use_pe}")
        frames = (self.video_frames,) if self.video_frames else ()
        return ZigMaConfig(
            grid=(*frames, self.img_dim, self.img_dim),
            in_channels=self.in_channels,
            hidden=self.embed_dim,
            depth=self.depth,
            patch=self.patch_size,
            scan=plan_of(self.scan_type),
            mixer=_mixer(self.ssm_cfg or {}),
            position=POSITIONS[self.use_pe],
            temporal_position=self.tpe,
            text_width=self.d_context if self.has_text else None,
            text_tokens=self.n_context_token or 77,
            classes=self.num_classes if self.num_classes > 0 and not self.has_text else None,
            drop_path=self.drop_path_rate,
            gradient_checkpointing=self.use_checkpoint,
        )


def plan_of(scan_type: str) -> str:
    """The plan of `zigma.scans` that a released `scan_type` scans: zigzagN8 is zigzag-8, v2 is bidirectional."""
    if scan_type == "v2":
        return "bidirectional"
    if match := re.fullmatch(r"(zigzag|hilbert)N(\d+)", scan_type):
        # the released Hilbert visits tokens by their rank on the curve: the inverse of the curve's order
        return f"{'zigzag' if match[1] == 'zigzag' else 'hilbert-released'}-{match[2]}"
    if match := re.fullmatch(r"(?:zz)?video_([st]+)", scan_type):
        return f"video-{match[1]}"
    if re.fullmatch(r"randomN\d+", scan_type):
        raise ValueError(
            f"scan_type {scan_type!r}: released checkpoints do not hold the orders that were drawn"
        )
    if re.fullmatch(r"parallelN\d+", scan_type):
        raise ValueError(f"scan_type {scan_type!r} has no forward pass in the released code")
    raise ValueError(
        f"unknown scan_type {scan_type!r}; known: zigzagN1..8, hilbertN1..8, v2, zzvideo_sst, zzvideo_st"
    )


def _mixer(settings: Mapping[str, Any]) -> MambaSpec:
    ours = {"d_state": "state", "d_conv": "taps", "expand": "expand"}
    only = {"dt_rank": "auto", "conv_bias": True, "bias": False}
    of_the_start = {"dt_min", "dt_max", "dt_init", "dt_scale", "dt_init_floor", "use_fast_path"}
    for name, value in settings.items():
        if name in only and value != only[name]:
            raise ValueError(f"ssm_cfg {name} is built here as {only[name]!r} only, not {value!r}")
        if name not in {*ours, *only, *of_the_start}:
            raise ValueError(
                f"unknown ssm_cfg {name!r}; known: {', '.join([*ours, *only, *sorted(of_the_start)])}"
            )
    return MambaSpec(**{ours[name]: value for name, value in settings.items() if name in ours})


def load_released_checkpoint(
    source: str | PathLike[str] | Mapping[str, Any],
    *,
    weights: str | None = None,
    **released_constructor_arguments: Any,
) -> ZigMa:
    """A ZigMa in evaluation mode with released weights, which gives the released network's output.

        load_released_checkpoint("0100000.pt", img_dim=32, in_channels=4, embed_dim=768, depth=24,
                                 patch_size=1, scan_type="zigzagN8", use_pe=2)

    Args:
        source: a file, or its contents: either a state dict, of tensors or NumPy arrays, or a checkpoint that holds
            some under `ema`, `model`, `state_dict`, `model_state_dict` and their like, or under one inside another.
            Files may be of torch or safetensors. Nothing that a pickle asks for is executed: other objects, such as
            the training script's arguments, are read as placeholders that do nothing.
        weights: "ema" or "model"; None prefers the averaged weights where there are some.
        released_constructor_arguments: of the released `ZigMa`, with its defaults, `device` and `dtype` included.
            "zzvideo_..." is what its text describes; the released code cannot start it.

    Raises:
        ValueError: in one line, for unknown arguments, for what only the released code could build, and for
            weights that do not fit the arguments, are whole numbers, NaN or infinite, or cannot be read safely.
    """
    if not isinstance(source, str | PathLike | Mapping):
        raise ValueError(f"a checkpoint is a file or a state dict, not {type(source).__name__}")
    arguments = _arguments(released_constructor_arguments)
    contents = source if isinstance(source, Mapping) else read_checkpoint(source)
    state = state_dict(contents, weights)
    with torch.random.fork_rng(devices=[]):  # the weights it starts with are drawn and forgotten
        model = ZigMa(arguments.config())
    own, ours = model.state_dict(), {_our_name(name): value for name, value in state.items()}
    _check_fit(own, ours, contents)
    _check_numbers(own, state)
    model.load_state_dict(ours)
    return model.to(device=arguments.device, dtype=arguments.dtype).eval()


def _arguments(given: Mapping[str, Any]) -> ReleasedArguments:
    fields = ReleasedArguments.__dataclass_fields__
    for name in given:
        if name not in fields:
            raise unknown("argument of the released ZigMa", name, fields)
    missing = [name for name in ("in_channels", "embed_dim", "depth", "img_dim") if name not in given]
    if missing:
        raise ValueError(f"the released ZigMa needs the argument {', '.join(missing)}")
    return ReleasedArguments(**given)


def _our_name(name: str) -> str:
    """The released name but for the mixer's: each direction has a name of its own here, there a suffix."""
    match = re.fullmatch(
        r"(.*\.mixer\.)(A|D|conv1d|x_proj|dt_proj)(_b)?((?:_log)?)((?:\.weight|\.bias)?)", name
    )
    if match is None:
        return name
    start, part, backward, log, end = match.groups()
    return f"{start}directions.{1 if backward else 0}.{part}{log}{end}"


def _check_fit(own: Weights, weights: Weights, contents: Mapping[Any, Any]) -> None:
    """Raise a ValueError that says in one line why the weights cannot be the network's own."""
    problems = [
        f"{what} {_first(sorted(names), 3)}"
        for what, names in (
            ("no weight for", own.keys() - weights.keys()),
            ("no place for", weights.keys() - own.keys()),
        )
        if names
    ]
    if not own.keys() & weights.keys():
        problems.insert(0, f"none of the network's weights is in it, its keys are {_first(contents, 8)}")
    for name in sorted(own.keys() & weights.keys()):
        if own[name].shape != weights[name].shape:
            here, released_shape = tuple(own[name].shape), tuple(weights[name].shape)
            problems.append(f"{name} is {released_shape} but the arguments make it {here}")
            break
    if problems:
        raise ValueError(f"the checkpoint does not fit the arguments: {'; '.join(problems)}")


def _first(names: Iterable[Any], most: int) -> str:
    words = [printable(shown(str(name))) for name in names]
    return f"{', '.join(words[:most])}{' and more' if len(words) > most else ''}" or "none"


def _check_numbers(own: Weights, state: Weights) -> None:
    """Raise a ValueError for the first weight, by its name in the file, that a network cannot compute with."""
    for name, value in state.items():
        kind = own[_our_name(name)].dtype
        if kind.is_floating_point and not value.is_floating_point():
            word = str(value.dtype).removeprefix("torch.")
            raise ValueError(f"{name} of the checkpoint is {word}, where floating-point weights are expected")
        if not value.to(kind).isfinite().all():
            raise ValueError(f"{name} of the checkpoint holds numbers that are NaN or infinite")

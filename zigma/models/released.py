"""Weights of the released code (CompVis/zigma) in our networks: its constructor's arguments, its parameter names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zigma.common.words import unknown
from zigma.models.config import Position, ZigMaConfig
from zigma.models.specs import MambaSpec
from zigma.models.zigma import ZigMa

Weights = Mapping[str, Tensor]
CONTENTS = ("ema", "model")  # what a checkpoint may hold weights under
WRAPPERS = ("module", "_orig_mod")  # left in names by DistributedDataParallel and torch.compile

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
        source: a file, or its contents: either a state dict, or a checkpoint that holds some under `ema` and
            `model`. Files may be of torch or safetensors. Nothing that a pickle asks for is executed: objects that
            are not tensors, such as the training script's arguments, are read as empty placeholders.
        weights: "ema" or "model"; None prefers the averaged weights where there are some.
        released_constructor_arguments: of the released `ZigMa`, with its defaults, `device` and `dtype` included.
            "zzvideo_..." is what its text describes; the released code cannot start it.

    Raises:
        ValueError: in one line, for unknown arguments, for what only the released code could build, and for
            weights that do not fit the arguments or cannot be read safely.
    """
    arguments = _arguments(released_constructor_arguments)
    state = _weights(source if isinstance(source, Mapping) else _read(Path(source)), weights)
    with torch.random.fork_rng(devices=[]):  # the weights it starts with are drawn and forgotten
        model = ZigMa(arguments.config())
    _fit(model, {_our_name(name): value for name, value in state.items()})
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


class _Placeholder:
    """Stands for any object of a checkpoint that is not a tensor; whatever it is given, it does nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def __setstate__(self, state: Any) -> None: ...


def _read(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise ValueError(f"no checkpoint at {path}")
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    try:
        try:
            unsafe = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        except ValueError:  # the format before torch 1.6, which cannot be listed
            unsafe = []
        placeholders: list[Any] = [(type("Placeholder", (_Placeholder,), {}), name) for name in unsafe]
        with torch.serialization.safe_globals(placeholders):
            contents = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a file from elsewhere may fail in any way
        asked = re.search(r"GLOBAL ([\w.]+)", str(error))
        reason = f"it asks for {asked[1]}" if asked else str(error).partition("\n")[0].partition(". ")[0]
        raise ValueError(
            f"{path} cannot be read as weights alone ({reason}); where you trust it, write them again "
            "with torch.save(torch.load(path, weights_only=False)['ema'], new_path)"
        ) from error
    if not isinstance(contents, Mapping):
        raise ValueError(
            f"{path} holds a {type(contents).__name__}, not a state dict or a checkpoint with one"
        )
    return contents


def _weights(contents: Mapping[str, Any], key: str | None) -> Weights:
    """The state dict in a checkpoint, without the prefixes that wrappers leave."""
    if key not in (None, *CONTENTS):
        raise ValueError(f"weights is 'ema' or 'model', not {key!r}")
    held = [name for name in CONTENTS if isinstance(contents.get(name), Mapping)]
    if held:
        if key is not None and key not in held:
            raise ValueError(f"the checkpoint has no {key!r} weights; it has: {', '.join(held)}")
        contents = contents[key or held[0]]
    return {
        ".".join(part for part in name.split(".") if part not in WRAPPERS): value
        for name, value in contents.items()
        if isinstance(value, Tensor)
    }


def _our_name(name: str) -> str:
    """The released name but for the mixer's: each direction has a name of its own here, there a suffix."""
    match = re.fullmatch(
        r"(.*\.mixer\.)(A|D|conv1d|x_proj|dt_proj)(_b)?((?:_log)?)((?:\.weight|\.bias)?)", name
    )
    if match is None:
        return name
    start, part, backward, log, end = match.groups()
    return f"{start}directions.{1 if backward else 0}.{part}{log}{end}"


def _fit(model: ZigMa, weights: dict[str, Tensor]) -> None:
    """Put the weights in the place of the model's, or say in one line why they do not fit."""
    own = model.state_dict()
    problems = [
        f"{what} {', '.join(sorted(names)[:3])}{' and more' if len(names) > 3 else ''}"
        for what, names in (
            ("no weight for", own.keys() - weights.keys()),
            ("no place for", weights.keys() - own.keys()),
        )
        if names
    ]
    for name in sorted(own.keys() & weights.keys()):
        if own[name].shape != weights[name].shape:
            here, released_shape = tuple(own[name].shape), tuple(weights[name].shape)
            problems.append(f"{name} is {released_shape} but the arguments make it {here}")
            break
    if problems:
        raise ValueError(f"the checkpoint does not fit the arguments: {'; '.join(problems)}")
    model.load_state_dict(weights)

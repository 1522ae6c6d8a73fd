"""What enters the network: patches, time, place, class and caption."""

import math

import torch
from torch import Tensor, nn

from zigma.models.config import TIME_WIDTH, NetworkConfig
from zigma.ops.operator import transformed

TIME_ROUNDING = 1e-3  # by which a solver in half precision may pass the ends of [0, 1]


class PatchEmbedding(nn.Module):
    """Cut an image (B, C, H, W), or each frame of (B, T, C, H, W), into patches: (B, L, D), row-major."""

    def __init__(self, in_channels: int, hidden: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_channels, hidden, kernel_size=patch, stride=patch)
        nn.init.xavier_uniform_(self.proj.weight.data.view(hidden, -1))
        nn.init.zeros_(self.proj.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        patches = self.proj(x.flatten(0, -4)).flatten(2).transpose(1, 2)  # (B or B*T, H*W, D)
        # laid out as it reads, since every sum along the stream of residuals would pass another layout on
        return patches.reshape(x.shape[0], -1, patches.shape[-1]).contiguous()


def unpatchify(tokens: Tensor, token_grid: tuple[int, ...], patch: int) -> Tensor:
    """Put tokens (B, L, p*p*C) together again: (B, C, H, W), or (B, T, C, H, W) on a grid of frames."""
    *frames, height, width = token_grid
    x = tokens.reshape(-1, height, width, patch, patch, tokens.shape[-1] // patch**2)
    x = x.permute(0, 5, 1, 3, 2, 4).reshape(len(x), -1, height * patch, width * patch)
    return x.unflatten(0, (-1, *frames)) if frames else x


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Adaptive normalisation's affine part: x (B, L, D), shift and scale (B, D)."""
    return torch.addcmul(shift.unsqueeze(1), x, 1 + scale.unsqueeze(1))


def time_code(t: Tensor, width: int) -> Tensor:
    """t in [0, 1], (B,), as cosines and then sines of 1000 t at width / 2 frequencies: (B, width), float32."""
    half = width // 2
    frequencies = torch.exp(-math.log(10_000) / half * torch.arange(half, device=t.device))
    angles = 1000 * t.float()[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class TimeEmbedding(nn.Module):
    """t in [0, 1], (B,), as (B, D): its code, then two layers."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        first, second = nn.Linear(TIME_WIDTH, hidden), nn.Linear(hidden, hidden)
        for layer in (first, second):
            nn.init.normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
        self.mlp = nn.Sequential(first, nn.SiLU(), second)

    def forward(self, t: Tensor) -> Tensor:
        return self.mlp(time_code(t, TIME_WIDTH).to(next(self.parameters()).dtype))


class ClassEmbedding(nn.Module):
    """A class (B,) as (B, D)."""

    def __init__(self, classes: int, hidden: int) -> None:
        super().__init__()
        self.embedding_table = nn.Embedding(classes, hidden)
        nn.init.normal_(self.embedding_table.weight, std=0.02)

    def forward(self, y: Tensor) -> Tensor:
        return self.embedding_table(y)


def _readable(x: Tensor) -> bool:
    """Whether its values can be looked at for nothing: a GPU would have to be waited for, others have none to show."""
    noted = torch.compiler.is_compiling() or torch.jit.is_tracing() or transformed()
    return x.device.type == "cpu" and not noted


def check_inputs(
    config: NetworkConfig, x: Tensor, t: Tensor, y: Tensor | None, text_tokens: int | None = None
) -> None:
    """Raise ValueError, in one line, unless x, t and y are what a network of this configuration reads.

    `text_tokens` is given where captions stand among the tokens, so that their number is fixed.
    """
    for name, value in (("x", x), ("t", t), *([] if y is None else [("y", y)])):
        if not isinstance(value, Tensor):
            raise ValueError(f"{name} must be a tensor, not {type(value).__name__}")
    if not x.is_floating_point():
        raise ValueError(f"x must hold real numbers, not {x.dtype}")
    if x.ndim and not len(x):
        raise ValueError("x holds no samples: a batch has at least one")
    *frames, height, width = config.grid
    expected = (x.shape[0] if x.ndim else "B", *frames, config.in_channels, height, width)
    if tuple(x.shape) != expected:
        raise ValueError(f"x must be {expected} for the grid {config.grid}, got {tuple(x.shape)}")
    if tuple(t.shape) != (len(x),):
        raise ValueError(f"t must be one time for each of {len(x)} samples, got {tuple(t.shape)}")
    if _readable(t) and not -TIME_ROUNDING <= float(t.min()) <= float(t.max()) <= 1 + TIME_ROUNDING:
        raise ValueError(
            f"t must lie in [0, 1], 0 is noise and 1 is data, not {float(t.min()):g}..{float(t.max()):g}"
        )
    if config.text_width is None and config.classes is None:
        if y is not None:
            raise ValueError("y was given to an unconditional network; set classes or text_width")
    elif y is None:
        raise ValueError("this network is conditioned: it needs y, classes or caption features")
    elif config.classes is not None:
        if tuple(y.shape) != (len(x),) or y.dtype not in (torch.int32, torch.int64):
            raise ValueError(
                f"y must be one class, int32 or int64, for each of {len(x)} samples, got {y.dtype} {tuple(y.shape)}"
            )
        if _readable(y) and not 0 <= int(y.min()) <= int(y.max()) < config.classes:
            raise ValueError(f"classes are 0..{config.classes - 1}, not {int(y.min())}..{int(y.max())}")
    else:
        tokens = text_tokens or (y.shape[1] if y.ndim > 1 and y.shape[1] else "M")
        if tuple(y.shape) != (len(x), tokens, config.text_width):
            raise ValueError(
                f"y must be caption features ({len(x)}, {tokens}, {config.text_width}), got {tuple(y.shape)}"
            )


def cosine_position(token_grid: tuple[int, ...], hidden: int) -> Tensor:
    """The fixed embedding of Table 2, (1, L, D): half for the column, half for the row, the same in each frame."""
    *frames, height, width = token_grid
    if hidden % 4:
        raise ValueError(f"a cosine position embedding needs a hidden width divisible by 4, not {hidden}")
    frequencies = 10_000.0 ** (-torch.arange(hidden // 4, dtype=torch.float64) / (hidden // 4))

    def code(places: Tensor) -> Tensor:
        angles = places.flatten()[:, None] * frequencies
        return torch.cat([angles.sin(), angles.cos()], dim=1)

    rows, columns = torch.meshgrid(
        torch.arange(height, dtype=torch.float64), torch.arange(width, dtype=torch.float64), indexing="ij"
    )
    embedding = torch.cat([code(columns), code(rows)], dim=1).float()
    return embedding.repeat(math.prod(frames), 1)[None]

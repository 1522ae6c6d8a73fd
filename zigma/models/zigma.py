"""ZigMa: a DiT-style stack of Mamba blocks, each reading the tokens along its own path (section 3.2)."""

from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from zigma.models.config import ZigMaConfig
from zigma.models.embeddings import (
    ClassEmbedding,
    CrossAttention,
    PatchEmbedding,
    TimeEmbedding,
    cosine_position,
    unpatchify,
)
from zigma.models.mamba import Mamba
from zigma.scans import scan_plan


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Adaptive normalisation's affine part: x (B, L, D), shift and scale (B, D)."""
    return torch.addcmul(shift.unsqueeze(1), x, 1 + scale.unsqueeze(1))


def drop_path(x: Tensor, rate: float, training: bool) -> Tensor:
    """Stochastic depth: drop whole samples of a branch, and scale those that are kept."""
    if rate == 0 or not training:
        return x
    kept = x.new_empty(len(x), *[1] * (x.ndim - 1)).bernoulli_(1 - rate)
    return x * kept / (1 - rate)


class Block(nn.Module):
    """The block of Figure 4 and Algorithm 1: (B, L, D) and a condition (B, D) to (B, L, D).

    The stream of residuals is carried beside x and in float32; both start with `residual=None`.
    """

    def __init__(self, hidden: int, mixer: nn.Module, *, text: bool = False, drop: float = 0.0) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(hidden, eps=1e-5)
        self.mixer = mixer
        modulation = nn.Linear(hidden, (6 if text else 3) * hidden)
        nn.init.zeros_(modulation.weight)
        nn.init.zeros_(modulation.bias)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), modulation)
        self.msa = CrossAttention(hidden) if text else None
        self.norm_msa = nn.LayerNorm(hidden, elementwise_affine=False, eps=1e-6) if text else None
        self.drop = drop

    def forward(
        self, x: Tensor, residual: Tensor | None, c: Tensor, text: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        x = drop_path(x, self.drop, self.training) if residual is not None else x
        residual = x.float() if residual is None else residual + x
        x = self.norm(residual.to(self.norm.weight.dtype))
        if self.msa is None or self.norm_msa is None:
            shift, scale, gate = self.adaLN_modulation(c).chunk(3, dim=1)
            return torch.addcmul(x, gate.unsqueeze(1), self.mixer(modulate(x, shift, scale))), residual
        shift, scale, gate, shift_text, scale_text, gate_text = self.adaLN_modulation(c).chunk(6, dim=1)
        x = x + gate.unsqueeze(1) * self.mixer(modulate(x, shift, scale))
        asked = self.msa(modulate(self.norm_msa(x), shift_text, scale_text), text)
        return x + gate_text.unsqueeze(1) * asked, residual


class FinalLayer(nn.Module):
    """From tokens to patches: a norm without parameters and one layer (B, L, p*p*C)."""

    def __init__(self, hidden: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden, width)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(F.layer_norm(x, x.shape[-1:], eps=1e-6))


class ZigMa(nn.Module):
    """The network of the paper for images and videos, on any grid.

    `ZigMa(grid=(32, 32), scan="zigzag-8")`: the fields of `ZigMaConfig`, or one such configuration. `grid` is the
    input's height and width, (T, H, W) for video. Plans, and what may be combined: `zigma.scans.scan_plan`.

    model(x, t, y): x (B, C, H, W) or (B, T, C, H, W); t (B,) in [0, 1], 0 is noise and 1 is data; y classes (B,)
    or caption features (B, M, text_width). Returns the shape of x.

    Raises ValueError for a configuration that does not fit together.
    """

    def __init__(self, config: ZigMaConfig | None = None, **fields: Any) -> None:
        super().__init__()
        self.config = config = replace(config or ZigMaConfig(), **fields)
        hidden, length = config.hidden, 1
        for side in config.token_grid:
            length *= side
        self.x_embedder = PatchEmbedding(config.in_channels, hidden, config.patch)
        self.t_embedder = TimeEmbedding(hidden)
        self.y_embedder: nn.Module | None = None
        if config.text_width is not None:
            self.y_embedder = nn.Linear(config.text_width, hidden)
            nn.init.zeros_(self.y_embedder.bias)
        elif config.classes is not None:
            self.y_embedder = ClassEmbedding(config.classes, hidden)
        if config.position == "cosine":
            self.register_buffer("pos_embed", cosine_position(config.token_grid, hidden))
        elif config.position == "learned":
            self.pos_embed = nn.Parameter(torch.zeros(1, length, hidden))
        if config.temporal_position:
            self.temporal_pos_embedding = nn.Parameter(torch.zeros(1, config.token_grid[0], hidden))

        self.text = config.text_width is not None and config.conditioning == "cross-attention"
        self.prefix = config.text_tokens if config.text_width is not None and not self.text else 0
        # rising with depth; nothing comes before the first block
        rates = [0.0, *(config.drop_path * i / max(1, config.depth - 1) for i in range(config.depth))]
        plan = scan_plan(config.scan, config.token_grid, config.depth)
        self.blocks = nn.ModuleList(
            Block(
                hidden,
                Mamba(hidden, scan, state=config.state, depth=config.depth, prefix=self.prefix),
                text=self.text,
                drop=rate,
            )
            for scan, rate in zip(plan, rates, strict=False)
        )
        self.norm_f = nn.RMSNorm(hidden, eps=1e-5)
        self.final_layer = FinalLayer(hidden, config.patch**2 * config.in_channels)

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        config = self.config
        x = self.x_embedder(x)
        c = self.t_embedder(t)
        text = None
        if self.y_embedder is not None:
            if y is None:
                raise ValueError("this network is conditioned: it needs y, classes or caption features")
            text = self.y_embedder(y)
            c = c + (text.mean(dim=1) if config.text_width is not None else text)
        if config.position != "none":
            x = x + self.pos_embed
        if config.temporal_position:
            places = x.shape[1] // config.token_grid[0]
            x = x + self.temporal_pos_embedding.repeat_interleave(places, dim=1)
        if (
            self.prefix and text is not None
        ):  # in-context: caption tokens are read before the image's (Table 8)
            x = torch.cat([text, x], dim=1)

        residual = None
        for block in self.blocks:
            inputs = (x, residual, c, text if self.text else None)
            if config.gradient_checkpointing and self.training:
                x, residual = checkpoint(block, *inputs, use_reentrant=False)
            else:
                x, residual = block(*inputs)
        assert residual is not None
        x = drop_path(x, config.drop_path, self.training)
        x = self.norm_f((residual + x).to(self.norm_f.weight.dtype))[:, self.prefix :]
        return unpatchify(self.final_layer(x), config.token_grid, config.patch)

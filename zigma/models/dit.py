"""DiT: a transformer that is told time and class through its norms (adaLN-Zero), arXiv 2212.09748."""

from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from zigma.models.attention import MLP, SelfAttention
from zigma.models.config import DiTConfig
from zigma.models.embeddings import (
    ClassEmbedding,
    PatchEmbedding,
    TimeEmbedding,
    check_inputs,
    cosine_position,
    modulate,
    unpatchify,
)
from zigma.models.norm import layer_norm


def adaptive(hidden: int, parts: int) -> nn.Sequential:
    """From a condition (B, D) to shifts, scales and gates, all zero at the start."""
    layer = nn.Linear(hidden, parts * hidden)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return nn.Sequential(nn.SiLU(), layer)


class Block(nn.Module):
    """Attention, then an MLP, each modulated and gated: (B, L, D) and a condition (B, D) to (B, L, D)."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.attn = SelfAttention(hidden, heads, bias=True)
        self.mlp = MLP(hidden, approximate="tanh")
        for layer in (self.attn.qkv, self.attn.proj, self.mlp.fc1, self.mlp.fc2):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.adaLN_modulation = adaptive(hidden, 6)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        shift, scale, gate, shift_mlp, scale_mlp, gate_mlp = self.adaLN_modulation(c).chunk(6, dim=1)
        x = x + gate.unsqueeze(1) * self.attn(modulate(layer_norm(x), shift, scale))
        return x + gate_mlp.unsqueeze(1) * self.mlp(modulate(layer_norm(x), shift_mlp, scale_mlp))


class FinalLayer(nn.Module):
    """From tokens to patches, all zero at the start: (B, L, p*p*C)."""

    def __init__(self, hidden: int, width: int) -> None:
        super().__init__()
        self.adaLN_modulation = adaptive(hidden, 2)
        self.linear = nn.Linear(hidden, width)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        shift, scale = self.adaLN_modulation(c).chunk(2, dim=1)
        return self.linear(modulate(layer_norm(x), shift, scale))


class DiT(nn.Module):
    """The diffusion transformer, for images on any grid: `DiT(DiTConfig.preset("S", patch=2))`.

    model(x, t, y): x (B, C, H, W); t (B,) in [0, 1], which is 1/1000 of the published timestep; y classes (B,) or
    None. Returns the shape of x, with twice the channels where `learn_sigma`. Published weights load by their own
    names.

    Raises ValueError for a configuration that does not fit together, and for inputs that do not fit it.
    """

    def __init__(self, config: DiTConfig | None = None, **fields: Any) -> None:
        super().__init__()
        self.config = config = DiTConfig.of(config, fields)
        self.x_embedder = PatchEmbedding(config.in_channels, config.hidden, config.patch)
        self.t_embedder = TimeEmbedding(config.hidden)
        self.y_embedder = None if config.classes is None else ClassEmbedding(config.classes, config.hidden)
        self.register_buffer("pos_embed", cosine_position(config.token_grid, config.hidden))
        self.blocks = nn.ModuleList(Block(config.hidden, config.heads) for _ in range(config.depth))
        channels = config.in_channels * (2 if config.learn_sigma else 1)
        self.final_layer = FinalLayer(config.hidden, config.patch**2 * channels)

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        config = self.config
        check_inputs(config, x, t, y)
        x = self.x_embedder(x) + self.pos_embed
        c = self.t_embedder(t)
        if self.y_embedder is not None:
            c = c + self.y_embedder(y)
        for block in self.blocks:
            if config.gradient_checkpointing and self.training:
                x = checkpoint(block, x, c, use_reentrant=False)
            else:
                x = block(x, c)
        return unpatchify(self.final_layer(x, c), config.token_grid, config.patch)

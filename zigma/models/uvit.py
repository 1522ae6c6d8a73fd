"""U-ViT: a transformer whose tokens include time and condition, with long skips as in a U-Net, arXiv 2209.12152."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from zigma.models.attention import MLP, SelfAttention
from zigma.models.config import UViTConfig
from zigma.models.embeddings import PatchEmbedding, check_inputs, cosine_position, time_code, unpatchify


class Block(nn.Module):
    """Attention, then an MLP: (B, L, D) -> (B, L, D), after taking in what a block before the middle gave."""

    def __init__(self, hidden: int, heads: int, *, skip: bool = False) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(hidden)
        self.attn = SelfAttention(hidden, heads, bias=False)
        self.norm2 = nn.LayerNorm(hidden)
        self.mlp = MLP(hidden, approximate="none")
        self.skip_linear = nn.Linear(2 * hidden, hidden) if skip else None

    def forward(self, x: Tensor, earlier: Tensor | None = None) -> Tensor:
        if self.skip_linear is not None:
            assert earlier is not None
            x = self.skip_linear(torch.cat([x, earlier], dim=-1))
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class UViT(nn.Module):
    """U-ViT for images on any grid: `UViT(UViTConfig.preset("S", patch=2))`.

    model(x, t, y): x (B, C, H, W); t (B,) in [0, 1], which is 1/1000 of the published timestep; y classes (B,),
    caption features (B, text_tokens, text_width), or None. Returns the shape of x. Published weights load by their
    own names.

    Raises ValueError for a configuration that does not fit together, and for inputs that do not fit it.
    """

    def __init__(self, config: UViTConfig | None = None, **fields: Any) -> None:
        super().__init__()
        self.config = config = UViTConfig.of(config, fields)
        hidden, half = config.hidden, config.depth // 2
        self.patch_embed = PatchEmbedding(config.in_channels, hidden, config.patch)
        self.patch_embed.proj.reset_parameters()  # this network starts its convolutions as torch does
        extra = 1  # tokens beside the image's
        if config.text_width is not None:
            self.context_embed, extra = nn.Linear(config.text_width, hidden), 1 + config.text_tokens
        elif config.classes is not None:
            self.label_emb, extra = nn.Embedding(config.classes, hidden), 2
        self.pos_embed = nn.Parameter(torch.zeros(1, extra + math.prod(config.token_grid), hidden))
        self.in_blocks = nn.ModuleList(Block(hidden, config.heads) for _ in range(half))
        self.mid_block = Block(hidden, config.heads)
        self.out_blocks = nn.ModuleList(Block(hidden, config.heads, skip=True) for _ in range(half))
        self.norm = nn.LayerNorm(hidden)
        self.decoder_pred = nn.Linear(hidden, config.patch**2 * config.in_channels)
        channels = config.in_channels
        self.final_layer = (
            nn.Conv2d(channels, channels, 3, padding=1) if config.convolution else nn.Identity()
        )
        start: Callable[[Tensor], Any] = partial(nn.init.trunc_normal_, std=0.02)
        start(self.pos_embed)
        if config.start == "xavier":
            start = nn.init.xavier_uniform_
            self.pos_embed.data[:, extra:] = cosine_position(config.token_grid, hidden)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                start(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        config = self.config
        check_inputs(config, x, t, y, config.text_tokens)
        x = self.patch_embed(x)
        length = x.shape[1]
        time = time_code(t, config.hidden).to(x.dtype).unsqueeze(1)
        if config.text_width is not None:
            tokens = [time, self.context_embed(y), x]
        elif config.classes is not None:
            tokens = [self.label_emb(y).unsqueeze(1), time, x]
        else:
            tokens = [time, x]
        x = torch.cat(tokens, dim=1) + self.pos_embed

        skips = []
        for block in self.in_blocks:
            x = self.run(block, x)
            skips.append(x)
        x = self.run(self.mid_block, x)
        for block in self.out_blocks:
            x = self.run(block, x, skips.pop())
        x = self.decoder_pred(self.norm(x))[:, -length:]
        return self.final_layer(unpatchify(x, config.token_grid, config.patch))

    def run(self, block: nn.Module, *inputs: Tensor) -> Tensor:
        if self.config.gradient_checkpointing and self.training:
            output: Tensor = checkpoint(block, *inputs, use_reentrant=False)
            return output
        return block(*inputs)

"""ZigMa: a DiT-style stack of Mamba blocks, each reading the tokens along its own path (section 3.2)."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from zigma.models.config import ZigMaConfig
from zigma.models.cross_attention import CrossAttention
from zigma.models.embeddings import (
    ClassEmbedding,
    PatchEmbedding,
    TimeEmbedding,
    check_inputs,
    cosine_position,
    modulate,
    unpatchify,
)
from zigma.models.mixers import build_mixer
from zigma.models.mixers.base import Mixer, rearrange
from zigma.models.mixers.hgrn2 import bound_forgetting
from zigma.models.norm import RMSNorm, layer_norm, wide
from zigma.models.orderings import Ordering, build_ordering, patches_of
from zigma.ops.order import back_to_place
from zigma.scans import cannot_sort, parse_plan


def drop_path(x: Tensor, rate: float, training: bool) -> Tensor:
    """Stochastic depth: drop whole samples of a branch, and scale those that are kept."""
    if rate == 0 or not training:
        return x
    kept = x.new_empty(len(x), *[1] * (x.ndim - 1)).bernoulli_(1 - rate)
    return x * kept / (1 - rate)


class Block(nn.Module):
    """The block of Figure 4 and Algorithm 1: (B, L, D) -> (B, L, D), for any network whose tokens lie on a grid.

    `Block(64, Mamba(64, scan_plan("hilbert", (16, 16), depth=1)[0]))` is a block over 16x16 tokens of width 64.

    With n the norm of the stream s, the released block's output is s + n + gate * mixer(modulate(n)), and text
    adds gate * attention: the norm itself enters the stream too. Called without a condition c (B, D), nothing is
    modulated and gates are one. Mixing happens in the weights' dtype, the stream is float32.
    """

    def __init__(
        self,
        hidden: int,
        mixer: Mixer,
        *,
        text: bool = False,
        drop: float = 0.0,
        ordering: Ordering | None = None,
    ) -> None:
        super().__init__()
        self.norm = RMSNorm(hidden)
        self.mixer, self.ordering = mixer, ordering
        modulation = nn.Linear(hidden, (6 if text else 3) * hidden)
        nn.init.zeros_(modulation.weight)
        nn.init.zeros_(modulation.bias)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), modulation)
        self.msa = CrossAttention(hidden) if text else None
        self.drop = drop

    def forward(
        self,
        stream: Tensor,
        c: Tensor | None = None,
        text: Tensor | None = None,
        arranged: bool = False,
        states: Tensor | None = None,
        hand_on: bool = False,
        patches: Tensor | None = None,
    ) -> Any:
        """The stream after the block; with `hand_on` and the states in which the mixer ended, begun in `states`.

        `patches` (B, L, P), the network's input at each token, is what an ordering may look at.
        """

        def mix(x: Tensor) -> tuple[Tensor, Tensor | None]:
            return self.mix(x, arranged, states, patches)

        branch, ends = self.branch(stream, c, text, mix)
        stream = stream + drop_path(branch, self.drop, self.training)
        return (stream, ends) if hand_on else stream

    def branch(
        self,
        stream: Tensor,
        c: Tensor | None,
        text: Tensor | None,
        mix: Callable[[Tensor], tuple[Tensor, Tensor | None]],
    ) -> tuple[Tensor, Tensor | None]:
        """What the block adds to the stream, and the states in which its mixer ended."""
        if c is None:
            x = self.norm(stream)
            mixed, states = mix(x)
            x = x + mixed
            return (x if self.msa is None else x + self.msa(layer_norm(x), text)), states
        shift, scale, gate, *of_text = self.adaLN_modulation(c).chunk(3 if self.msa is None else 6, dim=1)
        x, modulated = self.norm.modulated(stream, shift, scale)
        mixed, states = mix(modulated)
        x = torch.addcmul(x, gate.unsqueeze(1), mixed)
        if self.msa is not None:
            shift, scale, gate = of_text
            of_caption = self.msa(modulate(layer_norm(x), shift, scale), text)
            x = torch.addcmul(x, gate.unsqueeze(1), of_caption)
        return x, states

    def mix(
        self, x: Tensor, arranged: bool, states: Tensor | None, patches: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Let tokens (B, L, D) talk to each other, from the states of the layer before where the mixer has any."""
        if self.ordering is not None:
            return self.mix_sorted(x, states, patches, self.ordering)
        return self.read(x, arranged, states)

    def mix_sorted(
        self, x: Tensor, states: Tensor | None, patches: Tensor | None, ordering: Ordering
    ) -> tuple[Tensor, Tensor | None]:
        """The same in each sample's own order; caption tokens stay before the image's."""
        captions, tokens = x.split([self.mixer.prefix, x.shape[1] - self.mixer.prefix], dim=1)
        if patches is None:
            raise ValueError("a block that sorts its tokens needs the patches of the network's input")
        tokens, order = ordering(tokens, patches)
        mixed, states = self.read(torch.cat([captions, tokens], dim=1), False, states)
        captions, tokens = mixed.split([captions.shape[1], tokens.shape[1]], dim=1)
        return torch.cat([captions, back_to_place(tokens, order)], dim=1), states

    def read(self, x: Tensor, arranged: bool, states: Tensor | None) -> tuple[Tensor, Tensor | None]:
        if self.mixer.states:
            return self.mixer.carry(x, arranged, states)
        return self.mixer(x, arranged), None


class FinalLayer(nn.Module):
    """From tokens to patches: a norm without parameters and one layer (B, L, p*p*C)."""

    def __init__(self, hidden: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden, width)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(layer_norm(x))


class ZigMa(nn.Module):
    """The network of the paper for images and videos, on any grid.

    `ZigMa(grid=(32, 32), scan="zigzag-8")`: the fields of `ZigMaConfig`, or one such configuration. `grid` is the
    input's height and width, (T, H, W) for video. `scan` is a plan, or the orders themselves, see
    `zigma.scans.parse_plan`: `scan=[order of layer 0, order of layer 1, ...]`.

    model(x, t, y): x (B, C, H, W) or (B, T, C, H, W); t (B,) in [0, 1], 0 is noise and 1 is data; y classes (B,)
    or caption features (B, M, text_width). Returns the shape of x.

    With `model.keep_order = True` tokens stay in scanned order between layers (Eqs. 14 to 16): the same numbers with
    half the rearrangements, for mixers that do not read in order by themselves.

    With `ordering="brightness"` or `"score"` each layer sorts the tokens of each sample and reads the plan on the
    sorted ones: see `zigma.models.orderings`.

    Raises ValueError for a configuration that does not fit together, and for inputs that do not fit it.
    """

    def __init__(self, config: ZigMaConfig | None = None, **fields: Any) -> None:
        super().__init__()
        if "scan" in fields:
            fields["scan"] = parse_plan(fields["scan"]).text
        self.config = config = ZigMaConfig.of(config, fields)
        self.keep_order = False
        hidden, grid = config.hidden, config.token_grid
        self.x_embedder = PatchEmbedding(config.in_channels, hidden, config.patch)
        self.t_embedder = TimeEmbedding(hidden)
        self.y_embedder: nn.Module | None = None
        if config.text_width is not None:
            self.y_embedder = nn.Linear(config.text_width, hidden)
            nn.init.zeros_(self.y_embedder.bias)
        elif config.classes is not None:
            self.y_embedder = ClassEmbedding(config.classes, hidden)
        if config.position == "cosine":
            self.register_buffer("pos_embed", cosine_position(grid, hidden))
        elif config.position == "learned":
            self.pos_embed = nn.Parameter(torch.zeros(1, math.prod(grid), hidden))
        if config.temporal_position:
            self.temporal_pos_embedding = nn.Parameter(torch.zeros(1, grid[0], hidden))

        self.text = config.text_width is not None and config.conditioning == "cross-attention"
        self.prefix = config.text_tokens if config.text_width is not None and not self.text else 0
        depth = config.depth
        rates = [config.drop_path * (i / (depth - 1) if depth > 1 else 1) for i in range(depth)]
        layers = parse_plan(config.scan).layers(grid, depth)
        if config.ordering is not None and (fault := next(filter(None, map(cannot_sort, layers)), None)):
            raise ValueError(fault)
        self.blocks = nn.ModuleList(
            Block(
                hidden,
                build_mixer(hidden, scan, config.mixer, depth=depth, prefix=self.prefix),
                text=self.text,
                drop=rate,
                ordering=None if config.ordering is None else build_ordering(hidden, config.ordering),
            )
            for scan, rate in zip(layers, rates, strict=True)
        )
        mixers = [cast(Block, block).mixer for block in self.blocks]
        for before, mixer in pairwise(mixers):
            mixer.follow(before.states)
        self.lower_bounds = bound_forgetting(mixers)
        self.norm_f = RMSNorm(hidden)
        self.final_layer = FinalLayer(hidden, config.patch**2 * config.in_channels)

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        config = self.config
        check_inputs(config, x, t, y, self.prefix)
        patches = None if config.ordering is None else patches_of(x, config.patch)
        x, c, text = self.x_embedder(x), self.t_embedder(t), None
        if self.y_embedder is not None:
            told = self.y_embedder(y)
            text = told if config.text_width is not None else None
            c = c + (told if text is None else told.mean(dim=1))
        if config.position != "none":
            x = x + self.pos_embed
        if config.temporal_position:
            x = x + self.temporal_pos_embedding.repeat_interleave(x.shape[1] // config.token_grid[0], dim=1)
        if self.prefix and text is not None:  # in-context: captions are read before the image (Table 8)
            x = torch.cat([text, x], dim=1)

        stream, here, states = wide(x), None, None
        for block in self.blocks:
            order_of_block = cast(Block, block).mixer.order if self.keep_order and patches is None else None
            stream, here = rearrange(stream, here, order_of_block), order_of_block
            inputs = (
                stream,
                c,
                text if self.text else None,
                order_of_block is not None,
                states,
                True,
                patches,
            )
            if config.gradient_checkpointing and self.training:
                stream, states = checkpoint(block, *inputs, use_reentrant=False)
            else:
                stream, states = block(*inputs)
        x = self.norm_f(rearrange(stream, here, None))[:, self.prefix :]
        return unpatchify(self.final_layer(x), config.token_grid, config.patch)

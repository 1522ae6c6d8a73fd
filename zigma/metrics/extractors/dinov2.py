"""DINOv2's vision transformer (Oquab et al. 2023), to be filled with its published weights.

Built from a state dict alone, so that a file of weights is enough and no foreign code is run.
Legend: N images, L tokens, D width.
"""

import math
import re
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from zigma.common.words import one_line
from zigma.metrics.extractors.files import coloured, state_dict

RESIZE = "antialiased bicubic to 224x224 by Pillow, as dgm-eval"
SIDE = 224
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

HEAD_WIDTH = 64  # of every published size
POSITION_OFFSET = 0.1  # the published networks scale their position grid by (side + 0.1) / 37


class Attention(nn.Module):
    """Multi-head self-attention, (N, L, D) to (N, L, D)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        heads = self.qkv(x).unflatten(-1, (3, -1, HEAD_WIDTH))  # (N, L, 3, heads, 64)
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Scale(nn.Module):
    """A learned factor per channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma


class Block(nn.Module):
    """Attention and a two-layer network, each normalised before and scaled after; (N, L, D) to (N, L, D)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.attn, self.ls1 = nn.LayerNorm(width, eps=1e-6), Attention(width), Scale(width)
        self.norm2, self.ls2 = nn.LayerNorm(width, eps=1e-6), Scale(width)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.ls1(self.attn(self.norm1(x)))
        hidden = F.gelu(self.mlp["fc1"](self.norm2(x)))
        return x + self.ls2(self.mlp["fc2"](hidden))


class DINOv2(nn.Module):
    """Normalised images (N, 3, H, W), H and W multiples of 14, to the class token's features (N, D)."""

    def __init__(self, width: int, depth: int, positions: int, patch: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.mask_token = nn.Parameter(torch.zeros(1, width))  # of the training; only there to be loaded
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + positions, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, patch, stride=patch)})
        self.blocks = nn.ModuleList(Block(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patch_embed["proj"](images)
        tokens = (patches + self._positions(patches.shape[-2], patches.shape[-1])).flatten(2).transpose(1, 2)
        first = (self.cls_token + self.pos_embed[:, :1]).expand(len(images), -1, -1)
        x = torch.cat([first, tokens], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)[:, 0]

    def _positions(self, height: int, width: int) -> Tensor:
        """The learned square grid of positions, (1, D, height, width) after bicubic interpolation."""
        side = round((self.pos_embed.shape[1] - 1) ** 0.5)
        grid = self.pos_embed[:, 1:].transpose(1, 2).unflatten(2, (side, side))
        if (height, width) == (side, side):
            return grid
        factors = ((height + POSITION_OFFSET) / side, (width + POSITION_OFFSET) / side)
        return F.interpolate(grid, scale_factor=factors, mode="bicubic")


def dinov2_from_state_dict(state: dict[str, Tensor]) -> DINOv2:
    """The network whose sizes the state dict has: ViT-S/14, B/14 or L/14 (dgm-eval's choice), without registers.

    Raises:
        ValueError: it is not such a state dict.
    """
    try:
        width, positions = state["cls_token"].shape[-1], state["pos_embed"].shape[1] - 1
        if width % HEAD_WIDTH or math.isqrt(positions) ** 2 != positions:
            raise ValueError(f"a width of {width} and {positions} positions")
        blocks = [int(block[1]) for name in state if (block := re.match(r"blocks\.(\d+)\.", name))]
        network = DINOv2(width, max(blocks) + 1, positions, state["patch_embed.proj.weight"].shape[-1])
        network.load_state_dict(state)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"these are not the weights of a DINOv2 ViT-S, B or L without registers: {one_line(error, 200)}"
        ) from error
    return network


def load_dinov2(path: Path) -> nn.Module:
    """DINOv2 with the weights of a published file; ValueError, which names it, for any other."""
    state = state_dict(path)
    try:
        network = dinov2_from_state_dict(state)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return network.requires_grad_(False).eval()


def dinov2_features(network: nn.Module, images: Tensor) -> Tensor:
    """uint8 (N, 1 or 3, H, W) to the features of the class token (N, D)."""
    size = (SIDE, SIDE)
    pixels = coloured(images).permute(0, 2, 3, 1).cpu().numpy()
    resized = [np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)) for image in pixels]
    x = torch.from_numpy(np.stack(resized)).to(images.device).permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(v, device=x.device).view(3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    features: Tensor = network((x - mean) / std)
    return features

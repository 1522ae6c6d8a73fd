"""How large the networks of Table 9 are, counted without allocating their weights."""

from dataclasses import dataclass

import torch

from zigma.models.config import CAPTION_WIDTH, ZIGMA_MILLIONS, ZIGMA_SIZES, Preset, ZigMaConfig
from zigma.models.counting import count_parameters
from zigma.models.zigma import ZigMa


@dataclass(frozen=True)
class ModelSize:
    """A row of Table 9 with the sizes of one preset. Counts are in parameters, `printed_millions` as in the paper.

    `parameters` counts everything. `as_the_paper` leaves out, in the CA- networks, the projection of caption features
    to the hidden width, and adds a vector of hidden width per layer, as the weight of a norm before cross-attention
    would be, which the released block does not have: only so are all four printed counts met to the digit. Without
    captions the two are equal.
    """

    name: str
    preset: Preset
    hidden: int
    depth: int
    parameters: int
    as_the_paper: int
    printed_millions: float

    @property
    def agrees(self) -> bool:
        """Whether the count equals the printed one to the printed digit."""
        return round(self.as_the_paper / 1e6, 1) == self.printed_millions


def model_sizes() -> list[ModelSize]:
    """Table 9 with both presets: `released` sizes, whose counts are those printed, and the sizes as `printed`.

    Networks are for 4x32x32 latents at patch 1, without position embedding.
    """
    rows = []
    for preset, sizes in ZIGMA_SIZES.items():
        for text in (False, True):
            for size in sizes:
                config = ZigMaConfig.preset(size, preset, text_width=CAPTION_WIDTH if text else None)
                with torch.device("meta"):
                    model = ZigMa(config, scan="sweep-1")  # which order is read does not change the count
                rows.append(
                    ModelSize(
                        name=f"{'CA-' if text else ''}ZigMa-{size}",
                        preset=preset,
                        hidden=config.hidden,
                        depth=config.depth,
                        parameters=count_parameters(model),
                        as_the_paper=count_as_the_paper(model),
                        printed_millions=ZIGMA_MILLIONS[size][text],
                    )
                )
    return rows


def count_as_the_paper(model: torch.nn.Module) -> int:
    """Parameters as Table 9 counts them: see `ModelSize`. For a network that reads no captions, all."""
    if not isinstance(model, ZigMa) or not model.text:
        return count_parameters(model)
    assert model.y_embedder is not None
    return (
        count_parameters(model)
        + model.config.depth * model.config.hidden
        - count_parameters(model.y_embedder)
    )

"""What a network is told about an image: nothing, its class, or its caption."""

import torch
from torch import Tensor

from zigma.data import Batch, encode_captions
from zigma.models.config import ModelConfig


def condition(batch: Batch, model: ModelConfig) -> Tensor | None:
    """`y` of `model(x, t, y)`: classes (B,), caption embeddings (B, M, text_width), or None."""
    if model.text_width is not None:
        if batch.text is not None:  # features that were prepared with the shards
            return batch.text
        if batch.captions is None:
            raise ValueError("the model reads captions (model.text_width) but the data has none")
        return encode_captions(batch.captions, width=model.text_width, tokens=model.text_tokens)
    if model.classes is not None:
        if batch.classes is None:
            raise ValueError("the model reads classes (model.classes) but the data has none")
        return batch.classes.to(torch.int64)
    return None

"""What a network is told about an image: nothing, its class, or its caption; or, for guidance, that it is not told."""

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


def null_condition(model: ModelConfig) -> Tensor | None:
    """What stands for "not told", broadcast to `y`: the last class, or a caption of zeros; None if never told.

    Zeros are the embedding of the empty caption in `encode_captions`, and lie far from CLIP's.
    """
    if model.text_width is not None:
        return torch.zeros(1, 1, model.text_width)
    return None if model.classes is None else torch.tensor([model.classes - 1])


def withhold(y: Tensor, rate: float, draws: Tensor, model: ModelConfig) -> Tensor:
    """Replace the conditions of the images whose draw (B,), uniform on [0, 1), is below `rate`.

    So a network learns both fields that classifier-free guidance combines (Ho and Salimans 2022). Where `rate` is
    0 this is `y` itself.

    Raises:
        ValueError: the data has a class where the null class should be.
    """
    if rate == 0:
        return y
    null = null_condition(model)
    assert null is not None  # there is a condition
    if model.classes is not None and int(y.max()) >= model.classes - 1:
        raise ValueError(
            f"with conditions withheld, class {model.classes - 1} of model.classes={model.classes} stands for "
            f"none and the data has class {int(y.max())}: model.classes should be one more than the data's"
        )
    dropped = (draws < rate).view(-1, *[1] * (y.dim() - 1))
    return torch.where(dropped, null.to(y), y)

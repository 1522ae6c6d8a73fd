"""Orders that depend on the sample: each layer sorts its tokens before its mixer reads them along the plan.

The plan is then read on the sorted tokens: `sweep-1` visits them from the smallest score to the largest, `sweep@0,0r`
in turn upwards and downwards over the layers, `bidirectional` both ways in each layer. After the mixer every token is
put back at its place. Caption tokens that stand before the image's stay where they are.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zigma.common.plugged import ORDERINGS, named, short
from zigma.models.counting import count_parameters
from zigma.models.specs import BrightnessOrdering, OrderingSpec, OwnOrdering, ScoreOrdering
from zigma.ops.order import along_order, checked_order


class Ordering(nn.Module):
    """An order for each sample, of one layer. Another rule can take its place:

        class MyOrdering(Ordering):
            def __init__(self, hidden: int) -> None
            def scores(self, tokens: Tensor, patches: Tensor) -> Tensor        (B, L)

    `tokens` (B, L, D) are those that the mixer is about to read, `patches` (B, L, P) the network's input at the same
    places. Tokens are visited by rising score; equal ones in row-major order. An order has no gradient: what learns
    gets one by `gate`.
    """

    def scores(self, tokens: Tensor, patches: Tensor) -> Tensor:
        """What tokens are sorted by, (B, L)."""
        raise NotImplementedError

    def gate(self, scores: Tensor) -> Tensor | None:
        """What tokens are multiplied by before they are read, (B, L), or None."""
        return None

    def order(self, scores: Tensor) -> Tensor:
        """`order[b, i]` is the token of sample b visited at step i, int64 (B, L)."""
        return scores.detach().argsort(dim=1, stable=True)

    def forward(self, tokens: Tensor, patches: Tensor) -> tuple[Tensor, Tensor]:
        """The tokens (B, L, D) in the order of their sample, gated, and the order (B, L)."""
        scores = self.scores(tokens, patches)
        gate = self.gate(scores)
        if gate is not None:
            tokens = tokens * gate.unsqueeze(-1).to(tokens.dtype)
        order = self.order(scores)
        return along_order(tokens, order), order


class Brightness(Ordering):
    """By the mean of the patch that the network is given: of noise at t = 0, of the image at t = 1."""

    def __init__(self, hidden: int) -> None:
        super().__init__()

    def scores(self, tokens: Tensor, patches: Tensor) -> Tensor:
        return patches.mean(dim=-1)


class Score(Ordering):
    """By a linear score that each layer learns; twice its sigmoid multiplies tokens, which gives the gradient."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.score = nn.Linear(hidden, 1, bias=False)

    def scores(self, tokens: Tensor, patches: Tensor) -> Tensor:
        return self.score(tokens).squeeze(-1)

    def gate(self, scores: Tensor) -> Tensor:
        return 2 * scores.sigmoid()


class Own(Ordering):
    """An ordering of a person's file, held to the shape and order that it must give."""

    def __init__(self, hidden: int, spec: OwnOrdering) -> None:
        super().__init__()
        self.name = short(spec.source)
        make = ORDERINGS.load(spec.source)
        try:
            made = make(hidden)
        except Exception as error:  # it may be anybody's
            raise ValueError(f"ordering {self.name} cannot be made: {named(error)}") from error
        if not isinstance(made, Ordering):
            raise ValueError(
                f"ordering {self.name} makes a {type(made).__name__}: it must make a zigma.models.orderings.Ordering"
            )
        self.inner = made

    def scores(self, tokens: Tensor, patches: Tensor) -> Tensor:
        scores = self.inner.scores(tokens, patches)
        if tuple(scores.shape) != tuple(tokens.shape[:2]):
            raise ValueError(
                f"ordering {self.name} gives scores of shape {tuple(scores.shape)}, not {tuple(tokens.shape[:2])}"
            )
        return scores

    def gate(self, scores: Tensor) -> Tensor | None:
        return self.inner.gate(scores)

    def order(self, scores: Tensor) -> Tensor:
        order = checked_order(self.inner.order(scores), scores.unsqueeze(-1))
        assert order is not None
        return order if order.ndim == 2 else order.expand_as(scores)


def build_ordering(hidden: int, spec: OrderingSpec) -> Ordering:
    """The ordering of one layer."""
    match spec:
        case BrightnessOrdering():
            return Brightness(hidden)
        case ScoreOrdering():
            return Score(hidden)
        case OwnOrdering():
            return Own(hidden, spec)
    raise ValueError(f"an ordering is described by one of zigma.models.specs, not {spec!r}")


def own_parameters(hidden: int, spec: OwnOrdering) -> int:
    """How many numbers such an ordering learns, counted without allocating them."""
    with torch.device("meta"):
        return count_parameters(Own(hidden, spec))


def patches_of(x: Tensor, patch: int) -> Tensor:
    """An input (B, C, H, W) or (B, T, C, H, W) as the network cuts it, (B, L, C * patch * patch), row-major."""
    cut = F.unfold(x.flatten(0, -4) if x.ndim == 5 else x, patch, stride=patch)  # (B or B*T, P, L of a frame)
    return cut.transpose(1, 2).reshape(len(x), -1, cut.shape[1])

"""Orders that depend on the sample: what is visited when, and what learns from it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from small_networks import network
from torch import Tensor

from studies.declare.changes import change
from studies.declare.identity import as_recorded, identity, orders_fingerprint
from studies.declare.scales import TINY
from studies.declare.validate import config_faults
from zigma.experiment.estimate import parameters
from zigma.models.config import ZigMaConfig
from zigma.models.embeddings import PatchEmbedding
from zigma.models.orderings import Brightness, Ordering, Score, patches_of
from zigma.models.specs import MambaSpec
from zigma.ops.order import back_to_place

KINDS = ["brightness", "score"]
PLANS = ["sweep-1", "zigzag-8", "sweep@0,0r", "bidirectional", "shared-sweep@0,6", "channels-zigzag-2"]


def inputs(*grid: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(3, *grid[:-2], 2, *grid[-2:]), torch.rand(3)


def test_tokens_are_visited_by_rising_score_in_each_sample() -> None:
    torch.manual_seed(0)
    tokens, patches = torch.randn(3, 7, 4), torch.randn(3, 7, 2)
    for ordering, scores in ((Brightness(4), patches.mean(-1)), (Score(4), None)):
        sorted_tokens, order = ordering(tokens, patches)
        values = ordering.scores(tokens, patches).detach() if scores is None else scores
        assert order.shape == (3, 7)
        assert order.sort(dim=1).values.tolist() == [list(range(7))] * 3
        visited = values.gather(1, order)
        assert (visited.diff(dim=1) >= 0).all()
        gate = ordering.gate(values)
        expected = tokens if gate is None else tokens * gate[..., None]
        assert torch.allclose(back_to_place(sorted_tokens, order), expected)
    assert len({tuple(row) for row in order.tolist()}) == 3  # each sample its own
    _, order = Brightness(4)(tokens, torch.zeros(3, 7, 2))
    assert order.tolist() == [list(range(7))] * 3  # equal ones as they stand


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("plan", PLANS)
def test_tokens_that_change_places_take_their_results_with_them(kind: str, plan: str) -> None:
    """Without positions such a network knows no places; the same network without an ordering does."""
    x, t = inputs(3, 5)
    places = torch.randperm(15)
    for ordering, follows in ((kind, True), (None, False)):
        model = network(grid=(3, 5), scan=plan, ordering=ordering)
        moved = model(x.flatten(2)[..., places].view_as(x), t).flatten(2)
        assert torch.allclose(moved, model(x, t).flatten(2)[..., places], atol=1e-5) == follows


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "fields",
    [
        {"patch": 2, "grid": (4, 6)},
        {"grid": (2, 3, 4), "scan": "video-zigzag3d-8"},
        {"grid": (3, 4), "mixer": "gated-delta-net", "hidden": 32},
        {"grid": (3, 4), "mixer": MambaSpec(state=4, carry_state=True)},
        {"grid": (3, 4), "gradient_checkpointing": True},
    ],
    ids=["patches", "video", "another mixer", "carried state", "checkpointing"],
)
def test_it_trains_with_everything(kind: str, fields: dict[str, Any]) -> None:
    model = network(ordering=kind, **fields).train()
    x, t = inputs(*fields["grid"])
    out = model(x, t)
    model.keep_order = True
    assert torch.allclose(model(x, t), out)
    out.square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    assert ("blocks.0.ordering.score.weight" in dict(model.named_parameters())) == (kind == "score")


@pytest.mark.parametrize("kind", KINDS)
def test_captions_in_context_stay_before_the_image(kind: str) -> None:
    model = network(
        grid=(3, 4),
        ordering=kind,
        scan="sweep-1",
        depth=1,
        conditioning="in-context",
        text_width=5,
        text_tokens=6,
    )
    x, t = (each.double() for each in inputs(3, 4))
    model, y = model.double(), torch.randn(3, 6, 5).double()
    swapped = y[
        :, [1, 0, *range(2, 6)]
    ]  # whose mean over the captions, which reaches every token, is the same
    out = model(x, t, y)
    assert out.shape == x.shape
    assert (
        (out - model(x, t, swapped)).abs().amax(1) > 1e-9
    ).all()  # also of the token that is visited first


def test_a_score_that_matters_is_learned() -> None:
    """The answer at a place is its rank by the first channel: descent on the score's own parameters gets nearer."""
    torch.manual_seed(0)
    model = network(grid=(4, 4), in_channels=2, scan="sweep-1", depth=2, ordering="score").train()
    before = model.blocks[0].ordering.score.weight.detach().clone()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    losses = []
    for _ in range(60):
        x = torch.randn(16, 2, 4, 4)
        ranks = x[:, :1].flatten(1).argsort().argsort().view(16, 1, 4, 4) / 8 - 1
        loss = (model(x, torch.ones(16))[:, :1] - ranks).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])
    assert not torch.allclose(model.blocks[0].ordering.score.weight, before, atol=1e-3)


def test_patches_are_those_that_the_network_embeds() -> None:
    for x in (torch.randn(2, 3, 4, 6), torch.randn(2, 5, 3, 4, 6)):
        embed = PatchEmbedding(3, 12, 2)
        with torch.no_grad():
            embed.proj.weight.copy_(torch.eye(12).reshape(12, 3, 2, 2))
        assert torch.allclose(patches_of(x, 2), embed(x))


SOURCE = """
from zigma.models.orderings import Ordering

class Dark(Ordering):
    def __init__(self, hidden):
        super().__init__()

    def scores(self, tokens, patches):
        return -patches.mean(-1)

class Flat(Dark):
    def scores(self, tokens, patches):
        return patches

class Twice(Dark):
    def order(self, scores):
        return scores.argsort(1) * 0

def no(hidden):
    return 5
"""


def test_one_of_a_file_is_held_to_the_same(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(SOURCE)
    x, t = inputs(3, 4)
    dark = network(grid=(3, 4), scan="sweep-1", ordering=f"{file}:Dark")
    bright = network(grid=(3, 4), scan="sweep@0r", ordering="brightness")
    assert isinstance(dark.blocks[0].ordering, Ordering)
    assert torch.allclose(dark(x, t), bright(x, t), atol=1e-6)
    for name, says in (
        ("Flat", "mine.py:Flat gives scores of shape"),
        ("Twice", "visits a token more than once"),
    ):
        with pytest.raises(ValueError, match=says):
            network(grid=(3, 4), ordering=f"{file}:{name}")(x, t)
    config = change(TINY, {"model.ordering": f"{file}:Dark"})
    assert not config_faults(config)
    assert as_recorded(config)["model"]["ordering"] == {"source": "mine.py:Dark", "kind": "own"}
    before = identity(config)
    file.write_text(SOURCE + "\n")
    assert identity(config) != before
    (fault,) = config_faults(change(TINY, {"model.ordering": f"{file}:no"}))
    assert "ordering mine.py:no makes a int" in fault


def test_identity_and_cost_know_it() -> None:
    sorted_ones = {kind: change(TINY, {"model.ordering": kind}) for kind in KINDS}
    assert len({identity(config) for config in (TINY, *sorted_ones.values())}) == 3
    # the plan's orders are of the sorted tokens, and are what they were
    assert {orders_fingerprint(config) for config in sorted_ones.values()} == {orders_fingerprint(TINY)}
    assert isinstance(TINY.model, ZigMaConfig)
    assert "ordering" not in TINY.model.model_dump()
    score = sorted_ones["score"].model
    assert parameters(score) == parameters(TINY.model) + TINY.model.depth * TINY.model.hidden


def test_segments_cannot_be_sorted_and_wrong_words_are_one_line() -> None:
    with pytest.raises(ValueError, match=r"unknown model\.ordering\.kind 'scor': did you mean 'score'"):
        change(TINY, {"model.ordering": "scor"})
    with pytest.raises(ValueError, match="tokens are sorted over the whole sample"):
        network(grid=(2, 3, 4), scan="video-st", ordering="score")

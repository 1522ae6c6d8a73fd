"""Checkpoints in the released layout: the same output, no pickle executed, one line for what does not fit."""

import argparse
import contextlib
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from zigma.models import ZigMa, load_released_checkpoint
from zigma.models.released import plan_of

BASE = {"in_channels": 3, "embed_dim": 16, "depth": 3, "img_dim": 4}
CASES: list[dict[str, Any]] = [
    {"scan_type": "zigzagN8", "use_pe": 2},
    {"scan_type": "hilbertN2", "patch_size": 2},
    {"scan_type": "v2", "num_classes": 5, "use_pe": 1},
    {"scan_type": "zigzagN2", "has_text": True, "d_context": 6, "n_context_token": 4},
    {"scan_type": "zzvideo_sst", "video_frames": 2, "tpe": True, "use_pe": 2, "num_classes": 5},
]


def released_name(ours: str) -> str:
    """The inverse of what the loader does: directions 0 and 1 have no name of their own there."""
    if match := re.fullmatch(r"(.*\.mixer\.)directions\.([01])\.(A_log|D|\w+?)((?:\.weight|\.bias)?)", ours):
        start, direction, part, end = match.groups()
        if direction == "1":
            part = "A_b_log" if part == "A_log" else f"{part}_b"
        return f"{start}{part}{end}"
    return ours


def network(case: dict[str, Any]) -> ZigMa:
    torch.manual_seed(0)
    frames = (case["video_frames"],) if "video_frames" in case else ()
    model = ZigMa(
        grid=(*frames, 4, 4),
        in_channels=3,
        hidden=16,
        depth=3,
        patch=case.get("patch_size", 1),
        scan=plan_of(case["scan_type"]),
        position=("none", "cosine", "learned")[case.get("use_pe", 0)],
        temporal_position=case.get("tpe", False),
        classes=case.get("num_classes"),
        text_width=case.get("d_context"),
        text_tokens=case.get("n_context_token", 77),
        drop_path=0.1,
    )
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def question(case: dict[str, Any]) -> tuple[Tensor | None, ...]:
    frames = (case["video_frames"],) if "video_frames" in case else ()
    y = torch.tensor([1, 4]) if "num_classes" in case else None
    y = torch.randn(2, 4, 6) if "d_context" in case else y
    return torch.randn(2, *frames, 3, 4, 4), torch.rand(2), y


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["scan_type"])
@pytest.mark.parametrize("layout", ["bare", "ema", "module", "compiled"])
def test_the_same_output(case: dict[str, Any], layout: str, tmp_path: Path) -> None:
    model = network(case)
    state = {released_name(name): value for name, value in model.state_dict().items()}
    assert not any("directions" in name for name in state)
    prefix = {"module": "module.", "compiled": "_orig_mod."}.get(layout, "")
    state = {prefix + name: value for name, value in state.items()}
    contents: dict[str, Any] = state
    if layout != "bare":
        zeros = {name: torch.zeros_like(value) for name, value in state.items()}
        contents = {"model": zeros, "ema": state, "args": argparse.Namespace(lr=1e-4), "train_steps": 7}
    torch.save(contents, tmp_path / "0000007.pt")
    loaded = load_released_checkpoint(tmp_path / "0000007.pt", **BASE, **case)
    x, t, y = question(case)
    assert torch.equal(loaded(x, t, y), model(x, t, y))
    if layout == "ema":
        assert not torch.equal(
            load_released_checkpoint(contents, weights="model", **BASE, **case)(x, t, y), model(x, t, y)
        )


def test_no_pickle_is_executed(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "executed",))

    state = {released_name(name): value for name, value in network(CASES[0]).state_dict().items()}
    torch.save({"ema": state, "args": Evil()}, tmp_path / "evil.pt")
    with contextlib.suppress(ValueError):  # refused, or read past the object: both are right
        load_released_checkpoint(tmp_path / "evil.pt", **BASE, **CASES[0])
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"scan_typ": "v2"}, "did you mean scan_type"),
        ({"scan_type": "randomN2"}, "do not hold the orders"),
        ({"scan_type": "parallelN2"}, "no forward pass"),
        ({"scan_type": "spiralN2"}, "zigzagN1..8"),
        ({"scan_type": "zigzagN8", "use_pe": 7}, "0, 1, 2 or 3"),
        ({"scan_type": "zigzagN8", "use_pe": 2, "embed_dim": 24}, "the arguments make it"),
        ({"scan_type": "zigzagN8", "use_pe": 0}, "no place for pos_embed"),
        ({"scan_type": "zigzagN8", "use_pe": 2, "num_classes": 4}, "no weight for y_embedder"),
        ({"scan_type": "zigzagN8", "use_pe": 2, "ssm_cfg": {"d_sate": 4}}, "unknown ssm_cfg"),
    ],
)
def test_what_does_not_fit_is_one_line(arguments: dict[str, Any], says: str) -> None:
    state = {released_name(name): value for name, value in network(CASES[0]).state_dict().items()}
    with pytest.raises(ValueError, match=re.escape(says)) as caught:
        load_released_checkpoint(state, **(BASE | arguments))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no checkpoint"):
        load_released_checkpoint(tmp_path / "none.pt", **BASE)
    (tmp_path / "text.pt").write_text("not a checkpoint")
    with pytest.raises(ValueError, match="cannot be read without executing it"):
        load_released_checkpoint(tmp_path / "text.pt", **BASE)

"""Checkpoints of the released code: names, wrappers, what else they hold, and what is refused."""

import argparse
import os
import re
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from zigma.models import ZigMa, load_released_checkpoint
from zigma.models.released import plan_of
from zigma.models.specs import MambaSpec

ARGUMENTS: dict[str, Any] = {
    "in_channels": 2,
    "embed_dim": 16,
    "depth": 3,
    "img_dim": 4,
    "scan_type": "zigzagN8",
}


def released_name(name: str) -> str:
    """Our names in the released words, written down apart from the loader."""
    match = re.search(r"directions\.(\d)\.(\w+)", name)
    if match is None:
        return name
    direction, part = match.groups()
    if direction == "1":
        part = "A_b_log" if part == "A_log" else part + "_b"
    return name.replace(match[0], part)


def released(seed: int = 0, **fields: Any) -> tuple[ZigMa, dict[str, Tensor]]:
    """A network with open gates, and its weights under released names."""
    torch.manual_seed(seed)
    model = ZigMa(
        **({"grid": (4, 4), "in_channels": 2, "hidden": 16, "depth": 3, "scan": "zigzag-8"} | fields)
    )
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model.eval(), {released_name(name): value for name, value in model.state_dict().items()}


def same(a: ZigMa, b: ZigMa) -> bool:
    torch.manual_seed(1)
    x, t = torch.randn(2, *a.config.grid[:-2], 2, *a.config.grid[-2:]), torch.rand(2)
    y: Tensor | None = None
    if a.config.text_width:
        y = torch.randn(2, 3, a.config.text_width)
    elif a.config.classes:
        y = torch.tensor([0, a.config.classes - 1])
    return torch.equal(a(x, t, y), b(x, t, y))


@pytest.mark.parametrize(
    ("fields", "arguments"),
    [
        ({}, {}),
        ({"scan": "hilbert-released-2"}, {"scan_type": "hilbertN2"}),
        ({"scan": "bidirectional"}, {"scan_type": "v2"}),
        ({"patch": 2, "position": "learned"}, {"patch_size": 2, "use_pe": 2}),
        ({"position": "cosine"}, {"use_pe": 1}),
        ({}, {"use_pe": 3}),
        ({"classes": 5}, {"num_classes": 5}),
        ({"text_width": 7}, {"has_text": True, "d_context": 7, "n_context_token": 3, "num_classes": 5}),
        ({"mixer": MambaSpec(state=4, taps=3)}, {"ssm_cfg": {"d_state": 4, "d_conv": 3}}),
        (
            {"grid": (3, 4, 4), "scan": "video-sst", "temporal_position": True},
            {"scan_type": "zzvideo_sst", "video_frames": 3, "tpe": True},
        ),
    ],
)
def test_the_arguments_of_the_released_constructor(fields: dict[str, Any], arguments: dict[str, Any]) -> None:
    model, state = released(**fields)
    loaded = load_released_checkpoint(state, **ARGUMENTS | arguments)
    assert loaded.config.scan == model.config.scan
    assert not loaded.training
    assert same(loaded, model)


def test_names_are_those_of_the_released_blocks() -> None:
    _, state = released(scan="bidirectional", text_width=7)
    mixer = {name.removeprefix("blocks.0.mixer.") for name in state if name.startswith("blocks.0.mixer.")}
    once = {"in_proj.weight", "out_proj.weight"}
    forward = {
        "A_log",
        "D",
        "conv1d.weight",
        "conv1d.bias",
        "x_proj.weight",
        "dt_proj.weight",
        "dt_proj.bias",
    }
    backward = {
        "A_b_log",
        "D_b",
        *(f"{name}_b.{end}" for name, _, end in (n.partition(".") for n in forward) if end),
    }
    assert mixer == once | forward | backward
    assert {
        "x_embedder.proj.weight",
        "t_embedder.mlp.2.bias",
        "norm_f.weight",
        "final_layer.linear.bias",
    } <= set(state)
    assert {
        "blocks.2.msa.to_out.0.bias",
        "blocks.2.adaLN_modulation.1.weight",
        "blocks.2.norm.weight",
    } <= set(state)


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod."])
def test_files_and_what_wrappers_leave_in_names(tmp_path: Path, suffix: str, prefix: str) -> None:
    model, state = released()
    path = tmp_path / f"weights.{suffix}"
    named = {prefix + name: value.contiguous() for name, value in state.items()}
    save_file(named, path) if suffix == "safetensors" else torch.save(named, path)
    assert same(load_released_checkpoint(path, **ARGUMENTS), model)


class Unknown:
    """A class that the reader does not have, as a training script's configuration may be."""

    def __init__(self) -> None:
        self.inside = {"a": argparse.Namespace(b=[1, 2]), "path": Path("x")}


@pytest.mark.parametrize("new_format", [True, False])
def test_averaged_weights_are_preferred_and_other_contents_passed_over(
    tmp_path: Path, new_format: bool
) -> None:
    trained, state = released(seed=0)
    averaged, ema = released(seed=1)
    path = tmp_path / "0100000.pt"
    of_torch = {f"module.{k}": v for k, v in ema.items()} | {"n_averaged": torch.tensor(7)}  # AveragedModel's
    contents = {"model": state, "ema": of_torch, "opt": {"state": {}}}
    if new_format:
        contents |= {"args": Unknown(), "train_steps": 7, "best_fid": torch.tensor(3.0).numpy().max()}
    torch.save(contents, path, _use_new_zipfile_serialization=new_format)
    assert same(load_released_checkpoint(str(path), **ARGUMENTS), averaged)
    assert same(load_released_checkpoint(path, weights="model", **ARGUMENTS), trained)
    assert same(load_released_checkpoint(contents, weights="ema", **ARGUMENTS), averaged)


class Options(dict[str, Any]):
    """A training script's arguments as some libraries keep them: filled as a dict is."""


class Steps(list[int]):
    """Filled as a list is."""


@pytest.mark.parametrize("new_format", [True, False])
def test_what_is_filled_like_a_dict_or_a_list_is_passed_over(tmp_path: Path, new_format: bool) -> None:
    model, state = released()
    contents = {
        "ema": state,
        "args": Options(lr=1, inside=Options(a=2)),
        "steps": Steps([1, 2]),
        "at": deque([3]),
    }
    torch.save(contents, tmp_path / "c.pt", _use_new_zipfile_serialization=new_format)
    assert same(load_released_checkpoint(tmp_path / "c.pt", **ARGUMENTS), model)


def test_one_weight_under_two_names_is_refused() -> None:
    _, state = released()
    twice = {**state, **{f"module.{name}": 0 * value for name, value in state.items()}}
    with pytest.raises(ValueError, match="twice, once with the prefix of a wrapper"):
        load_released_checkpoint(twice, **ARGUMENTS)


def wrapped(layout: str, state: dict[str, Any]) -> dict[str, Any]:
    """`a.b` is {"a": {"b": state, ...}}, with what training scripts write beside it."""
    for name in reversed(layout.split(".")):
        state = {name: state, "step": torch.tensor(7), "epoch": 3}
    return state


@pytest.mark.parametrize(
    "layout",
    [
        *("ema", "model", "state_dict", "model_state_dict", "ema_state_dict", "module"),
        *(
            "ema.module",
            "ema.state_dict",
            "model.state_dict",
            "state_dict.model",
            "model_ema.module.state_dict",
        ),
    ],
)
def test_layouts_of_checkpoints(tmp_path: Path, layout: str) -> None:
    model, state = released()
    torch.save(wrapped(layout, state), tmp_path / "weights.pt")
    assert same(load_released_checkpoint(tmp_path / "weights.pt", **ARGUMENTS), model)


def test_averaged_weights_inside_other_layouts() -> None:
    trained, state = released(seed=0)
    averaged, ema = released(seed=1)
    for contents in (
        {"state_dict": {"model": state, "ema": ema}},
        {"state_dict": state, "ema_state_dict": ema},
        {"model": {"module": state}, "ema": {"model": ema}},
    ):
        assert same(load_released_checkpoint(contents, **ARGUMENTS), averaged)
        assert same(load_released_checkpoint(contents, weights="model", **ARGUMENTS), trained)
    with pytest.raises(ValueError, match="has no 'ema' weights; it has: model"):
        load_released_checkpoint({"model_state_dict": state}, weights="ema", **ARGUMENTS)


@pytest.mark.parametrize(
    "empty", [{}, {"module": {}}, {"decay": torch.tensor(0.9999), "num_updates": torch.tensor(0)}]
)
def test_an_average_that_is_empty_leaves_the_trained_weights(empty: dict[str, Any]) -> None:
    model, state = released()
    assert same(load_released_checkpoint({"ema": empty, "model": state}, **ARGUMENTS), model)
    with pytest.raises(ValueError, match="has no 'ema' weights; it has: model"):
        load_released_checkpoint({"ema": empty, "model": state}, weights="ema", **ARGUMENTS)


@pytest.mark.parametrize("new_format", [True, False])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_numpy_arrays_are_weights(tmp_path: Path, new_format: bool, order: Any, byte_order: str) -> None:
    model, state = released()
    arrays: dict[str, Any] = {
        name: np.asarray(value.numpy(), dtype=f"{byte_order}f4", order=order) for name, value in state.items()
    }
    arrays["objects"] = np.array([{"a": 1}, "b"], dtype=object)  # passed over, as other objects are
    assert same(load_released_checkpoint(arrays, **ARGUMENTS), model)
    torch.save({"model": arrays}, tmp_path / "weights.pt", _use_new_zipfile_serialization=new_format)
    assert same(load_released_checkpoint(tmp_path / "weights.pt", **ARGUMENTS), model)


def test_a_checkpoint_that_holds_itself_ends_in_one_line() -> None:
    contents: dict[str, Any] = {"epoch": 3}
    contents["model"] = contents["ema"] = contents
    with pytest.raises(ValueError, match="its keys are epoch, model, ema"):
        load_released_checkpoint(contents, **ARGUMENTS)


def test_a_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    model, state = released()
    torch.save(state, tmp_path / "weights.pt")
    assert same(load_released_checkpoint("~/weights.pt", **ARGUMENTS), model)
    with pytest.raises(ValueError, match=r"no checkpoint at ~nobody-of-this-name/weights\.pt"):
        load_released_checkpoint("~nobody-of-this-name/weights.pt", **ARGUMENTS)


@pytest.mark.parametrize(
    ("contents", "says"),
    [
        ({}, "its keys are none; no weight for"),
        ({"net": {"a": torch.ones(2)}, "epo\nch": 3}, "its keys are net, epo ch; no weight for"),
        (
            {f"layer{n}": torch.ones(2) for n in range(9)},
            "its keys are layer0, .*, layer7 and more; no weight",
        ),
    ],
)
def test_where_nothing_fits_the_keys_of_the_file_are_named(contents: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        load_released_checkpoint(contents, **ARGUMENTS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda value: (value * 10).to(torch.int8), "is int8, where floating-point weights are expected"),
        (lambda value: value.cfloat(), "is complex64, where"),
        (lambda value: value.index_fill(0, torch.tensor([1]), torch.nan), "holds numbers that are NaN or"),
        (lambda value: value.index_fill(0, torch.tensor([1]), -torch.inf), "holds numbers that are NaN or"),
        (lambda value: value.double() + 1e300, "holds numbers that are NaN or infinite"),  # once in float32
    ],
)
def test_weights_that_are_no_numbers_of_a_network_are_refused(wrong: Any, says: str) -> None:
    """The first of them is named, as the file has it."""
    _, state = released()
    names = [name for name in state if name.startswith("blocks.1.mixer.")]
    for name in ("blocks.1.mixer.A_log", names[-1]):
        state[name] = wrong(state[name])
    with pytest.raises(ValueError, match=f"^blocks.1.mixer.A_log of the checkpoint {says}") as caught:
        load_released_checkpoint(state, **ARGUMENTS)
    assert "\n" not in str(caught.value)


class Malicious:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("new_format", [True, False])
def test_nothing_that_a_file_asks_for_is_executed(tmp_path: Path, new_format: bool) -> None:
    _, state = released()
    made, path = tmp_path / "made", tmp_path / "checkpoint.pt"
    torch.save({"ema": state, "args": Malicious(made)}, path, _use_new_zipfile_serialization=new_format)
    with pytest.raises(
        ValueError, match=r"cannot be read as weights alone \(it asks for \w+.mkdir\)"
    ) as caught:
        load_released_checkpoint(path, **ARGUMENTS)
    assert "\n" not in str(caught.value)
    assert not made.exists()
    torch.load(path, weights_only=False)  # and the file is as bad as it looks
    assert made.exists()


def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "noise.pt"
    path.write_bytes(b"neither a zip nor a pickle")
    empty, torn, other = (tmp_path / name for name in ("empty.pt", "torn.safetensors", "other.pt"))
    empty.touch()
    save_file({"a": torch.zeros(9)}, torn)
    other.write_bytes(torn.read_bytes())
    torn.write_bytes(torn.read_bytes()[:-9])
    for wrong, says in (
        *((each, "is damaged, or no file of") for each in (path, empty, torn, other)),
        (tmp_path / "missing.pt", "no checkpoint at"),
    ):
        with pytest.raises(ValueError, match=f"(?=.*{wrong})(?=.*{says})") as caught:
            load_released_checkpoint(wrong, **ARGUMENTS)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"embed_dims": 16}, "argument of the released ZigMa 'embed_dims': did you mean 'embed_dim'"),
        ({"embed_dim": 32}, r"does not fit the arguments: blocks.0.adaLN_modulation.1.bias is \(48,\) but"),
        ({"depth": 4}, "no weight for blocks.3.adaLN_modulation.1.bias.* and more"),
        ({"use_pe": 2}, "no weight for pos_embed"),
        ({"has_text": True, "d_context": 3}, "no weight for blocks.0.msa"),
        ({"scan_type": "v2"}, "no weight for blocks.0.mixer.directions.1"),
        ({"scan_type": "randomN8"}, "do not hold the orders"),
        ({"scan_type": "parallelN8"}, "no forward pass"),
        ({"scan_type": "zigzag8"}, "unknown scan_type 'zigzag8'; known: zigzagN1"),
        ({"scan_type": "zigzagN9"}, "9 orders"),
        ({"rms_norm": False}, "rms_norm=True"),
        ({"use_pe": 4}, "use_pe is 0, 1, 2 or 3"),
        ({"ssm_cfg": {"bias": True}}, "ssm_cfg bias"),
        ({"ssm_cfg": {"d_stat": 4}}, "unknown ssm_cfg 'd_stat'"),
        ({"weights": "emma"}, "weights is 'ema' or 'model'"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(change: dict[str, Any], says: str) -> None:
    _, state = released()
    with pytest.raises(ValueError, match=says) as caught:
        load_released_checkpoint(state, **ARGUMENTS | change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", [None, [1]])
def test_what_is_no_checkpoint_is_named(source: Any) -> None:
    with pytest.raises(ValueError, match=f"a file or a state dict, not {type(source).__name__}"):
        load_released_checkpoint(source, **ARGUMENTS)


def test_missing_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="needs the argument depth, img_dim"):
        load_released_checkpoint({}, in_channels=2, embed_dim=16)


def test_loading_leaves_the_global_generator_alone() -> None:
    _, state = released()
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    load_released_checkpoint(state, **ARGUMENTS)
    assert torch.equal(torch.rand(1), expected)


def test_device_and_dtype_are_the_released_arguments() -> None:
    _, state = released()
    loaded = load_released_checkpoint(state, dtype=torch.bfloat16, device="cpu", **ARGUMENTS)
    assert {p.dtype for p in loaded.parameters()} == {torch.bfloat16}


def test_scan_types() -> None:
    pairs = {
        "zigzagN1": "zigzag-1",
        "hilbertN8": "hilbert-released-8",
        "v2": "bidirectional",
        "zzvideo_st": "video-st",
    }
    assert {name: plan_of(name) for name in pairs} == pairs

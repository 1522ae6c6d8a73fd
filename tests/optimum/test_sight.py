"""What plans let the output at a token see."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from zigma.optimum import one_token_sight, patch_tokens, path_sight, plan_sight
from zigma.scans import reach, scan_order, scan_plan


@pytest.mark.parametrize(
    "plan", ["sweep-1", "zigzag-2", "hilbert-8", "bidirectional", "parallel-4", "random-3"]
)
@pytest.mark.parametrize("depth", [1, 3, 8])
def test_with_all_memory_it_is_the_reach(plan: str, depth: int) -> None:
    layers = scan_plan(plan, (3, 5), depth)
    assert np.array_equal(plan_sight(plan, (3, 5), depth), reach(layers)[-1])


def test_video_layers_stay_in_their_segments() -> None:
    grid = (3, 2, 2)
    assert np.array_equal(plan_sight("video-sst", grid, 2), reach(scan_plan("video-sst", grid, 2))[-1])
    frames = np.arange(12) // 4
    assert not plan_sight("video-s", grid, 5, lags=2)[frames[:, None] != frames].any()


@pytest.mark.parametrize("lags", [1, 2, 3, 5, 6, 15, 40])
def test_one_layer_with_a_memory_sees_its_latest(lags: int) -> None:
    order = scan_order("hilbert", (3, 5))
    assert np.array_equal(plan_sight("hilbert", (3, 5), 1, lags=lags), path_sight(order, lags))


def test_layers_hand_on_what_they_have() -> None:
    """With a memory of M, d layers of one path see d * (M - 1) tokens back."""
    order = scan_order("sweep", (4, 4))
    assert np.array_equal(plan_sight("sweep-1", (4, 4), 3, lags=4), path_sight(order, 10))


def test_a_path_and_its_reverse_see_everything() -> None:
    assert plan_sight("bidirectional", (4, 5), 1).all()


def test_losses_and_sights_need_no_torch() -> None:
    """`python -m analysis compare-scans` uses them."""
    code = (
        "import sys, numpy as np; from zigma.optimum import least_loss, plan_sight;"
        "least_loss(np.eye(4), 0.5, seen=plan_sight('zigzag-2', (2, 2), 2)); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "words",
    [
        *(((5, 4), 2), ((4, 4), 2.0), ((4.0, 4), 2), ((4, 4), True), ((4, 4), 1, 0)),
        *(((-4, 4), 2), ((0, 4), 2), ((2, 4, 4), 2), (4, 2)),
    ],
)
def test_patches_that_are_none_are_refused(words: Any) -> None:
    with pytest.raises(ValueError, match=r"patch") as caught:
        patch_tokens(*words)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("tokens", [0, -1, 2.5, True])
def test_a_sight_of_no_tokens_is_refused(tokens: Any) -> None:
    with pytest.raises(ValueError, match="tokens is a whole number of at least 1"):
        one_token_sight(tokens)

"""CUDA graphs: static inputs, the same steps with a graph as without, and what happens where none can be recorded."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import Tensor

from zigma.common.words import WordError
from zigma.data import load_data
from zigma.data.config import DataConfig
from zigma.interpolant.config import InterpolantConfig
from zigma.models.config import ZigMaConfig
from zigma.training import step as step_module
from zigma.training import train
from zigma.training.config import TrainingConfig
from zigma.training.graphs import Graphed, Replay, graphed, graphs_wanted

MODEL = ZigMaConfig(grid=(8, 8), in_channels=1, hidden=16, depth=2, scan="zigzag-2")
TRAINING = TrainingConfig(
    steps=8, batch_images=4, learning_rate=1e-3, ema_rate=0.5, schedule="cosine", warmup_steps=2
)
CPU = torch.device("cpu")
CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch can use")


def stand_in(function: Callable[[], Tensor]) -> Replay:
    """A graph's place: the noted function on the static inputs, into one memory as a graph's result is."""
    results: list[Tensor] = []

    def replay() -> Tensor:
        made = function()
        if not results:
            results.append(made.clone())
        with torch.no_grad():
            return results[0].copy_(made)

    return replay


@contextmanager
def graphs_on_the_cpu(
    monkeypatch: pytest.MonkeyPatch, record: Callable[[Callable[[], Tensor]], Replay] = stand_in
) -> Iterator[list[Graphed]]:
    """Steps take the way of a graph, with a plain call in its place."""
    made: list[Graphed] = []

    def make(function: Callable[..., Tensor], device: torch.device, what: str, *, possible: bool) -> Graphed:
        made.append(Graphed(function, record, what))
        return made[-1]

    with monkeypatch.context() as patch:
        patch.setattr(step_module, "graphed", make)
        yield made


def trained(folder: Path, training: TrainingConfig = TRAINING, model: ZigMaConfig = MODEL) -> list[Tensor]:
    """The averaged weights, and the curve of the loss."""
    folder.mkdir(exist_ok=True)
    data = load_data(DataConfig(name="digits", size=8)).train
    result = train(
        model, data, InterpolantConfig(), training, seed=1, checkpoint=folder / "c.pt", checkpoint_every_s=0
    )
    loss = torch.tensor(result.curves["loss"]["value"])
    return [loss, *(x.detach().cpu() for x in result.model.parameters())]


def test_a_graph_reads_new_inputs_and_what_it_returned_stays() -> None:
    calls = Graphed(lambda x, y: 2 * x if y is None else x + y, stand_in, "it", plain_calls=1)
    given = [torch.full((3,), float(n)) for n in range(4)]
    results = [calls(x, None) for x in given]
    assert calls.replay is not None
    assert all(own is not x for own in calls.inputs for x in given)
    for x, result in zip(given, results, strict=True):
        assert torch.equal(result, 2 * x)
    assert torch.equal(calls(torch.ones(5), None), torch.full((5,), 2.0))  # another shape: a plain call
    assert torch.equal(calls(torch.ones(3), torch.ones(3)), torch.full((3,), 2.0))


def test_what_cannot_be_recorded_goes_on_plainly_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(function: Callable[[], Tensor]) -> Replay:
        raise RuntimeError("operation not permitted\nwhen stream is capturing")

    calls = Graphed(lambda x: x + 1, refuse, "the training", plain_calls=1)
    for n in range(4):
        assert torch.equal(calls(torch.tensor([n])), torch.tensor([n + 1]))
    told = capsys.readouterr().err
    assert told == "the training goes on without a CUDA graph: operation not permitted\n"


def test_graphs_are_for_gpus_and_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def double(x: Tensor) -> Tensor:
        return 2 * x

    assert graphed(double, CPU, "it") is double
    monkeypatch.setenv("ZIGMA_GRAPHS", "off")
    assert not graphs_wanted()
    assert graphed(double, torch.device("cuda"), "it") is double
    monkeypatch.setenv("ZIGMA_GRAPHS", "of")
    with pytest.raises(WordError, match="off"):
        graphs_wanted()


def test_steps_that_take_the_way_of_a_graph_end_in_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = trained(tmp_path / "plain")
    with graphs_on_the_cpu(monkeypatch) as made:
        through = trained(tmp_path / "graph")
    assert made[0].replay is not None
    for one, other in zip(plain, through, strict=True):
        assert torch.allclose(one, other, rtol=1e-6, atol=1e-7)  # the learning rate is rounded to float32


def test_a_recording_that_breaks_off_after_the_gradient_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next step, a plain one, added its own gradient to what had been left."""

    def breaks_off(function: Callable[[], Tensor]) -> Replay:
        def refuse(*args: object, **options: object) -> None:
            raise RuntimeError("operation not permitted when stream is capturing")

        with monkeypatch.context() as patch:
            patch.setattr(step_module.TrainingStep, "_update", refuse)
            function()
        raise AssertionError

    plain = trained(tmp_path / "plain")
    with graphs_on_the_cpu(monkeypatch, breaks_off) as made:
        through = trained(tmp_path / "graph")
    assert made[0].refused
    for one, other in zip(plain, through, strict=True):
        assert torch.allclose(one, other, rtol=1e-6, atol=1e-7)


def test_a_checkpoint_goes_on_with_a_graph_or_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(tmp_path / "whole")
    data = load_data(DataConfig(name="digits", size=8)).train
    for first in ("graph", "plain"):
        folder = tmp_path / first
        folder.mkdir()

        def stop(progress: object) -> None:
            if progress.step == 5:  # type: ignore[attr-defined]
                raise KeyboardInterrupt

        def begin(folder: Path = folder) -> None:
            with pytest.raises(KeyboardInterrupt):
                train(
                    MODEL, data, InterpolantConfig(), TRAINING, seed=1, checkpoint=folder / "c.pt",
                    checkpoint_every_s=0, watch=stop,
                )  # fmt: skip

        if first == "graph":
            with graphs_on_the_cpu(monkeypatch):
                begin()
            saved = torch.load(folder / "c.pt", weights_only=True)
            assert all(type(group["lr"]) is float for group in saved["optimiser"]["param_groups"])
            resumed = trained(folder)
        else:
            begin()
            with graphs_on_the_cpu(monkeypatch):
                resumed = trained(folder)
        for one, other in zip(whole, resumed, strict=True):
            assert torch.allclose(one, other, rtol=1e-6, atol=1e-7)


def test_a_loss_that_is_not_finite_is_told_with_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    from zigma.models import build_model
    from zigma.training import Questions, TrainingStep

    with graphs_on_the_cpu(monkeypatch):
        step = TrainingStep(build_model(MODEL), TRAINING, cpu=True)
    good = Questions(torch.zeros(4, 1, 8, 8), torch.zeros(4, 1, 8, 8), torch.rand(4))
    step(good, 0)
    with pytest.raises(FloatingPointError, match="at step 2"):
        step(good._replace(data=torch.full((4, 1, 8, 8), float("nan"))), 1)


@pytest.mark.gpu
@CUDA
@pytest.mark.parametrize("precision", ["no", "bf16"])
@pytest.mark.parametrize("drop_path", [0.0, 0.3])
def test_on_a_gpu_graphs_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], precision: str,
    drop_path: float,
) -> None:  # fmt: skip
    training, model = TRAINING.replace(precision=precision), MODEL.replace(drop_path=drop_path)
    through = trained(tmp_path / "graph", training, model)
    assert "without a CUDA graph" not in capsys.readouterr().err
    monkeypatch.setenv("ZIGMA_GRAPHS", "off")
    plain = trained(tmp_path / "plain", training, model)
    for one, other in zip(plain, through, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.gpu
@CUDA
def test_on_a_gpu_a_network_without_gradients() -> None:
    from zigma.models import build_model

    device = torch.device("cuda")
    network = build_model(MODEL).to(device).eval()
    calls = graphed(network, device, "sampling")
    with torch.no_grad():
        for n in range(6):
            x, t = torch.randn(2, 1, 8, 8, device=device), torch.full((2,), n / 8, device=device)
            assert torch.allclose(calls(x, t), network(x, t), rtol=1e-5, atol=1e-6)
    assert isinstance(calls, Graphed)
    assert calls.replay is not None

"""Names in a figure look unlike each other, and what is drawn has the same bytes every time."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from analysis.style import KNOWN, LONGEST_NAME, label, labels, looks, save, settle, style


def test_no_two_of_many_names_have_one_colour_and_marker() -> None:
    """In bars the marker alone tells an arm of the curves beside them: eight zigzags and two Hilbert curves had one."""
    names = [*KNOWN, *(f"arm {i}" for i in range(20))]
    looked = looks(names)
    assert list(looked) == names
    assert len({(look["color"], look["marker"]) for look in looked.values()}) == len(names)


def test_long_names_are_shortened_where_they_stay_different() -> None:
    arms = [f"gated-linear-attention, learning rate 0.004, along {scan}" for scan in ("sweep", "zigzag-8")]
    assert [len(name) for name in labels(arms)] == [LONGEST_NAME - 1] * 2
    assert len(set(labels(arms))) == 2
    rates = [f"gated-linear-attention, learning rate {rate}, along eight zigzags" for rate in (0.004, 0.008)]
    assert labels(rates) == rates


def test_a_name_that_begins_with_a_line_stands_in_a_legend() -> None:
    ax = Figure().subplots()
    ax.plot([1, 2], label=label("_base"))
    assert ax.get_legend_handles_labels()[1] == [" _base"]


def test_the_names_beside_images_are_whole() -> None:
    with style():
        figure = Figure(figsize=(4.4, 3.5), layout="constrained")
        axes = figure.subplots(4, 1)
        for ax in axes:
            ax.imshow(np.zeros((66, 270)))
            ax.set_ylabel("hilbert-released-2", rotation="horizontal", ha="right", va="center")
        settle(figure)
        assert all(ax.yaxis.label.get_window_extent().x0 >= 0 for ax in axes)


def test_the_label_of_an_axis_is_whole_where_the_layout_changes_its_ticks() -> None:
    with style():
        figure = Figure(figsize=(7.0, 2.83), layout="constrained")
        part = figure.subfigures(1, 1)
        ax = part.subplots()
        for i in range(4):
            ax.plot([0, 60], [1, 2], label=f"arm {i}")
        ax.set(xlabel="training step", ylabel="loss", ylim=(-0.897, 3.5))
        part.suptitle("a title")
        part.legend(*ax.get_legend_handles_labels(), ncols=2, loc="outside lower center")
        settle(figure)
        assert ax.yaxis.label.get_window_extent().x0 >= 0
        assert ax.get_ylim() == (-0.897, 3.5)


class Wobbling(ConstrainedLayoutEngine):
    """Constrained layout whose last bits differ from figure to figure, as they do from process to process."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits

    def execute(self, fig: Figure) -> Any:
        super().execute(fig)
        for axes in fig.axes:
            box = axes.get_position(original=True)
            axes._set_position([box.x0 + self.bits * 1e-16, *box.bounds[1:]])  # type: ignore[attr-defined]


def test_the_last_bits_of_a_layout_change_no_byte(tmp_path: Path) -> None:
    drawn = set()
    for bits in (0, 3, 8):
        with style():
            figure = Figure(figsize=(4, 2), layout=Wobbling(bits))
            for axes in figure.subplots(1, 2):
                axes.plot([1, 2], [3, 5])
            drawn.add(tuple(file.read_bytes() for file in save(figure, tmp_path / str(bits))))
    assert len(drawn) == 1

"""Names in a figure look unlike each other, and what is drawn has the same bytes every time."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from analysis.style import KNOWN, looks, save, style


def test_no_two_of_many_names_have_one_colour_and_marker() -> None:
    """In bars the marker alone tells an arm of the curves beside them: eight zigzags and two Hilbert curves had one."""
    names = [*KNOWN, *(f"arm {i}" for i in range(20))]
    looked = looks(names)
    assert list(looked) == names
    assert len({(look["color"], look["marker"]) for look in looked.values()}) == len(names)


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

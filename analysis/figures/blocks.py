"""Figures 2 and 4: the network and its block as diagrams, with the sizes of a configuration and our module names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from analysis.figures.picture import Picture
from analysis.scan_plots import draw_path, only
from analysis.style import SMALL, WIDTH
from zigma.models.config import ZigMaConfig
from zigma.models.specs import MambaSpec
from zigma.scans import scan_plan

INDEX = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
SHOWN_LAYERS = 4  # of the plan, before the last one
GRID = (6, 6)  # of the small paths: the plan's own grid would be too fine to see
PLAIN, SCAN, TEXT, CONDITION = "#ffffff", "#cfe5f5", "#fbe3cf", "#e8e8e8"


@dataclass(frozen=True)
class Box:
    """A step of the diagram: where its centre lies, what it says, and what it is."""

    x: float
    y: float
    words: str
    colour: str = PLAIN
    width: float = 1.5
    height: float = 0.42


def figure_2(config: ZigMaConfig | None = None) -> Picture:
    """Figure 2: layers that arrange the tokens by their own order, scan, and arrange back (Eqs. 1 to 3)."""
    config = config or ZigMaConfig()
    layers = scan_plan(config.scan, GRID, config.depth)
    shown = [*range(SHOWN_LAYERS), config.depth - 1]
    tokens = " x ".join(map(str, config.token_grid))
    notes = (
        f"ZigMa-B as released: hidden {config.hidden}, depth {config.depth}, plan {config.scan}, {tokens} tokens; the "
        f"paths are drawn on {GRID[0]}x{GRID[1]}. Arranging, and back, is done while the scan reads its tokens.",
    )

    def draw(figure: Figure) -> None:
        ax = _canvas(figure, (0, 14.9), (0.3, 4.4))
        boxes(ax, [Box(0.85, 1.3, "noisy\nlatent\n↓\npatches", width=1.3, height=1.5)])
        boxes(ax, [Box(14.05, 1.3, "norm_f,\nfinal_layer\n↓\nvelocity", width=1.4, height=1.5)])
        for i, layer in enumerate(shown):
            x = 2.6 + 2.2 * i + (0.8 if i == SHOWN_LAYERS else 0)
            _enter(ax, x, from_latent=i == 0, gap=i == SHOWN_LAYERS)
            steps = [
                Box(x, 1.95, f"arrange by Ω{_below(layer)}", width=1.7),
                Box(x, 1.3, "scan (Mamba)", SCAN, 1.7),
                Box(x, 0.65, f"arrange by Ω\u0304{_below(layer)}", width=1.7),
            ]
            chain(ax, steps)
            inset = ax.inset_axes((x - 0.75, 2.35, 1.5, 1.5), transform=ax.transData)
            draw_path(inset, only([layers[layer]]), f"layer {layer}")
        ax.text(10.42, 1.3, "…", ha="center", va="center", fontsize=12)
        arrow(ax, (13.05, 0.65), (13.33, 0.65))

    alt = (
        f"Block diagram of ZigMa: a noisy latent is cut into {tokens} patches, {config.depth} layers follow, and a "
        "final layer gives the velocity. Each layer arranges the tokens by its own path, scans them with Mamba, and "
        f"arranges them back; the paths are those of {config.scan}, in turn."
    )
    return Picture((WIDTH, 2.1), draw, alt, notes)


def _enter(ax: Axes, x: float, from_latent: bool, gap: bool) -> None:
    """The way into a layer: from the latent, or from where the layer before has arranged back."""
    if from_latent:
        arrow(ax, (1.5, 1.95), (x - 0.87, 1.95))
        return
    before = x - 1.1
    if not gap:
        ax.plot([before - 0.25, before, before], [0.65, 0.65, 1.95], color="black", linewidth=0.8)
    else:
        ax.plot([before - 1.05, before - 0.65], [0.65, 0.65], color="black", linewidth=0.8)
        ax.plot([before - 0.1, before], [1.95, 1.95], color="black", linewidth=0.8)
    arrow(ax, (before, 1.95), (x - 0.87, 1.95))


def _below(number: int) -> str:
    """A number as an index."""
    return str(number).translate(INDEX)


def figure_4(config: ZigMaConfig | None = None) -> Picture:
    """Figure 4: one block, a Mamba scan and a cross-attention, each modulated by the condition."""
    config = config or ZigMaConfig(text_width=768)
    mixer = config.mixer if isinstance(config.mixer, MambaSpec) else MambaSpec()
    hidden, inner = config.hidden, mixer.expand * config.hidden
    notes = (
        f"Names and order of the steps as in the code, with the sizes of ZigMa-B: hidden {hidden}, inner width "
        f"{inner}, state N = {mixer.state}; n is the norm of the stream, which the released block adds to the stream.",
    )

    def draw(figure: Figure) -> None:
        ax = _canvas(figure, (0, 14), (0, 6.1))
        _block(ax, hidden)
        _mamba(ax, hidden, inner, mixer)

    alt = (
        "Block diagram. The time and the caption are embedded and give, through adaLN_modulation, shift, scale and "
        "gate for two branches. First branch: norm, modulate, Mamba along the layer's path, times gate, added. "
        "Second: LayerNorm, modulate, cross-attention to the caption's tokens (msa), times gate, added. Inside Mamba: "
        f"in_proj to {2 * inner} channels, split into x and z; x goes through a causal convolution of {mixer.taps} "
        "taps and SiLU along the path, x_proj gives the step size, B and C, the selective scan runs along the path, "
        "its output is gated by SiLU of z, and out_proj gives back the hidden width."
    )
    return Picture((WIDTH, 3.15), draw, alt, notes)


def _block(ax: Axes, hidden: int) -> None:
    rows = [5.35, 4.65, 3.95, 3.25, 2.55, 1.85, 1.15, 0.45]
    words = [
        ("norm → n", PLAIN),
        ("modulate", CONDITION),
        ("mixer: Mamba along Ωᵢ", SCAN),
        ("n + gate · mixer", PLAIN),
        ("LayerNorm, modulate", CONDITION),
        ("msa: cross-attention", TEXT),
        ("+ gate · msa", PLAIN),
        ("stream + branch", PLAIN),
    ]
    steps = [Box(5.6, y, text, colour, 2.6) for y, (text, colour) in zip(rows, words, strict=True)]
    chain(ax, steps)
    ax.text(5.6, 5.98, "stream", ha="center", va="center")
    arrow(ax, (5.6, 5.83), (5.6, 5.57))
    ax.plot([7.0, 7.2, 7.2, 6.95], [5.75, 5.75, 0.45, 0.45], color="black", linewidth=0.8)
    ax.plot([5.6, 7.0], [5.75, 5.75], color="black", linewidth=0.8)
    arrow(ax, (7.2, 0.45), (6.91, 0.45))

    condition = [
        Box(0.95, 5.35, "t_embedder", CONDITION, 1.6),
        Box(0.95, 4.35, "y_embedder", CONDITION, 1.6),
        Box(2.75, 3.75, f"adaLN_modulation\n{hidden} → 6 · {hidden}", CONDITION, 2.1, 0.75),
    ]
    boxes(ax, condition)
    ax.text(0.95, 5.85, "time t", ha="center", va="center")
    ax.text(0.95, 4.75, "caption", ha="center", va="center")
    ax.plot([1.75, 2.9, 2.9], [5.35, 5.35, 4.85], color="black", linewidth=0.8)
    ax.text(2.9, 4.72, "+", ha="center", va="center", fontsize=10)
    ax.plot([1.75, 2.75], [4.35, 4.72], color="black", linewidth=0.8)
    arrow(ax, (2.9, 4.6), (2.9, 4.13))
    ax.text(2.2, 4.78, "mean", fontsize=SMALL, ha="center", va="center", rotation=20)
    for y, branch in ((4.65, "shift, scale"), (3.25, "gate"), (2.55, "shift, scale"), (1.15, "gate")):
        ax.plot([3.8, 4.1, 4.1], [3.75, 3.75, y], color="0.45", linewidth=0.7)
        arrow(ax, (4.1, y), (4.28, y), "0.45")
        ax.text(4.05, y + (0.13 if y > 3.6 else -0.17), branch, fontsize=SMALL, ha="right", color="0.3")
    ax.plot([0.95, 0.95, 4.1], [4.14, 1.85, 1.85], color="#a8602b", linewidth=0.9)
    arrow(ax, (4.1, 1.85), (4.28, 1.85), "#a8602b")
    ax.text(1.0, 1.95, "caption tokens (keys, values)", fontsize=SMALL, color="#7a431b")


def _mamba(ax: Axes, hidden: int, inner: int, mixer: MambaSpec) -> None:
    boxes(ax, [Box(10.925, 3.0, "", "#eef6fc", 5.85, 5.7)])
    ax.text(8.2, 5.62, "mixer", fontsize=SMALL, va="center", color="0.3")
    steps = [
        Box(10.1, 5.2, f"in_proj: {hidden} → 2 · {inner}", width=3.0),
        Box(10.1, 4.4, f"conv1d: {mixer.taps} taps, along Ωᵢ", SCAN, 3.0),
        Box(10.1, 3.6, "SiLU", width=3.0),
        Box(10.1, 2.8, f"x_proj → Δ, B, C  (N = {mixer.state})", width=3.0),
        Box(10.1, 2.0, "selective scan along Ωᵢ", SCAN, 3.0),
        Box(10.1, 1.2, "· SiLU(z)", width=3.0),
        Box(10.1, 0.5, f"out_proj: {inner} → {hidden}", width=3.0),
    ]
    chain(ax, steps)
    ax.text(10.2, 4.8, "x", fontsize=7, va="center")
    ax.plot([11.6, 12.2, 12.2], [5.2, 5.2, 1.2], color="black", linewidth=0.8)
    arrow(ax, (12.2, 1.2), (11.62, 1.2))
    ax.text(12.3, 3.2, "z", fontsize=7)
    inset = ax.inset_axes((12.55, 1.7, 1.1, 1.1), transform=ax.transData)
    draw_path(inset, only(scan_plan("zigzag-1", GRID, 1)), "Ωᵢ")
    ax.plot([6.92, 8.0], [4.12, 5.85], color="0.6", linewidth=0.6, linestyle=":")
    ax.plot([6.92, 8.0], [3.78, 0.15], color="0.6", linewidth=0.6, linestyle=":")


def boxes(ax: Axes, steps: Sequence[Box]) -> None:
    """Draw the boxes with their words."""
    for box in steps:
        corner = (box.x - box.width / 2, box.y - box.height / 2)
        style = "round,pad=0,rounding_size=0.08"
        ax.add_patch(
            FancyBboxPatch(corner, box.width, box.height, boxstyle=style, fc=box.colour, ec="black", lw=0.8)
        )
        ax.text(box.x, box.y, box.words, ha="center", va="center", fontsize=7)


def chain(ax: Axes, steps: Sequence[Box]) -> None:
    """Boxes below each other, with an arrow from each to the next."""
    boxes(ax, steps)
    for above, below in pairwise(steps):
        arrow(ax, (above.x, above.y - above.height / 2), (below.x, below.y + below.height / 2))


def arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], colour: str = "black") -> None:
    """A thin arrow."""
    ax.annotate(
        "",
        end,
        start,
        arrowprops={
            "arrowstyle": "-|>",
            "color": colour,
            "lw": 0.8,
            "shrinkA": 0,
            "shrinkB": 0,
            "mutation_scale": 6,
        },
    )


def _canvas(figure: Figure, xlim: tuple[float, float], ylim: tuple[float, float]) -> Axes:
    ax = figure.subplots()
    ax.set(xlim=xlim, ylim=ylim, aspect="equal")
    ax.set_axis_off()
    return ax

"""Figures 2 and 4 against the modules of the network itself."""

from matplotlib.figure import Figure

from analysis.figures.blocks import figure_2, figure_4
from analysis.figures.picture import Picture


def words_of(picture: Picture) -> str:
    figure = Figure(figsize=picture.size)
    picture.draw(figure)
    return "\n".join(text.get_text() for ax in figure.axes for text in ax.texts)


def test_the_diagram_names_the_modules_of_the_block() -> None:
    from zigma.models import ZigMa

    model = ZigMa(grid=(4, 4), hidden=32, depth=2, scan="zigzag-8", text_width=16)
    words = words_of(figure_4(model.config))
    block = model.blocks[0]
    for name, _ in block.named_children():
        assert name in words, f"Figure 4 lacks the block's {name}"
    for name, _ in block.mixer.named_children():
        assert name in words or name in ("paths", "directions"), f"Figure 4 lacks the mixer's {name}"
    for name, _ in block.mixer.directions[0].named_children():
        # dt_proj: what gives Δ
        assert name in words or name == "dt_proj", f"Figure 4 lacks the scan's {name}"
    linear = block.adaLN_modulation[1]
    assert f"{linear.in_features} → {linear.out_features // 32} · 32" in words
    assert f"in_proj: 32 → 2 · {block.mixer.in_proj.out_features // 2}" in words
    assert f"{block.mixer.directions[0].conv1d.kernel_size[0]} taps" in words
    assert f"N = {block.mixer.directions[0].A_log.shape[1]}" in words


def test_the_network_ends_as_the_model_does() -> None:
    from zigma.models import ZigMa
    from zigma.models.config import ZigMaConfig

    words = words_of(figure_2())
    model = ZigMa(grid=(4, 4), hidden=32, depth=1, scan="sweep-1")
    for name in ("norm_f", "final_layer"):
        assert name in dict(model.named_children())
        assert name in words
    assert ZigMaConfig().depth == 24
    assert "Ω₂₃" in words, "the last layer is shown"

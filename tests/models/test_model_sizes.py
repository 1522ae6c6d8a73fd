"""Table 9."""

from zigma.models import model_sizes
from zigma.models.config import ZigMaConfig


def test_the_released_sizes_have_the_printed_counts() -> None:
    rows = [row for row in model_sizes() if row.preset == "released"]
    assert [(row.name, row.hidden, row.depth) for row in rows if not row.name.startswith("CA")] == [
        ("ZigMa-S", 368, 24),
        ("ZigMa-B", 768, 24),
        ("ZigMa-L", 1024, 48),
        ("ZigMa-XL", 1536, 48),
    ]
    assert [round(row.as_the_paper / 1e6, 1) for row in rows] == [row.printed_millions for row in rows]
    assert all(row.agrees for row in rows)
    # the released class itself, caption projection included
    with_text = [round(row.parameters / 1e6, 2) for row in rows if row.name.startswith("CA")]
    assert with_text == [59.46, 214.72, 725.14, 1550.91]


def test_the_printed_sizes_do_not() -> None:
    rows = [row for row in model_sizes() if row.preset == "printed"]
    assert not any(row.agrees for row in rows)
    assert [round(row.parameters / 1e6, 1) for row in rows][:4] == [17.1, 67.3, 236.9, 349.0]


def test_a_preset_takes_further_fields() -> None:
    config = ZigMaConfig.preset("L", grid=(64, 64), patch=2)
    assert (config.hidden, config.depth, config.token_grid) == (1024, 48, (32, 32))

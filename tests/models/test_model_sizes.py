"""Table 9."""

from zigma.models import model_sizes
from zigma.models.config import ZigMaConfig


def test_the_sizes_as_printed_give_other_counts() -> None:
    rows = [row for row in model_sizes() if row.preset == "printed"]
    assert [round(row.parameters / 1e6, 1) for row in rows][:4] == [17.1, 67.3, 236.9, 349.0]


def test_a_preset_takes_further_fields() -> None:
    config = ZigMaConfig.preset("L", grid=(64, 64), patch=2)
    assert (config.hidden, config.depth, config.token_grid) == (1024, 48, (32, 32))

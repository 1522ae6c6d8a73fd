"""The study against the best possible network."""

import numpy as np

from studies.declare.registry import find_study
from zigma.experiment.config import RunConfig
from zigma.experiment.excess import has_optimum
from zigma.models.config import ZigMaConfig

STUDY = find_study("exact")


def test_settings_differ_in_rows_and_positions_alone() -> None:
    for settings in STUDY.scales.values():
        tokens, columns = set(), set()
        for name, config in settings.items():
            assert isinstance(config, RunConfig)
            assert isinstance(config.model, ZigMaConfig)
            assert has_optimum(config)
            assert config.model.grid == config.data.sides
            assert (config.model.position == "learned") == name.endswith("-positions")
            assert name.startswith(f"rows-{config.model.grid[1]}")
            tokens.add(int(np.prod(config.model.grid)))
            columns.add(config.model.grid[1])
        assert len(tokens) == 1
        assert columns == {8, 16, 32}
        assert len(settings) == 6


def test_every_arm_is_measured_alike() -> None:
    for settings in STUDY.scales.values():
        for config in settings.values():
            assert isinstance(config, RunConfig)
            assert config.evaluation.extractors == ()
            assert config.training.steps % (config.evaluation.every_steps or 0) == 0

"""From a configuration to the data it names."""

from __future__ import annotations

from importlib import import_module

from zigma.data.config import DataConfig
from zigma.data.dataset import Dataset
from zigma.data.names import EMBEDDED, is_own
from zigma.data.own import load_own


def load_data(config: DataConfig) -> Dataset:
    """The data set `config` names, in two parts that do not overlap.

    Raises ValueError, in one line, when the data cannot be had as configured.
    """
    if is_own(config.name):
        return load_own(config)
    module = f"embedded.{EMBEDDED[config.name].module}" if config.name in EMBEDDED else "shards.split"
    dataset: Dataset = import_module(f"zigma.data.{module}").load(config)
    return dataset

"""Networks whose features the metrics compare: one file each, and `load` gives them one interface.

Names are loaded on first use, so that a part of this folder can be imported without the rest.
"""

from typing import TYPE_CHECKING

from zigma.common.lazy import lazy

if TYPE_CHECKING:
    from zigma.metrics.extractors.load import Extractor as Extractor
    from zigma.metrics.extractors.load import load_extractor as load_extractor

__all__ = ["Extractor", "load_extractor"]

__getattr__ = lazy(__name__, {"Extractor": "load", "load_extractor": "load"})

"""Prepared data in WebDataset shards: where they lie, what they hold, and samples of them by index."""

from typing import TYPE_CHECKING

from zigma.common.lazy import lazy

if TYPE_CHECKING:
    from zigma.data.shards.check import check_shards as check_shards
    from zigma.data.shards.split import LATENT_SCALE as LATENT_SCALE
    from zigma.data.shards.split import ShardSplit as ShardSplit
    from zigma.data.shards.split import load as load
    from zigma.data.shards.tar_index import index_shard as index_shard

_HOME = {
    "LATENT_SCALE": "split",
    "ShardSplit": "split",
    "check_shards": "check",
    "index_shard": "tar_index",
    "load": "split",
}
__all__ = list(_HOME)

__getattr__ = lazy(__name__, _HOME)

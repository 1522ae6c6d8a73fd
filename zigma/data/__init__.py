"""Images and videos to learn from: embedded data that needs no download, and shards of prepared data.

Names are loaded on first use, so that `zigma.data.config`, `data_names` and `fingerprint` cost no torch.
"""

from typing import TYPE_CHECKING

from zigma.common.lazy import lazy

if TYPE_CHECKING:
    from zigma.data.config import DataConfig
    from zigma.data.dataset import Batch, Dataset, Split, to_uint8
    from zigma.data.encoders import Autoencoder, TextEncoder
    from zigma.data.fields import field_covariance
    from zigma.data.fingerprints import fingerprint
    from zigma.data.load import load_data
    from zigma.data.names import data_names
    from zigma.data.pictures import save_grid, save_video
    from zigma.data.text import encode_captions
    from zigma.data.weights import autoencoder_folder, autoencoder_identity

_HOME = {
    "Autoencoder": "encoders",
    "Batch": "dataset",
    "DataConfig": "config",
    "Dataset": "dataset",
    "Split": "dataset",
    "TextEncoder": "encoders",
    "autoencoder_folder": "weights",
    "autoencoder_identity": "weights",
    "data_names": "names",
    "encode_captions": "text",
    "field_covariance": "fields",
    "fingerprint": "fingerprints",
    "load_data": "load",
    "save_grid": "pictures",
    "save_video": "pictures",
    "to_uint8": "dataset",
}
__all__ = [
    "Autoencoder",
    "Batch",
    "DataConfig",
    "Dataset",
    "Split",
    "TextEncoder",
    "autoencoder_folder",
    "autoencoder_identity",
    "data_names",
    "encode_captions",
    "field_covariance",
    "fingerprint",
    "load_data",
    "save_grid",
    "save_video",
    "to_uint8",
]

__getattr__ = lazy(__name__, _HOME)

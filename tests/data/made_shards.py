"""Shards as the released project and others write them."""

import io
import json
import tarfile

import numpy as np
from PIL import Image

from zigma.data import DataConfig, load_data


def npy(array, **options):
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def png(array):
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return stream.getvalue()


def write_shard(path, samples):
    """`samples`: key -> suffix -> bytes."""
    with tarfile.open(path, "w") as tar:
        for key, members in samples.items():
            for suffix, data in members.items():
                info = tarfile.TarInfo(f"{key}.{suffix}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))


def celebamm_sample(i, size=16):
    """As config/data/celebamm256.yaml of the released code names the members, in small."""
    rng = np.random.default_rng(i)
    captions = [f"face {i} seen {n} times" for n in range(3)]
    return {
        "image.png": png(rng.integers(0, 256, (size, size, 3), dtype=np.uint8)),
        "caption.json": json.dumps(captions).encode(),
        "caption_clip_feature.npy": npy(
            np.stack([np.full((5, 6), 10 * i + n, np.float32) for n in range(3)])
        ),
        f"img_feature{size}.npy": npy(rng.standard_normal((4, size // 8, size // 8)).astype(np.float16)),
    }


def encoded(kind, level=0):
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), (level, level, level)).save(stream, kind)
    return stream.getvalue()


def pictures(root, count=40, shards=1, **members):
    """`count` grey pictures, and other members that each has."""
    root.mkdir(exist_ok=True)
    per = count // shards
    for shard in range(shards):
        keys = range(shard * per, (shard + 1) * per)
        content = {f"{i:06d}": {"png": encoded("PNG", i % 256), **members} for i in keys}
        write_shard(root / f"train-{shard:06d}.tar", content)
    return root


def load(root, **options):
    return load_data(DataConfig(**({"name": "shards", "size": 16, "root": str(root)} | options)))


def claims(shape, dtype="<f4", body=b""):
    """An array's header that promises this much, whatever follows."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue() + body

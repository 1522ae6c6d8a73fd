"""Folders of pictures as users have them, prepared into shards."""

from PIL import Image

from zigma.data.folders.kept import read_plan
from zigma.data.folders.plan import PrepareRequest
from zigma.data.folders.prepare import prepare


def picture(path, colour=(200, 30, 30), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (16, 16), colour).save(path, **options)


def prepared(source, out, **options):
    return prepare(
        PrepareRequest(str(source), **({"size": 16, "held_out": 0} | options)), out, say=lambda _: None
    )


def samples(out):
    return {sample.file: sample for shard in read_plan(out).shards for sample in shard.samples}

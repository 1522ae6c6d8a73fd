"""The four scales: what every study starts from. A study changes data and sizes; an arm changes one thing.

tiny   a CPU, minutes: real handwritten digits that ship with scikit-learn, and drawn shapes with captions. It shows
       that everything works.
desk   two cores overnight, or minutes of a GPU, trained until the curves are flat: real digits of 8x8 and MNIST,
       Gaussian fields, whose best velocity is known, and drawn shapes with captions. Verdicts come from here and up.
small  one GPU, ten minutes for four arms with three seeds: Gaussian fields, crops of real photographs, drawn shapes,
       moving digits, on 1,024 tokens or more; nothing is downloaded
paper  Table 10 and section 4.1 of the paper, with the source where they disagree

Studies that compare under one setting take it from here, so that a run two tables share has one identity.
"""

from typing import Any

from zigma.data.config import DataConfig, FieldConfig
from zigma.experiment.config import MeasurementConfig, RunConfig
from zigma.interpolant.config import SamplingConfig
from zigma.metrics.config import EvaluationConfig
from zigma.models.config import ZigMaConfig
from zigma.training.config import TrainingConfig


def vary(base: RunConfig, **parts: dict[str, Any]) -> RunConfig:
    """`base` with fields of its parts replaced: `vary(TINY, training={"steps": 100})`."""
    return base.replace(**{part: getattr(base, part).replace(**values) for part, values in parts.items()})


def wholly(config: RunConfig) -> dict[str, Any]:
    """All of a configuration as the changes of an arm, for studies whose arms have nothing in common."""
    return {name: value for name, value in config if name != "seed"}


# 64 tokens and 8 layers: deep enough for each of the eight zigzags to be read once. The network is unconditional,
# while the paper's Table 1 is conditioned on text: what it is told of an image would fill in for what a scan does not
# see. Width, batch, learning rate and schedule were chosen once for all arms of Table 1, by the held-out loss of all of
# them, so that the four end in digits that a person reads and take six minutes of two cores at most.
TINY = RunConfig(
    model=ZigMaConfig(grid=(8, 8), in_channels=1, hidden=32, depth=8),
    data=DataConfig(name="digits", size=8),
    training=TrainingConfig(
        steps=2000,
        batch_images=16,
        learning_rate=8e-3,
        warmup_steps=100,
        ema_rate=0.99,
        schedule="cosine",
    ),
    sampling=SamplingConfig(sampler="heun", steps=15),
    evaluation=EvaluationConfig(extractors=("digits",), n_generated=500, n_real=500, reference="held-out"),
)
# What the other settings of the scale are made of: minutes on more tokens, colour or video. They show that everything
# works, and learn too little for a verdict.
TINY_SHORT = TINY.replace(
    training=TrainingConfig(steps=500, batch_images=32, learning_rate=1e-3, warmup_steps=50, ema_rate=0.98),
    sampling=SamplingConfig(sampler="heun", steps=10),
)
_TRENDS = {"every_steps": 100, "n_on_the_way": 100}  # for Figures 8 and 14
# The same digits at twice the side and four times the tokens, as 512 is to 256: does a gain grow with the resolution?
TINY_LARGE = vary(TINY_SHORT, model={"grid": (16, 16)}, data={"size": 16}, evaluation=_TRENDS)
# 64 tokens of coloured shapes, and captions whose words matter: ten at most.
TINY_SHAPES = vary(
    TINY_SHORT,
    model={"grid": (16, 16), "in_channels": 3, "patch": 2},
    data={"name": "shapes", "size": 16},
    evaluation=_TRENDS,
)
# 64 tokens of real photographs
TINY_PHOTOS = vary(
    TINY_SHORT, model={"grid": (32, 32), "in_channels": 3, "patch": 4}, data={"name": "photos", "size": 32}
)
TINY_TEXT = vary(TINY_SHAPES, model={"text_width": 32, "text_tokens": 10})
# 8 frames of 4x4 tokens: real digits that move
TINY_VIDEO = vary(
    TINY_SHORT,
    model={"grid": (8, 16, 16), "patch": 4},
    data={"name": "moving-digits", "size": 16, "frames": 8},
    training={"batch_images": 8},
    evaluation={"n_generated": 200, "n_real": 200},
)

# 64 tokens of 4,000 real digits, the learning rate brought down to nothing. Steps were chosen by a sweep and eight
# zigzags together, so that the held-out loss of both falls by less than 2 % over the last quarter; the average of the
# weights is short, since a long one still remembers the beginning and falls when the network does not.
DESK = RunConfig(
    model=ZigMaConfig(grid=(16, 16), in_channels=1, hidden=64, depth=8, patch=2),
    data=DataConfig(name="mnist", size=16),
    training=TrainingConfig(
        steps=8000,
        batch_images=16,
        learning_rate=4e-3,
        warmup_steps=200,
        ema_rate=0.99,
        schedule="cosine",
    ),
    sampling=SamplingConfig(sampler="heun", steps=20),
    evaluation=EvaluationConfig(
        extractors=("lite0",),
        n_generated=1000,
        n_real=1000,
        reference="held-out",
        every_steps=1000,
        n_on_the_way=100,
    ),
)
# The digits of 8x8 and the network of `tiny`, trained two and a half times as long: the cheapest way to a verdict.
DESK_SMALL = vary(TINY, training={"steps": 5000}, evaluation={"every_steps": 500, "n_on_the_way": 100})
# Drawn fresh at every step, never an epoch; measured against the best velocity there is, and by no extractor.
DESK_FIELDS = vary(
    DESK,
    data={"name": "fields", "field": FieldConfig(covariances=("exponential",), lengths=(8.0,))},
    evaluation={"extractors": (), "n_generated": 64, "n_real": 1024, "n_on_the_way": 1024},
)
# 64 tokens, about a core-minute a run: room for every curve, strategy and mixer, with several seeds.
DESK_FIELDS_SMALL = vary(
    DESK_FIELDS,
    model={"grid": (8, 8), "patch": 1},
    data={"size": 8, "field": FieldConfig(covariances=("exponential",), lengths=(4.0,))},
    training={"steps": 1000, "batch_images": 8, "warmup_steps": 20, "ema_rate": 0.98},
    sampling={"steps": 10},
    evaluation={"n_generated": 16, "every_steps": 250, "n_on_the_way": 256},
)
DESK_DIGITS = vary(DESK, model={"text_width": 64, "text_tokens": 3})  # the digits' names as captions
# 64 tokens of coloured shapes with captions
DESK_SHAPES = vary(
    DESK,
    model={"in_channels": 3, "text_width": 64, "text_tokens": 10},
    data={"name": "shapes"},
)
# 128 tokens: 8 frames of 4x4
DESK_VIDEO = vary(
    DESK,
    model={"grid": (8, 16, 16), "patch": 4},
    data={"name": "moving-digits", "frames": 8},
    training={"batch_images": 8},
    evaluation={"n_generated": 500, "n_real": 500, "every_steps": None},
)

# 1,024 tokens, as the paper's 256x256 images have in latent space, and the learning rate brought down to nothing. Four
# arms with three seeds should take ten minutes of an H100: by counts of kernels and bytes, not yet by a measurement.
SMALL = RunConfig(
    model=ZigMaConfig(grid=(32, 32), in_channels=3, hidden=128, depth=8),
    data=DataConfig(name="photos", size=32),
    training=TrainingConfig(
        steps=8000,
        batch_images=16,
        learning_rate=1e-3,
        warmup_steps=200,
        ema_rate=0.999,
        precision="bf16",
        schedule="cosine",
    ),
    sampling=SamplingConfig(sampler="heun", steps=20),
    evaluation=EvaluationConfig(
        extractors=("lite0",),
        n_generated=1000,
        n_real=1000,
        reference="held-out",
        every_steps=2000,
        n_on_the_way=250,
    ),
)
# Drawn fresh at every step, and measured against the best velocity there is: what decides claims at this scale
SMALL_FIELDS = vary(
    SMALL,
    model={"in_channels": 1},
    data={"name": "fields", "field": FieldConfig(covariances=("exponential",), lengths=(8.0,))},
    evaluation={"extractors": (), "n_generated": 64, "n_real": 1024, "n_on_the_way": 1024},
)
SMALL_LARGE = vary(SMALL, model={"grid": (64, 64)}, data={"size": 64})  # 4,096 tokens
SMALL_TEXT = vary(SMALL, model={"text_width": 128, "text_tokens": 10}, data={"name": "shapes"})
SMALL_TEXT_LARGE = vary(SMALL_TEXT, model={"grid": (64, 64)}, data={"size": 64})
SMALL_VIDEO = vary(
    SMALL,
    model={"grid": (16, 32, 32), "in_channels": 1, "patch": 2},  # 4,096 tokens, as the paper's videos have
    data={"name": "moving-digits", "frames": 16},
    training={"steps": 4000, "batch_images": 8},
    evaluation={"n_generated": 200, "n_real": 200, "every_steps": None},
)

# The Base network of Table 9 as released (P1), in bfloat16, on the autoencoder's latents.
_PAPER_TRAINING = TrainingConfig(steps=100_000, batch_images=64, precision="bf16")
PAPER = RunConfig(  # MultiModal-CelebA 256 without captions: Tables 2, 5 and 7
    model=ZigMaConfig.preset("B", grid=(32, 32)),
    data=DataConfig(name="celebamm", size=256, view="latents"),
    training=_PAPER_TRAINING,
    sampling=SamplingConfig(sampler="dopri5"),
    evaluation=EvaluationConfig(
        extractors=("inception", "dinov2"),  # FID and KID; FDD
        n_generated=5000,
        n_real=5000,
        reference="train",  # as the released code, whose validation shards are its training shards
        every_steps=10_000,
        n_on_the_way=5000,  # section 8.4
    ),
)
_CLIP = {"text_width": 768, "text_tokens": 77}
PAPER_CELEBA_256 = vary(PAPER, model=_CLIP)  # Tables 1 and 8
PAPER_CELEBA_512 = vary(PAPER_CELEBA_256, model={"grid": (64, 64)}, data={"size": 512})
PAPER_COCO = vary(PAPER_CELEBA_256, data={"name": "coco"}, training={"batch_images": 256})
PAPER_FACESHQ = vary(
    PAPER,
    model={"grid": (128, 128), "patch": 2},
    data={"name": "faceshq", "size": 1024},
    training={"batch_images": 512},
)
PAPER_LANDSCAPES = vary(PAPER_FACESHQ, data={"name": "landscapehq"}, training={"batch_images": 256})
PAPER_VIDEO = vary(
    PAPER,
    model={"grid": (16, 32, 32), "patch": 2, "classes": 101},
    data={"name": "ucf101", "frames": 16},
    training={"batch_images": 32},
    evaluation={
        "extractors": ("inception", "i3d"),  # FID of frames; FVD
        "n_generated": 200,  # section 8.8
        "n_real": 200,
        "every_steps": None,
    },
)

# What the presets at scale `paper` follow where the paper is silent or says two things; `show` prints it.
SIZE_NOTE = (
    "network: ZigMa-B with the released 24 layers of width 768, whose 133.8 M parameters are those printed; "
    "Tables 9 and 10 print 12 layers, which have 67.3 M"
)
DECAY_NOTE = "weight decay: 0, as in Table 10; section 4.1 says 0.01, section 8.8 that 0.01 helps on MS-COCO"
STEPS_NOTE = "steps: 100,000, which section 8.4 says of its own runs and no other place of any other"
CELEBA_NOTE = (
    "batch: 64 on MultiModal-CelebA at 256 as at 512, where Table 10 says 16 GPUs with 4 images each; the paper gives "
    "none for 256, and 4 GPUs (section 4.1) or one (section 8.4)"
)
REAL_NOTE = (
    "real images: of the training part, as in the released code, whose validation shards are its training shards; "
    "--set evaluation.reference=held-out compares with images that were never trained on"
)
PAPER_NOTES = (SIZE_NOTE, DECAY_NOTE, STEPS_NOTE, CELEBA_NOTE, REAL_NOTE)


def measured(grid: tuple[int, ...], scale: str, **fields: Any) -> MeasurementConfig:
    """An untrained network on one batch: small and on the CPU up to `desk`, else ZigMa-B on a GPU in bfloat16."""
    if scale in ("tiny", "desk"):
        return MeasurementConfig(model=ZigMaConfig(grid=grid, hidden=192, depth=12), **fields)
    return MeasurementConfig(
        model=ZigMaConfig.preset("B", grid=grid), device="cuda", precision="bf16", repeats=20, **fields
    )

"""Table 10: the presets of the four data sets themselves (section 8.8)."""

from typing import Any

from studies.declare.scales import (
    DECAY_NOTE,
    PAPER_CELEBA_512,
    PAPER_COCO,
    PAPER_FACESHQ,
    PAPER_VIDEO,
    SIZE_NOTE,
    STEPS_NOTE,
    vary,
)
from studies.declare.study import Arm, Study
from zigma.experiment.config import MeasurementConfig, RunConfig

COLUMNS = (
    "Autoencoder f",
    "Model size",
    "Patch size",
    "Channels",
    "Depth",
    "Batch size/GPU",
    "GPU num",
    "Learning rate",
    "weight decay",
    "EMA rate",
    "Warmup steps",
    "A100-hours",
)


def _arm(name: str, preset: RunConfig, patch: int, batch: int, gpus: int, hours: float) -> Arm:
    printed = (8, 133.8, patch, 768, 12, batch, gpus, 1e-4, 0, 0.9999, 0, hours)
    training: dict[str, Any] = {
        "data": preset.data,
        "training": preset.training,
        "evaluation": preset.evaluation,
    }
    return Arm(
        name, {"model": preset.model}, dict(zip(COLUMNS, printed, strict=True)), at={"training": training}
    )


_PARAMETERS = MeasurementConfig(quantities=("parameters",))

STUDY = Study(
    name="training_setup",
    shows="Table 10",
    title="Hyperparameters of the four data sets",
    arms=(
        _arm("FacesHQ 1024", vary(PAPER_FACESHQ, training={"batch_images": 256}), 2, 8, 32, 768),
        _arm("MS-COCO 256", PAPER_COCO, 1, 8, 32, 768),
        _arm("MultiModal-CelebA 512", PAPER_CELEBA_512, 1, 4, 16, 384),
        _arm(
            "UCF-101",
            vary(PAPER_VIDEO, model={"scan": "video-sst"}, training={"batch_images": 128}),
            2,
            8,
            16,
            384,
        ),
    ),
    scales={
        "tiny": {"parameters": _PARAMETERS},
        "small": {"parameters": _PARAMETERS},
        "paper": {"parameters": _PARAMETERS, "training": PAPER_COCO},
    },
    stands_for={"parameters": "Model size", "training": "A100-hours"},
    notes=(
        SIZE_NOTE,
        DECAY_NOTE,
        STEPS_NOTE,
        "model size: 133.8 M is the network without captions; those of MS-COCO and MultiModal-CelebA read captions by "
        "cross-attention and have 214.7 M with their projection",
        "batch: images a GPU times GPUs, as printed; so FacesHQ has 256 here and 512 in Table 3, and UCF-101's is the "
        "batch x4 of Table 6",
    ),
)

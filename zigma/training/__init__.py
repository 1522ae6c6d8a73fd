"""Training a network so that a resumed run equals an uninterrupted one.

Shapes: B batch, C channels, H and W height and width, M caption tokens. Time: t = 0 is noise, t = 1 is data.
Names are loaded on first use, so that `zigma.training.config` costs no torch.
"""

from typing import TYPE_CHECKING

from zigma.common.lazy import lazy

if TYPE_CHECKING:
    from zigma.training.conditioning import condition as condition
    from zigma.training.conditioning import null_condition as null_condition
    from zigma.training.held_out import held_out_loss as held_out_loss
    from zigma.training.loop import Progress as Progress
    from zigma.training.loop import Trained as Trained
    from zigma.training.loop import train as train
    from zigma.training.step import Questions as Questions
    from zigma.training.step import TrainingStep as TrainingStep
    from zigma.training.step import draw_questions as draw_questions

_HOME = {
    "Progress": "loop",
    "Questions": "step",
    "Trained": "loop",
    "TrainingStep": "step",
    "condition": "conditioning",
    "draw_questions": "step",
    "held_out_loss": "held_out",
    "null_condition": "conditioning",
    "train": "loop",
}
__all__ = list(_HOME)

__getattr__ = lazy(__name__, _HOME)

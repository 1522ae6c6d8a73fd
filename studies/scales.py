"""The three scales: what every study starts from. A study changes data and sizes; an arm changes one thing.

tiny   a CPU, minutes: real handwritten digits that ship with scikit-learn
small  one GPU, under an hour
paper  Table 10 and section 4.1 of the paper, with the source where they disagree
"""

from studies.config import RunConfig
from zigma.data.config import DataConfig
from zigma.interpolant.config import SamplingConfig
from zigma.metrics.config import EvaluationConfig
from zigma.models.config import ZigMaConfig
from zigma.training.config import TrainingConfig

# 64 tokens and 8 layers: deep enough for each of the eight zigzags to be read once. The learning rate is ten times
# the paper's and the memory of the average two hundred times shorter, because a run is as much shorter. The network
# is unconditional, while the paper's Table 1 is conditioned on text: what it is told of an image would fill in for
# what a scan does not see.
TINY = RunConfig(
    model=ZigMaConfig(grid=(8, 8), in_channels=1, hidden=32, depth=8),
    data=DataConfig(name="digits", size=8),
    training=TrainingConfig(steps=500, batch_images=32, learning_rate=1e-3, warmup_steps=50, ema_rate=0.98),
    sampling=SamplingConfig(sampler="heun", steps=10),
    evaluation=EvaluationConfig(extractors=("digits",), n_generated=500, n_real=500, reference="held-out"),
)

"""How the digits extractor was trained.

Trained on the labels of the 1,297 training digits alone; the 500 held-out ones only measure its accuracy.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zigma.metrics.extractors.digits import DigitsNetwork, to_input

EPOCHS, BATCH, LEARNING_RATE, WEIGHT_DECAY = 60, 64, 2e-3, 0.05


def digits_split() -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """scikit-learn's digits as uint8 (n, 1, 8, 8) and classes (n,): 1,297 to train on and 500 held out.

    The split is the one of the `digits` data set, restated here since metrics import no data.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = torch.from_numpy(np.rint(digits.images * (255 / 16)).astype(np.uint8)).unsqueeze(1)
    classes = torch.from_numpy(digits.target).to(torch.int64)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(images)))
    train, held_out = order[:1297], order[1297:]
    return (images[train], classes[train]), (images[held_out], classes[held_out])


def train(images: Tensor, classes: Tensor, *, epochs: int = EPOCHS, seed: int = 0) -> DigitsNetwork:
    """Fit the network to uint8 images (n, C, H, W) and classes (n,), each image moved by up to one pixel."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = DigitsNetwork()
        optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        steps = epochs * -(-len(images) // BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps)
        inputs = to_input(images)
        for _ in range(epochs):
            for batch in torch.randperm(len(inputs)).split(BATCH):
                x = F.pad(inputs[batch], (1, 1, 1, 1))
                top, left = (int(shift) for shift in torch.randint(0, 3, (2,)))
                loss = F.cross_entropy(network(x[..., top : top + 8, left : left + 8])[1], classes[batch])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
        with torch.no_grad():
            network.scale.copy_(network(inputs)[0].square().mean().rsqrt())
    return network.eval()


@torch.no_grad()
def accuracy(network: DigitsNetwork, images: Tensor, classes: Tensor) -> float:
    """The share of uint8 images (n, C, H, W) whose class the network names."""
    return float((network(to_input(images))[1].argmax(1) == classes).float().mean())

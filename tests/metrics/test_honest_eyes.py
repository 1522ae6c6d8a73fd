"""Whether lite0 sees what spoils pictures: on every embedded data set each damage must show far beyond chance.

`python tests/metrics/test_honest_eyes.py` prints the table of numbers.
"""

import pytest
import torch
import torch.nn.functional as F

from zigma.data import DataConfig, load_data, to_uint8
from zigma.data.embedded.images import resize
from zigma.metrics import frechet_distance, kid, load_extractor
from zigma.processor import keep_freed_memory

CONFIGS = {
    "digits-16": DataConfig(name="digits", size=16),
    "digits-28": DataConfig(name="digits", size=28),
    "mnist-28": DataConfig(name="mnist", size=28),
    "photos-32": DataConfig(name="photos", size=32),
    "photos-64": DataConfig(name="photos", size=64),
    "shapes-32": DataConfig(name="shapes", size=32),
    "moving-digits-32": DataConfig(name="moving-digits", size=32, frames=4),
}
FEW = 96
MORE = 192  # of photographs: cut from few pictures that differ much, so that chance does much
SPLITS = 6  # of the real images into two halves: what chance alone does
TIMES = 2  # so far from the mean of chance as its largest excursion is KID, which has no bias; FD beyond all of chance


def noise(images):
    """Normal, of 20 grey levels."""
    generator = torch.Generator().manual_seed(1)
    return images.float() + 20 * torch.randn(images.shape, generator=generator)


def blur(images):
    """Means of 3x3 pixels."""
    padded = F.pad(images.float(), (1, 1, 1, 1), mode="replicate")
    return F.avg_pool2d(padded, 3, stride=1)


def grey(images):
    return images.float().mean(1, keepdim=True).expand_as(images)


def swapped(images):
    """Blue for red."""
    return images.flip(1)


def scale(images):
    """The middle three quarters, enlarged."""
    side = images.shape[-1]
    cut = side // 8
    return resize(images[..., cut : side - cut, cut : side - cut].float(), side)


def faint(images):
    """Half the contrast."""
    return images.float() / 2


DAMAGES = (noise, blur, scale)
OF_COLOUR = (grey, swapped)  # nothing that could happen to a data set of one channel
WITHOUT_COLOUR = (faint,)


def real_images(config, n):
    """uint8 (n, C, H, W) of the training part; of videos, the first frames."""
    images = load_data(config).train.batch(range(n)).images
    if config.frames is not None:
        images = images[:, 0]
    return to_uint8(images)


def measure(extractor, config, n):
    """Damage -> (KID, FD) between n damaged and n other real images, and the same of chance alone, a row a split."""
    real = real_images(config, 2 * n)
    features = extractor_features(extractor, real)
    chance = []
    for split in range(SPLITS):
        order = torch.randperm(2 * n, generator=torch.Generator().manual_seed(split))
        chance.append(distances(features[order[:n]], features[order[n:]]))
    damages = DAMAGES + (OF_COLOUR if real.shape[1] == 3 else WITHOUT_COLOUR)
    damaged = {
        damage.__name__: distances(
            extractor_features(extractor, damage(real[:n]).clamp(0, 255).round().to(torch.uint8)),
            features[n:],
        )
        for damage in damages
    }
    return damaged, chance


def extractor_features(extractor, images):
    return torch.cat([extractor(block) for block in images.split(extractor.batch_images)])


def distances(generated, real):
    """KID and FD. FD is the same in the span of all features, which has fewer dimensions than the features."""
    sides = {"generated": generated, "real": real}
    span = torch.linalg.qr(torch.cat([generated, real]).double().T).Q
    within = {name: features.double() @ span for name, features in sides.items()}
    return kid(**sides, subsets=1), frechet_distance(**within)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", CONFIGS)
def test_lite0_sees_every_damage_on_every_data_set(name):
    keep_freed_memory()  # a third of the time went into giving it back and asking for it again
    n = MORE if CONFIGS[name].name == "photos" else FEW
    damaged, chance = measure(load_extractor("lite0"), CONFIGS[name], n)
    kids, distances = torch.tensor(chance).T
    reach = (kids - kids.mean()).abs().max()
    for damage, (kid_value, fd_value) in damaged.items():
        assert kid_value > kids.mean() + TIMES * reach, f"KID of {damage}: {kid_value}, by chance {kids}"
        assert fd_value > distances.max(), f"FD of {damage}: {fd_value}, by chance {distances}"


def test_digits_would_not_do_for_colour():
    """Why lite0 is needed: the digits' extractor is blind to swapped colours."""
    images = real_images(CONFIGS["photos-32"], 32)
    extractor = load_extractor("digits")
    torch.testing.assert_close(extractor(swapped(images)), extractor(images))


def table(n=240):
    extractor = load_extractor("lite0")
    for name, config in CONFIGS.items():
        damaged, chance = measure(extractor, config, n)
        rows = [
            ("chance, mean", *torch.tensor(chance).mean(0)),
            ("chance, most", *torch.tensor(chance).max(0).values),
        ]
        for damage, kid_value, fd_value in [
            *rows,
            *((damage, *values) for damage, values in damaged.items()),
        ]:
            print(f"{name:18} {damage:14} kid {float(kid_value):8.4f}  fd {float(fd_value):8.2f}", flush=True)


if __name__ == "__main__":
    table()

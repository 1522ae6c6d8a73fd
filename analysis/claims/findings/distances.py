"""P6, R5 and R6: what a Frechet distance does not say by itself."""

from __future__ import annotations

import numpy as np

from analysis.claims.findings.finding import SEED, Fact, Finding


def _p6() -> list[Fact]:
    """Frechet distance of a Gaussian to itself, from n samples on each side, in 64 dimensions."""
    rng = np.random.default_rng(SEED)
    values = {}
    for n in (1_000, 5_000, 50_000):
        a, b = rng.normal(size=(2, n, 64))
        values[n] = _frechet(a, b)
    facts = [
        Fact(
            f"Frechet distance of one law to itself, n = {n:,}",
            f"{value:.4f}",
            "0 for n to infinity",
            value > 0,
        )
        for n, value in values.items()
    ]
    ratio = values[1_000] / values[5_000]
    facts.append(Fact("at n = 1,000 over n = 5,000", f"{ratio:.1f} times", "about 5 times", 3.5 < ratio < 7))
    return facts


def _frechet(a: np.ndarray, b: np.ndarray) -> float:
    from scipy.linalg import eigvals

    covariances = [np.cov(x, rowvar=False) for x in (a, b)]
    root = np.sqrt(np.clip(eigvals(covariances[0] @ covariances[1]).real, 0, None)).sum()
    apart = a.mean(axis=0) - b.mean(axis=0)
    return float(apart @ apart + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * root)


def _r5() -> list[Fact]:
    """Uniform noise has a finite Frechet distance to anything: nothing in the number says that no sample was drawn."""
    rng = np.random.default_rng(SEED)
    data = rng.normal(size=(5_000, 16))
    noise, samples = rng.uniform(size=(2_000, 16)), rng.normal(size=(2_000, 16)) * 1.05
    values = _frechet(noise, data), _frechet(samples, data)
    return [
        Fact(
            "Frechet distance of uniform noise in the samples' place",
            f"{values[0]:.2f}",
            "a number like any other",
            values[0] > 0,
        ),
        Fact("of samples", f"{values[1]:.2f}", "", values[1] < values[0]),
    ]


def _r6() -> list[Fact]:
    """Two references, one name: the same samples against images, and against smoothed ones as a decoder gives."""
    rng = np.random.default_rng(SEED)
    images, samples = rng.normal(size=(2, 5_000, 16))
    values = _frechet(samples, images), _frechet(samples, 0.9 * images)
    mean, std = 0.485, 0.229  # of DINOv2's input, for values in 0 to 1
    white = (255 - mean) / std
    return [
        Fact(
            "the same samples against images, and against reconstructions",
            f"{values[0]:.3f} and {values[1]:.3f}",
            "two numbers",
            values[1] > 1.5 * values[0],
        ),
        Fact(
            "white after FDD's normalisation, without dividing by 255",
            f"{white:.0f}",
            f"{(1 - mean) / std:.2f} as the network was trained",
            white > 100,
        ),
    ]


FINDINGS = (
    Finding(
        name="P6",
        of="the paper",
        says="FID depends on how many images it is computed from",
        here="numbers of two protocols never stand in one cell",
        show=_p6,
    ),
    Finding(
        name="R5",
        of="the released code",
        says="a sampler that fails is replaced by noise, which enters the FID",
        here="a failed run is recorded as failed, without a number",
        show=_r5,
        also="python -m pytest tests/launch/test_main_job.py -k fail",
    ),
    Finding(
        name="R6",
        of="the released code",
        says="two references under one name; FDD and FVD on values in 0 to 255; validation on training shards",
        here="the protocol is part of the record",
        show=_r6,
    ),
)

"""What is wrong in the paper or the released code, each reproduced by computing it again.

`python -m analysis findings` shows them; with `--released DIR`, the lines of the released code as well.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from analysis.claims.counting import dit_multiply_adds, zigma_parameters
from analysis.claims.released import LINES, Line
from analysis.records import key
from studies.declare.registry import find_study
from studies.declare.study import runs
from zigma.models.config import ZIGMA_SIZES
from zigma.scans import locality, scan_order

SEED = 2403_13802
TEXT = 768  # width of the CLIP features


@dataclass(frozen=True)
class Shown:
    """A number or a fact computed again beside what is said of it."""

    what: str
    found: str
    said: str
    agrees: bool  # with the finding


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, and how to see it."""

    name: str  # P1
    of: str  # "the paper" or "the released code"
    says: str
    here: str  # what this project does about it
    show: Callable[[], list[Shown]]
    also: str = ""  # another command that shows it, at greater length

    @property
    def command(self) -> str:
        return f"python -m analysis findings {self.name}"

    @property
    def lines(self) -> tuple[Line, ...]:
        return LINES.get(self.name, ())


@cache
def printed_values() -> dict[tuple[str, str, str], str]:
    """(table, row, column) -> what the paper prints."""
    here = Path(__file__).resolve().parents[2] / "results" / "paper" / "values.csv"
    with here.open(encoding="utf-8") as file:
        return {(row["table"], row["row"], row["column"]): row["value"] for row in csv.DictReader(file)}


def _millions(count: int) -> str:
    return f"{count / 1e6:.1f}"


def _sizes(text: bool) -> list[Shown]:
    found = []
    for size, (hidden, depth) in ZIGMA_SIZES["released"].items():
        row = f"{'CA-' if text else ''}ZigMa-{size}"
        said = printed_values()["9", row, "Parameters (M)"]
        as_printed = (
            int(printed_values()["9", row, "Hidden size"]),
            int(printed_values()["9", row, "Layers"]),
        )
        for name, (width, layers), wanted in (
            ("sizes as released", (hidden, depth), True),
            ("sizes as printed", as_printed, False),
        ):
            count = zigma_parameters(width, layers, text_width=TEXT if text else None, projection=False)
            found.append(
                Shown(
                    f"{row}, {name}: hidden {width}, layers {layers}",
                    f"{_millions(count)} M",
                    f"{said} M",
                    (_millions(count) == said) is wanted,
                )
            )
    return found


def _p2() -> list[Shown]:
    found = [shown for shown in _sizes(text=True) if "released" in shown.what]
    for size, (hidden, depth) in ZIGMA_SIZES["released"].items():
        whole = zigma_parameters(hidden, depth, text_width=TEXT)
        said = printed_values()["9", f"CA-ZigMa-{size}", "Parameters (M)"]
        found.append(
            Shown(
                f"CA-ZigMa-{size} with its caption projection",
                f"{whole / 1e6:.2f} M",
                f"{said} M",
                _millions(whole) != said,
            )
        )
    return found


def _p3() -> list[Shown]:
    said = printed_values()["5", "DiT", "FLOPS (G)"]
    found = []
    for name, attention in (("without attention's products, as fvcore counts", False), ("with them", True)):
        count = dit_multiply_adds(384, 12, tokens=256, patch_values=16, channels_out=16, attention=attention)
        agrees = (f"{count / 1e9:.1f}" == said) is not attention
        found.append(
            Shown(f"DiT-S/2 at 4x32x32, multiply-adds {name}", f"{count / 1e9:.2f} G", f"{said} G", agrees)
        )
    return found


# (study, arm), then where the paper prints it: (table, row, column)
_SAME = (
    (
        (("scan_ablation", "zigzag-8"), ("1", "Zigzag-8", "256 FID")),
        (("conditioning", "cross-attention"), ("8", "Cross-Attention", "FID")),
    ),
    (
        (("position_embedding", "ZigMa none"), ("2", "ZigMa", "No PE FID")),
        (("transformers", "ZigMa"), ("5", "ZigMa", "FID")),
    ),
    (
        (("position_embedding", "ZigMa learned"), ("2", "ZigMa", "Learnable PE FID")),
        (("hilbert", "zigzag-8"), ("7", "zigzag-8", "FID")),
    ),
)


def _p4() -> list[Shown]:
    found = []
    for (one, here), (other, there) in _SAME:
        a, b = printed_values()[here], printed_values()[there]
        places = f"Table {here[0]} {here[1]} {here[2]} and Table {there[0]} {there[1]}"
        found.append(Shown(places, f"{a} and {b}", "one run", float(a) == float(b)))
        keys = [_key(study, arm) for study, arm in (one, other)]
        same = keys[0] == keys[1]
        found.append(
            Shown(
                f"declared here: {' '.join(one)} and {' '.join(other)}",
                "one configuration" if same else "two",
                "one run",
                same,
            )
        )
    return found


def _key(study: str, arm: str) -> str:
    wanted = [r for r in runs(find_study(study), "paper") if r.arm == arm and r.setting == "celebamm-256"]
    return key(wanted[0].config.model_dump(mode="json"))


def _p5() -> list[Shown]:
    printed = printed_values()
    batch = int(printed["10", "Batch size/GPU", "FacesHQ 1024"]) * int(
        printed["10", "GPU num", "FacesHQ 1024"]
    )
    decay = printed["10", "weight decay", "FacesHQ 1024"]
    tokens = (int(printed["10", "z-shape", "FacesHQ 1024"].split("x")[1]) // 2) ** 2
    return [
        Shown("weight decay: Table 10, and section 4.1", decay, "0.01", float(decay) != 0.01),
        Shown(
            "tokens of 128x128 latents at patch 2, and Table 3's caption", str(tokens), "4094", tokens != 4094
        ),
        Shown("FacesHQ: Table 10's images per step, and Table 3's bs", str(batch), "512", batch != 512),
        Shown(
            "GPUs: Table 10 for FacesHQ, and sections 4.1, 4.3",
            printed["10", "GPU num", "FacesHQ 1024"],
            "4; 16",
            printed["10", "GPU num", "FacesHQ 1024"] not in ("4", "16"),
        ),
    ]


def _p6() -> list[Shown]:
    """Frechet distance of a Gaussian to itself, from n samples on each side, in 64 dimensions."""
    rng = np.random.default_rng(SEED)
    values = {}
    for n in (1_000, 5_000, 50_000):
        a, b = rng.normal(size=(2, n, 64))
        values[n] = _frechet(a, b)
    found = [
        Shown(
            f"Frechet distance of one law to itself, n = {n:,}",
            f"{value:.4f}",
            "0 for n to infinity",
            value > 0,
        )
        for n, value in values.items()
    ]
    ratio = values[1_000] / values[5_000]
    found.append(Shown("at n = 1,000 over n = 5,000", f"{ratio:.1f} times", "about 5 times", 3.5 < ratio < 7))
    return found


def _frechet(a: np.ndarray, b: np.ndarray) -> float:
    from scipy.linalg import eigvals

    covariances = [np.cov(x, rowvar=False) for x in (a, b)]
    root = np.sqrt(np.clip(eigvals(covariances[0] @ covariances[1]).real, 0, None)).sum()
    apart = a.mean(axis=0) - b.mean(axis=0)
    return float(apart @ apart + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * root)


def _r1() -> list[Shown]:
    grid = (16, 16)
    orders = {
        name: [scan_order(name, grid, variant=v) for v in range(8)]
        for name in ("hilbert", "hilbert-released")
    }
    inverses = [np.argsort(order) for order in orders["hilbert"]]
    same = all(any(np.array_equal(o, inverse) for inverse in inverses) for o in orders["hilbert-released"])
    found = [
        Shown(
            "the released variants are inverse permutations of Hilbert curves",
            str(same).lower(),
            "true",
            same,
        )
    ]
    for name, said in (("hilbert", "100%, 1, 1"), ("hilbert-released", "47%, 4.3 to 5.0, 27")):
        measures = [locality(order, grid) for order in orders[name]]
        near = [m["unit_steps"] for m in measures]
        means = sorted({round(m["step_mean"], 1) for m in measures})
        longest = max(m["step_max"] for m in measures)
        shown = f"{np.mean(near):.0%}, {' to '.join(f'{x:g}' for x in sorted({means[0], means[-1]}))}, {longest:.0f}"
        agrees = min(near) == 1.0 if name == "hilbert" else max(near) < 0.5
        found.append(
            Shown(f"{name}, 16x16, eight variants: steps to a neighbour, mean, longest", shown, said, agrees)
        )
    return found


def _r2() -> list[Shown]:
    forward = np.arange(16)
    backward = forward[::-1]
    found = []
    for name, inverses in (("as released", (backward, forward)), ("each its own", (forward, backward))):
        restored = [
            np.array_equal(order[inverse], forward)
            for order, inverse in zip((forward, backward), inverses, strict=True)
        ]
        found.append(
            Shown(
                f"16 frames scanned and put back, inverses {name}: in their places",
                str(all(restored)).lower(),
                "false" if name == "as released" else "true",
                all(restored) == (name != "as released"),
            )
        )
    return found


def _r3() -> list[Shown]:
    from zigma.scans import scan_plan

    plans = {"parallel-8": 8, "sweep-1": 1, "bidirectional": 2}
    return [
        Shown(
            f"declared here: plan {name} scans a layer along",
            f"{len(getattr(scan_plan(name, (4, 4), 1)[0], 'scans', (None,)))} orders",
            f"{count} orders",
            len(getattr(scan_plan(name, (4, 4), 1)[0], "scans", (None,))) == count,
        )
        for name, count in plans.items()
    ]


def _r4() -> list[Shown]:
    """One step of gradient descent with a gradient of norm 1000 and a limit of 2 (section 4.1)."""
    before, after = _step_length(("clip", "step")), _step_length(("step", "clip"))
    return [
        Shown("step with a gradient of norm 1000, clipped at 2 before it", f"{before:g}", "2", before == 2.0),
        Shown(
            "the same, clipped after it, as released", f"{after:g}", "1000: it never acts", after == 1000.0
        ),
    ]


def _step_length(does: tuple[str, ...], limit: float = 2.0) -> float:
    weights, gradient = np.zeros(4), np.full(4, 500.0)
    for word in does:
        if word == "clip":
            gradient *= min(1.0, limit / float(np.linalg.norm(gradient)))
        else:
            weights -= gradient
    return float(np.linalg.norm(weights))


def _r5() -> list[Shown]:
    """Uniform noise has a finite Frechet distance to anything: nothing in the number says that no sample was drawn."""
    rng = np.random.default_rng(SEED)
    data = rng.normal(size=(5_000, 16))
    noise, samples = rng.uniform(size=(2_000, 16)), rng.normal(size=(2_000, 16)) * 1.05
    values = _frechet(noise, data), _frechet(samples, data)
    return [
        Shown(
            "Frechet distance of uniform noise in the samples' place",
            f"{values[0]:.2f}",
            "a number like any other",
            values[0] > 0,
        ),
        Shown("of samples", f"{values[1]:.2f}", "", values[1] < values[0]),
    ]


def _r6() -> list[Shown]:
    """Two references, one name: the same samples against images, and against smoothed ones as a decoder gives."""
    rng = np.random.default_rng(SEED)
    images, samples = rng.normal(size=(2, 5_000, 16))
    values = _frechet(samples, images), _frechet(samples, 0.9 * images)
    mean, std = 0.485, 0.229  # of DINOv2's input, for values in 0 to 1
    white = (255 - mean) / std
    return [
        Shown(
            "the same samples against images, and against reconstructions",
            f"{values[0]:.3f} and {values[1]:.3f}",
            "two numbers",
            values[1] > 1.5 * values[0],
        ),
        Shown(
            "white after FDD's normalisation, without dividing by 255",
            f"{white:.0f}",
            f"{(1 - mean) / std:.2f} as the network was trained",
            white > 100,
        ),
    ]


FINDINGS = (
    Finding(
        name="P1",
        of="the paper",
        says="Table 9's layers and hidden sizes do not give its parameter counts",
        here="two presets, released and printed",
        show=lambda: _sizes(text=False),
        also="python -m studies run model_sizes && python -m analysis make-tables model_sizes",
    ),
    Finding(
        name="P2",
        of="the paper",
        says="Table 9's counts with cross-attention leave out the projection of the captions",
        here="both counts are recorded",
        show=_p2,
        also="python -m pytest tests/models/test_model_sizes.py",
    ),
    Finding(
        name="P3",
        of="the paper",
        says="Table 5's FLOPs count multiply-adds, and attention's products as nothing",
        here="two counts per model",
        show=_p3,
        also="python -m studies run transformers --setting s2-32x32 && python -m analysis make-tables transformers",
    ),
    Finding(
        name="P4",
        of="the paper",
        says="cells of Tables 1 and 8, 2 and 5, 2 and 7 are one run each",
        here="a run is identified by its configuration, and run once",
        show=_p4,
    ),
    Finding(
        name="P5",
        of="the paper",
        says="text, captions and Table 10 disagree on decay, tokens, batch and GPUs",
        here="presets follow Table 10 and say so",
        show=_p5,
        also="python -m studies show training_setup",
    ),
    Finding(
        name="P6",
        of="the paper",
        says="FID depends on how many images it is computed from",
        here="numbers of two protocols never stand in one cell",
        show=_p6,
    ),
    Finding(
        name="R1",
        of="the released code",
        says="the Hilbert scan reads the inverse permutation of the Hilbert curve",
        here="both are studied: hilbert and hilbert-released",
        show=_r1,
        also="python -m analysis compare-scans hilbert hilbert-released --grid 16x16",
    ),
    Finding(
        name="R2",
        of="the released code",
        says="the video model cannot start, and its inverses in time are swapped",
        here="video is built from the text; orders are inverted by computing",
        show=_r2,
        also="python -m analysis compare-scans video-sst --grid 4x8x8",
    ),
    Finding(
        name="R3",
        of="the released code",
        says="parallel scans have parameters but no forward pass; a single sweep cannot be chosen",
        here="built from the text",
        show=_r3,
        also="python -m analysis compare-scans parallel-8 sweep-1 bidirectional --grid 8x8",
    ),
    Finding(
        name="R4",
        of="the released code",
        says="gradients are clipped after the optimiser's step",
        here="clipped before it",
        show=_r4,
        also="python -m pytest tests/training/test_loop.py -k clip",
    ),
    Finding(
        name="R5",
        of="the released code",
        says="a sampler that fails is replaced by noise, which enters the FID",
        here="a failed run is recorded as failed, without a number",
        show=_r5,
        also="python -m pytest tests/studies/test_main_job.py -k fail",
    ),
    Finding(
        name="R6",
        of="the released code",
        says="two references under one name; FDD and FVD on values in 0 to 255; validation on training shards",
        here="the protocol is part of the record",
        show=_r6,
    ),
)


def find(names: Iterable[str]) -> list[Finding]:
    """The findings of those names, all where there is none.

    Raises:
        WordError: an unknown name.
    """
    from zigma.common.words import unknown

    known = {finding.name: finding for finding in FINDINGS}
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if name not in known:
            raise unknown("finding", name, known)
    return [known[name] for name in wanted] or list(FINDINGS)

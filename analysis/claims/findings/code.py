"""R1 to R4: what the released code computes, and what it should."""

from __future__ import annotations

import numpy as np

from analysis.claims.findings.finding import Fact, Finding
from zigma.scans import locality, scan_order, scan_plan


def _r1() -> list[Fact]:
    grid = (16, 16)
    orders = {
        name: [scan_order(name, grid, variant=v) for v in range(8)]
        for name in ("hilbert", "hilbert-released")
    }
    inverses = [np.argsort(order) for order in orders["hilbert"]]
    same = all(any(np.array_equal(o, inverse) for inverse in inverses) for o in orders["hilbert-released"])
    facts = [
        Fact(
            "the released variants are inverse permutations of Hilbert curves",
            str(same).lower(),
            "true",
            same,
        )
    ]
    for name, stated in (("hilbert", "100%, 1, 1"), ("hilbert-released", "47%, 4.3 to 5.0, 27")):
        measures = [locality(order, grid) for order in orders[name]]
        near = [m["unit_steps"] for m in measures]
        means = sorted({round(m["step_mean"], 1) for m in measures})
        longest = max(m["step_max"] for m in measures)
        shown = f"{np.mean(near):.0%}, {' to '.join(f'{x:g}' for x in sorted({means[0], means[-1]}))}, {longest:.0f}"
        agrees = min(near) == 1.0 if name == "hilbert" else max(near) < 0.5
        facts.append(
            Fact(f"{name}, 16x16, eight variants: steps to a neighbour, mean, longest", shown, stated, agrees)
        )
    return facts


def _r2() -> list[Fact]:
    forward = np.arange(16)
    backward = forward[::-1]
    facts = []
    for name, inverses in (("as released", (backward, forward)), ("each its own", (forward, backward))):
        restored = [
            np.array_equal(order[inverse], forward)
            for order, inverse in zip((forward, backward), inverses, strict=True)
        ]
        facts.append(
            Fact(
                f"16 frames scanned and put back, inverses {name}: in their places",
                str(all(restored)).lower(),
                "false" if name == "as released" else "true",
                all(restored) == (name != "as released"),
            )
        )
    return facts


def _r3() -> list[Fact]:
    plans = {"parallel-8": 8, "sweep-1": 1, "bidirectional": 2}
    return [
        Fact(
            f"declared here: plan {name} scans a layer along",
            f"{len(getattr(scan_plan(name, (4, 4), 1)[0], 'scans', (None,)))} orders",
            f"{count} orders",
            len(getattr(scan_plan(name, (4, 4), 1)[0], "scans", (None,))) == count,
        )
        for name, count in plans.items()
    ]


def _r4() -> list[Fact]:
    """One step of gradient descent with a gradient of norm 1000 and a limit of 2 (section 4.1)."""
    before, after = _step_length(("clip", "step")), _step_length(("step", "clip"))
    return [
        Fact("step with a gradient of norm 1000, clipped at 2 before it", f"{before:g}", "2", before == 2.0),
        Fact("the same, clipped after it, as released", f"{after:g}", "1000: it never acts", after == 1000.0),
    ]


def _step_length(does: tuple[str, ...], limit: float = 2.0) -> float:
    weights, gradient = np.zeros(4), np.full(4, 500.0)
    for word in does:
        if word == "clip":
            gradient *= min(1.0, limit / float(np.linalg.norm(gradient)))
        else:
            weights -= gradient
    return float(np.linalg.norm(weights))


FINDINGS = (
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
        in_code_alone=True,
    ),
    Finding(
        name="R4",
        of="the released code",
        says="gradients are clipped after the optimiser's step",
        here="clipped before it",
        show=_r4,
        also="python -m pytest tests/training/test_loop.py -k clip",
    ),
)

"""P1 to P3: the paper's counts of parameters and operations, computed again in closed form."""

from __future__ import annotations

from analysis.claims.findings.counting import dit_multiply_adds, zigma_parameters
from analysis.claims.findings.finding import Fact, Finding, printed_values
from zigma.models.config import ZIGMA_SIZES

TEXT = 768  # width of the CLIP features


def _millions(count: int) -> str:
    return f"{count / 1e6:.1f}"


def _sizes(text: bool) -> list[Fact]:
    facts = []
    for size, (hidden, depth) in ZIGMA_SIZES["released"].items():
        row = f"{'CA-' if text else ''}ZigMa-{size}"
        stated, *sizes = (printed_values()["9", row, c] for c in ("Parameters (M)", "Hidden size", "Layers"))
        printed_hidden, printed_depth = map(int, sizes)
        for name, width, layers, fits in (
            ("sizes as released", hidden, depth, True),
            ("sizes as printed", printed_hidden, printed_depth, False),
        ):
            count = zigma_parameters(width, layers, text_width=TEXT if text else None, projection=False)
            what = f"{row}, {name}: hidden {width}, layers {layers}"
            agrees = (_millions(count) == stated) is fits
            facts.append(Fact(what, f"{_millions(count)} M", f"{stated} M", agrees))
    return facts


def _p2() -> list[Fact]:
    facts = [fact for fact in _sizes(text=True) if "released" in fact.what]
    for size, (hidden, depth) in ZIGMA_SIZES["released"].items():
        whole = zigma_parameters(hidden, depth, text_width=TEXT)
        stated = printed_values()["9", f"CA-ZigMa-{size}", "Parameters (M)"]
        what = f"CA-ZigMa-{size} with its caption projection"
        facts.append(Fact(what, f"{whole / 1e6:.2f} M", f"{stated} M", _millions(whole) != stated))
    return facts


def _p3() -> list[Fact]:
    stated = printed_values()["5", "DiT", "FLOPS (G)"]
    facts = []
    for name, attention in (("without attention's products, as fvcore counts", False), ("with them", True)):
        count = dit_multiply_adds(384, 12, tokens=256, patch_values=16, channels_out=16, attention=attention)
        agrees = (f"{count / 1e9:.1f}" == stated) is not attention
        facts.append(
            Fact(f"DiT-S/2 at 4x32x32, multiply-adds {name}", f"{count / 1e9:.2f} G", f"{stated} G", agrees)
        )
    return facts


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
)

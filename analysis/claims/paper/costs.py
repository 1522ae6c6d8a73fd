"""Time, memory and operations: Table 5, Figures 6, 7 and 13, Eqs. 4 to 6."""

from analysis.claims.claim import Claim
from analysis.claims.growth import GrowsApart, PowerLaw
from analysis.claims.kinds import Alike, NoWorse, Order

CLAIMS = (
    Claim(
        "patches-buy-speed",
        "FPS v.s. Patch Size",
        "section 8.5, Figure 13",
        "larger patches are faster",
        (Order("patch_size", ("patch-8", "patch-4", "patch-2", "patch-1"), "latency_ms"),),
    ),
    Claim(
        "speed-grows-apart",
        "our method achieves the best FPS and GPU utilization when gradually increasing the patching number",
        "section 4.2, Figure 6 a and b",
        "time and memory of DiT and U-ViT over those of ZigMa grow with the number of tokens",
        tuple(
            GrowsApart("complexity", "ZigMa", other, metric)
            for metric in ("latency_ms", "peak_memory_mib")
            for other in ("DiT", "U-ViT")
        ),
    ),
    Claim(
        "cost-is-linear",
        "zigzag share linear complexity with respect to self-attention",
        "section 3.2, Eqs. 4 to 6",
        "ZigMa's operations and time grow as the number of tokens, DiT's faster",
        (
            PowerLaw("complexity", "ZigMa", "flops"),
            PowerLaw("complexity", "ZigMa", "latency_ms"),
            GrowsApart("complexity", "ZigMa", "DiT", "flops"),
        ),
    ),
    Claim(
        "order-receptive-field-is-free",
        "consistently maintains its GPU memory consumption and FPS rate, even with a gradually increasing Order "
        "Receptive Field",
        "section 4.2, Figures 6 c and d, and 7",
        "k orders over the layers cost the same time, memory and parameters for every k, to within 5 %",
        tuple(
            Alike("order_receptive_field", tuple(f"zigzag-{k}" for k in (1, 2, 4, 8)), metric)
            for metric in ("latency_ms", "peak_memory_mib", "parameters")
        ),
    ),
    Claim(
        "parallel-scans-are-not-free",
        "experience a consistent decrease in FPS due to increased parameters",
        "section 4.2, Figures 6 c and d, and 7",
        "k scans in every layer cost more time and parameters the larger k is",
        tuple(
            Order("order_receptive_field", tuple(f"parallel-{k}" for k in (1, 2, 4, 8)), metric)
            for metric in ("latency_ms", "parameters")
        ),
    ),
    Claim(
        "as-good-as-transformers",
        "performance comparable to Transformer-based methods, with significantly less memory consumption and fewer "
        "FLOPS",
        "section 4.2, Table 5",
        "ZigMa is at most 5 % worse than DiT and U-ViT, with less memory on a GPU and fewer FLOPs as the paper counts",
        (
            NoWorse("transformers", ("ZigMa", "DiT")),
            NoWorse("transformers", ("ZigMa", "U-ViT")),
            *(
                Order("transformers", ("ZigMa", other), metric)
                for metric in ("peak_memory_mib", "flops_as_paper")
                for other in ("DiT", "U-ViT")
            ),
        ),
    ),
)

"""Captions, patches, batch and loss: Tables 3, 6 and 8, Figures 13 and 14."""

from analysis.claims.claim import Claim
from analysis.claims.growth import SameOrder
from analysis.claims.kinds import Order

PATCHES = tuple(f"patch-{n}" for n in (1, 2, 4, 8))
CLAIMS = (
    Claim(
        "cross-attention-beats-in-context",
        "in-context attention performs worse than our cross-attention",
        "section 8.5, Table 8",
        "captions by cross-attention are better than captions among the tokens",
        (Order("conditioning", ("cross-attention", "in-context")),),
    ),
    Claim(
        "smaller-patches-are-better",
        "the FID deteriorates as the patch size increases",
        "section 8.5, Figure 13",
        "patches of 1, 2, 4, 8 get worse in this order",
        (Order("patch_size", PATCHES),),
    ),
    Claim(
        "larger-batch-helps",
        "can achieve even better results when the training scale is increased",
        "section 4.3, Tables 3 and 6",
        "twice the batch is better on images, four times on videos",
        (
            Order("faceshq", ("ZigMa batch x2", "ZigMa")),
            Order("video_scan", ("sst batch x4", "sst")),
            Order("video_scan", ("bidirectional batch x4", "bidirectional")),
        ),
    ),
    Claim(
        "loss-and-fid-agree",
        "The loss and FID show the same trend",
        "section 8.5, Figure 14",
        "held-out loss and distance of the samples rank the arms alike",
        tuple(SameOrder(study) for study in ("scan_ablation", "hilbert", "training_trends")),
    ),
)

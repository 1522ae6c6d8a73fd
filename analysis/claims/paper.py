"""What the paper claims, each as a short quotation and the statements that it makes of recorded numbers.

Margins and exponents are declared here, before any record is looked at.
"""

from __future__ import annotations

import math

from analysis.claims.claim import Claim
from analysis.claims.statements import (
    Alike,
    Better,
    GainGrows,
    SameOrder,
    Scaling,
    SmallerEffect,
    Trend,
    chain,
)

FREE = (-0.05, 0.05)  # exponent of a cost that stays: eight times the paths, at most 11 % more or less
WORSE = (FREE[1], math.inf)  # of a cost that grows: by more than that
BETTER = (-math.inf, FREE[0])  # of one that falls
LINEAR = (0.9, 1.1)
ORDERS = tuple((f"zigzag-{k}", float(k)) for k in (1, 2, 4, 8))
PARALLEL = tuple((f"parallel-{k}", float(k)) for k in (1, 2, 4, 8))
GROUPS = tuple((f"groups of {n}x{n}", float(n)) for n in (2, 4, 8, 16))
PATCHES = tuple((f"patch-{n}", float(n)) for n in (1, 2, 4, 8))

CLAIMS = (
    Claim(
        "more-schemes-help",
        "as we increased the zigzag scheme from 1 to 8, we saw consistent gains",
        "section 4.2, Table 1",
        "eight zigzags are better than two, two than one",
        chain("scan_ablation", "zigzag-8", "zigzag-2", "zigzag-1"),
    ),
    Claim(
        "more-schemes-help-with-captions",
        "ZigMa with 8 scans performs much better compared with the baseline",
        "section 4.3, Table 4",
        "on captioned data eight zigzags are better than one, and one than a sweep",
        chain("coco", "zigzag-8", "zigzag-1", "sweep"),
    ),
    Claim(
        "zigzag-beats-sweep",
        "switching the scanning scheme from sweep to zigzag led to some gains",
        "section 4.2, Table 1",
        "one zigzag is better than a sweep",
        (Better("scan_ablation", "zigzag-1", "sweep"),),
    ),
    Claim(
        "more-schemes-help-at-other-sizes",
        "as we increased the zigzag scheme from 1 to 8, we saw consistent gains",
        "section 4.2, Table 1",
        "beyond the paper: so they are after longer training, in a wider or deeper network, and on photographs",
        chain("proxy", "zigzag-8", "zigzag-2", "zigzag-1"),
    ),
    Claim(
        "zigzag-beats-sweep-at-other-sizes",
        "switching the scanning scheme from sweep to zigzag led to some gains",
        "section 4.2, Table 1",
        "beyond the paper: one zigzag is better than a sweep in those as well",
        (Better("proxy", "zigzag-1", "sweep"),),
    ),
    Claim(
        "gain-grows-with-resolution",
        "the relative gain between Zigzag-1 and Zigzag-8 is more prominent at higher resolutions",
        "section 4.2, Table 1",
        "eight zigzags gain more over one where there are four times the tokens",
        (
            GainGrows(
                "scan_ablation",
                "zigzag-8",
                "zigzag-1",
                (("digits-8", "digits-16"), ("shapes-32", "shapes-64"), ("celebamm-256", "celebamm-512")),
                ("256", "512"),
            ),
        ),
    ),
    Claim(
        "learned-beats-cosine-beats-none",
        "the learnable embedding performs better than the Sinusoidal embedding, which in turn performs better than "
        "no position embedding",
        "section 4.2, Table 2",
        "for VisionMamba and ZigMa alike: learned, then cosine, then none",
        (
            *chain("position_embedding", "VisionMamba learned", "VisionMamba cosine", "VisionMamba none"),
            *chain("position_embedding", "ZigMa learned", "ZigMa cosine", "ZigMa none"),
        ),
    ),
    Claim(
        "zigma-hardly-needs-positions",
        "our performance remains almost unchanged whether we use the Sinusoidal position embedding or no position "
        "embedding",
        "section 4.2, Table 2",
        "cosine changes ZigMa by less than 5 %, and less than it changes VisionMamba",
        (
            Alike("position_embedding", "ZigMa cosine", "ZigMa none"),
            SmallerEffect(
                "position_embedding",
                ("ZigMa none", "ZigMa cosine"),
                ("VisionMamba none", "VisionMamba cosine"),
            ),
        ),
    ),
    Claim(
        "zigma-beats-visionmamba-images",
        "our method demonstrates superior results compared to Bidirectional Mamba",
        "section 4.3, Tables 2 and 3",
        "on images, with and without position embeddings, ZigMa is better than VisionMamba",
        (
            Better("faceshq", "ZigMa", "VisionMamba"),
            *(
                Better("position_embedding", f"ZigMa {position}", f"VisionMamba {position}")
                for position in ("none", "cosine", "learned")
            ),
        ),
    ),
    Claim(
        "zigma-beats-visionmamba-captions",
        "our Zigzag-8 method outperforms Bidirectional Mamba as well as Zigzag-1",
        "section 4.3, Table 4",
        "on captioned data eight zigzags are better than VisionMamba",
        (Better("coco", "zigzag-8", "bidirectional"),),
    ),
    Claim(
        "zigma-beats-visionmamba-video",
        "consistently demonstrate the superior performance of our method across various scenarios",
        "section 4.3, Table 6",
        "on videos sst is better than VisionMamba, with either batch",
        (
            Better("video_scan", "sst", "bidirectional"),
            Better("video_scan", "sst batch x4", "bidirectional batch x4"),
        ),
    ),
    Claim(
        "factorised-beats-3d",
        "we empirically find that this scheme will lead to suboptimal optimization",
        "section 3.2, Table 6",
        "factorised sst is better than the 3D zigzag, and that than VisionMamba",
        chain("video_scan", "sst", "zigzag-3d", "bidirectional"),
    ),
    Claim(
        "cross-attention-beats-in-context",
        "in-context attention performs worse than our cross-attention",
        "section 8.5, Table 8",
        "captions by cross-attention are better than captions among the tokens",
        (Better("conditioning", "cross-attention", "in-context"),),
    ),
    Claim(
        "hilbert-is-hard",
        "the performance of the Hilbert scan path drops significantly, even if we decrease the Order of Receptive "
        "Field",
        "section 8.4, Table 7",
        "with the true Hilbert curve: zigzags are better, with two schemes as with eight",
        (Better("hilbert", "zigzag-2", "hilbert-2"), Better("hilbert", "zigzag-8", "hilbert-8")),
    ),
    Claim(
        "hilbert-released-is-hard",
        "the Hilbert scan path is difficult to optimize",
        "section 8.4, Table 7",
        "with the released code's Hilbert, the inverse of the curve: zigzags are better",
        (
            Better("hilbert", "zigzag-2", "hilbert-released-2"),
            Better("hilbert", "zigzag-8", "hilbert-released-8"),
        ),
    ),
    Claim(
        "hilbert-is-not-the-released",
        "the Hilbert scan path is difficult to optimize",
        "section 8.4, Table 7",
        "beyond the paper: the true curve is better than the inverse that the released code scans",
        (
            Better("hilbert", "hilbert-2", "hilbert-released-2"),
            Better("hilbert", "hilbert-8", "hilbert-released-8"),
        ),
    ),
    Claim(
        "structure-over-locality",
        "structure may hold greater significance than locality in generative tasks",
        "section 8.4, Table 7",
        "the true Hilbert curve, most local of all, is no better than a sweep",
        (Better("hilbert", "sweep", "hilbert-8"),),
    ),
    Claim(
        "spatial-continuity-is-critical",
        "spatial continuity is a critical requirement when applying Mamba in 2D sequences",
        "section 8.2, Figure 11",
        "larger groups of neighbours are better, and all are better than shuffled patches",
        (
            Trend("spatial_continuity", GROUPS, "the size of the groups", BETTER),
            Better("spatial_continuity", "zigzag-8", "random"),
            Better("spatial_continuity", "groups of 2x2", "random"),
        ),
    ),
    Claim(
        "continuity-beyond-directions",
        "spatial continuity is a critical requirement when applying Mamba in 2D sequences",
        "section 8.2, Figure 11",
        "beyond the paper: with eight schemes each, the zigzag is better than the sweep, which jumps back at every row",
        (Better("scan_zoo", "zigzag-8", "sweep-8"),),
    ),
    Claim(
        "smaller-patches-are-better",
        "the FID deteriorates as the patch size increases",
        "section 8.5, Figure 13",
        "patches of 1, 2, 4, 8 get worse in this order",
        (
            Trend("patch_size", PATCHES, "the size of the patches", WORSE),
            *chain("patch_size", "patch-1", "patch-2", "patch-4", "patch-8"),
        ),
    ),
    Claim(
        "patches-buy-speed",
        "FPS v.s. Patch Size",
        "section 8.5, Figure 13",
        "larger patches are faster",
        (Trend("patch_size", PATCHES, "the size of the patches", BETTER, "latency_ms"),),
    ),
    Claim(
        "speed-grows-apart",
        "our method achieves the best FPS and GPU utilization when gradually increasing the patching number",
        "section 4.2, Figure 6 a and b",
        "time and memory of DiT and U-ViT over those of ZigMa grow with the number of tokens",
        tuple(
            Scaling("complexity", "ZigMa", metric, WORSE, against=other)
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
            Scaling("complexity", "ZigMa", "flops", LINEAR),
            Scaling("complexity", "ZigMa", "latency_ms", LINEAR),
            Scaling("complexity", "ZigMa", "flops", WORSE, against="DiT"),
        ),
    ),
    Claim(
        "order-receptive-field-is-free",
        "consistently maintains its GPU memory consumption and FPS rate, even with a gradually increasing Order "
        "Receptive Field",
        "section 4.2, Figures 6 c and d, and 7",
        "k orders over the layers cost the same time, memory and parameters for every k",
        tuple(
            Trend("order_receptive_field", ORDERS, "the number of orders", FREE, metric)
            for metric in ("latency_ms", "peak_memory_mib", "parameters")
        ),
    ),
    Claim(
        "parallel-scans-are-not-free",
        "experience a consistent decrease in FPS due to increased parameters",
        "section 4.2, Figures 6 c and d, and 7",
        "k scans in every layer cost more time and parameters the larger k is",
        tuple(
            Trend("order_receptive_field", PARALLEL, "the number of scans", WORSE, metric)
            for metric in ("latency_ms", "parameters")
        ),
    ),
    Claim(
        "as-good-as-transformers",
        "performance comparable to Transformer-based methods, with significantly less memory consumption and fewer "
        "FLOPS",
        "section 4.2, Table 5",
        "ZigMa is within 5 % of DiT and U-ViT, with less memory and fewer FLOPs as the paper counts them",
        (
            Alike("transformers", "DiT", "ZigMa"),
            Alike("transformers", "U-ViT", "ZigMa"),
            *(
                Better("transformers", "ZigMa", other, metric)
                for metric in ("peak_memory_mib", "flops_as_paper")
                for other in ("DiT", "U-ViT")
            ),
        ),
    ),
    Claim(
        "larger-batch-helps",
        "can achieve even better results when the training scale is increased",
        "section 4.3, Tables 3 and 6",
        "twice the batch is better on images, four times on videos",
        (
            Better("faceshq", "ZigMa batch x2", "ZigMa"),
            Better("video_scan", "sst batch x4", "sst"),
            Better("video_scan", "bidirectional batch x4", "bidirectional"),
        ),
    ),
    Claim(
        "loss-and-fid-agree",
        "The loss and FID show the same trend",
        "section 8.5, Figure 14",
        "held-out loss and distance of the samples put the arms in the same order",
        tuple(SameOrder(study) for study in ("scan_ablation", "hilbert", "training_trends")),
    ),
)

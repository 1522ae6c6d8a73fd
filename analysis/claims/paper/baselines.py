"""Positions, VisionMamba and videos: Tables 2, 3, 4 and 6."""

from analysis.claims.claim import Claim
from analysis.claims.kinds import Alike, Order, SmallerEffect

CLAIMS = (
    Claim(
        "learned-beats-cosine-beats-none",
        "the learnable embedding performs better than the Sinusoidal embedding, which in turn performs better than "
        "no position embedding",
        "section 4.2, Table 2",
        "for VisionMamba and ZigMa alike: learned, then cosine, then none",
        tuple(
            Order("position_embedding", tuple(f"{network} {p}" for p in ("learned", "cosine", "none")))
            for network in ("VisionMamba", "ZigMa")
        ),
    ),
    Claim(
        "zigma-hardly-needs-positions",
        "our performance remains almost unchanged whether we use the Sinusoidal position embedding or no position "
        "embedding",
        "section 4.2, Table 2",
        "cosine changes ZigMa by less than 5 %, and less than it changes VisionMamba",
        (
            Alike("position_embedding", ("ZigMa cosine", "ZigMa none")),
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
            Order("faceshq", ("ZigMa", "VisionMamba")),
            *(
                Order("position_embedding", (f"ZigMa {position}", f"VisionMamba {position}"))
                for position in ("none", "cosine", "learned")
            ),
        ),
    ),
    Claim(
        "zigma-beats-visionmamba-captions",
        "our Zigzag-8 method outperforms Bidirectional Mamba as well as Zigzag-1",
        "section 4.3, Table 4",
        "on captioned data eight zigzags are better than VisionMamba",
        (Order("coco", ("zigzag-8", "bidirectional")),),
    ),
    Claim(
        "zigma-beats-visionmamba-video",
        "consistently demonstrate the superior performance of our method across various scenarios",
        "section 4.3, Table 6",
        "on videos sst is better than VisionMamba, with either batch",
        (
            Order("video_scan", ("sst", "bidirectional")),
            Order("video_scan", ("sst batch x4", "bidirectional batch x4")),
        ),
    ),
    Claim(
        "factorised-beats-3d",
        "we empirically find that this scheme will lead to suboptimal optimization",
        "section 3.2, Table 6",
        "factorised sst is better than the 3D zigzag, and that than VisionMamba",
        (Order("video_scan", ("sst", "zigzag-3d", "bidirectional")),),
    ),
)

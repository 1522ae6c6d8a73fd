"""How many schemes the layers take in turn: Tables 1 and 4."""

from analysis.claims.claim import Claim
from analysis.claims.kinds import GainGrows, Order

CLAIMS = (
    Claim(
        "more-schemes-help",
        "as we increased the zigzag scheme from 1 to 8, we saw consistent gains",
        "section 4.2, Table 1",
        "eight zigzags are better than two, two than one",
        (Order("scan_ablation", ("zigzag-8", "zigzag-2", "zigzag-1")),),
    ),
    Claim(
        "more-schemes-help-with-captions",
        "ZigMa with 8 scans performs much better compared with the baseline",
        "section 4.3, Table 4",
        "on captioned data eight zigzags are better than one, and one than a sweep",
        (Order("coco", ("zigzag-8", "zigzag-1", "sweep")),),
    ),
    Claim(
        "zigzag-beats-sweep",
        "switching the scanning scheme from sweep to zigzag led to some gains",
        "section 4.2, Table 1",
        "one zigzag is better than a sweep",
        (Order("scan_ablation", ("zigzag-1", "sweep")),),
    ),
    Claim(
        "more-schemes-help-at-other-sizes",
        "as we increased the zigzag scheme from 1 to 8, we saw consistent gains",
        "section 4.2, Table 1",
        "beyond the paper: so they are after longer training, in a wider or deeper network, and on photographs",
        (Order("proxy", ("zigzag-8", "zigzag-2", "zigzag-1")),),
    ),
    Claim(
        "zigzag-beats-sweep-at-other-sizes",
        "switching the scanning scheme from sweep to zigzag led to some gains",
        "section 4.2, Table 1",
        "beyond the paper: one zigzag is better than a sweep in those as well",
        (Order("proxy", ("zigzag-1", "sweep")),),
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
                (("shapes-32", "shapes-64"), ("celebamm-256", "celebamm-512")),
                ("256", "512"),
            ),
        ),
    ),
)

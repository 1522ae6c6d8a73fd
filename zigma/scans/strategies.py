"""Scan strategies of published networks, by name: the plan of each, its source, and what the plan leaves out.

`parse_plan("vmamba")` is the plan of the text here. Orders were compared with those of the public code, where it is
named, on grids of several sizes: they are equal.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Strategy:
    """One published way of scanning."""

    plan: str
    paper: str  # arXiv number and where it stands
    code: str | None = None  # the repository with which the orders were compared
    beyond: str = ""  # what the network does besides that no order can say

    @property
    def source(self) -> str:
        """In one line."""
        return f"arXiv {self.paper}" + (
            f"; code: github.com/{self.code}" if self.code else "; no public code"
        )


def _local(*windows: int) -> str:
    return "parallel-(sweep@0,0r+" + "+".join(f"windowed@0,0r:window={window}" for window in windows) + ")"


STRATEGIES: dict[str, Strategy] = {
    "visionmamba": Strategy("bidirectional", "2401.09417, section 3.2", "hustvl/Vim"),
    "vmamba": Strategy("parallel-sweep@0,1,6,7", "2401.10166, 2D-Selective-Scan", "MzeroMiko/VMamba"),
    "vmamba-over-layers": Strategy(
        "sweep@0,1,6,7",
        "2401.10166, 2D-Selective-Scan",
        "MzeroMiko/VMamba",
        "the published network scans the four at once in every layer; here each layer scans one",
    ),
    "localvim": Strategy(
        _local(2),
        "2403.09338, section 4",
        "hunto/LocalMamba",
        "in the published network each layer chooses four of eight by a search; this is the one without search",
    ),
    "efficientvmamba": Strategy(
        "atrous:turned=1",
        "2403.09977, section 3.2",
        "TerryPei/EfficientVMamba",
        "there four scans with parameters of their own read a quarter each; here one scan reads them in turn",
    ),
    "plainmamba": Strategy(
        "shared-zigzag@0,0r,1,1r",
        "2403.17695, section 3.2",
        "ChenhongyiYang/PlainMamba",
        "a learned vector for the direction of each step is added to B",
    ),
    "mamba-nd": Strategy(
        "sweep@0,0r,1,1r", "2402.05892, section 3.2 (images: H+H-W+W-)", "jacklishufan/Mamba-ND"
    ),
    "mamba-nd-video": Strategy(
        "sweep@0,0r:axes=thw+sweep@0,0r:axes=twh+sweep@0,0r:axes=wht",
        "2402.05892, section 3.2 (videos)",
        "jacklishufan/Mamba-ND",
    ),
    "videomamba": Strategy("bidirectional", "2403.06977, spatial-first", "OpenGVLab/VideoMamba"),
    "videomamba-temporal-first": Strategy("parallel-sweep@0,0r:axes=hwt", "2403.06977, section 3.2"),
    "eamamba": Strategy(
        "channels-(diagonal@0,6,2,4+sweep@0,0r,1,1r)",
        "2506.22246, all-around scanning",
        "daidaijr/EAMamba",
    ),
    "mair": Strategy(
        "parallel-stripes@0,6,1,7:stripe=4+parallel-stripes@0,6,1,7:stripe=4,first=2",
        "2412.20066, nested S-shaped scanning, shifted in every second layer",
        "XLearning-SCU/2025-CVPR-MaIR",
        "the four results are joined by an attention over their order instead of a sum",
    ),
    "fractalmamba": Strategy(
        "hilbert",
        "2405.14480, section 3",
        beyond="shifted copies of the curve, which its text does not fix",
    ),
}

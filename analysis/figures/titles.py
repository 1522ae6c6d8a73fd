"""Every figure of the paper, and those beyond it: its name, its title, and what a person may call it."""

from __future__ import annotations

from zigma.common.words import unknown

TITLES = {
    "figure_1": "Motivation: what consecutive layers read",
    "figure_2": "ZigMa: each layer arranges, scans, arranges back",
    "figure_3": "The 2D image scan",
    "figure_4": "The Zigzag Mamba block",
    "figure_5": "The 3D video scan",
    "figure_6": "Memory and speed against tokens and order receptive field",
    "figure_7": "Parameters, speed and memory against the order receptive field",
    "figure_8": "Hilbert scan, sweep and zigzag over training",
    "figure_9": "The Hilbert curve at various sizes",
    "figure_10": "Peano's curve from simple to complex",
    "figure_11": "Spatial continuity",
    "figure_12": "Samples at various resolutions",
    "figure_13": "Patch size",
    "figure_14": "Loss and quality over training",
    "figure_15": "Samples with captions (MS-COCO)",
    "figure_16": "Samples (FacesHQ)",
    "figure_17": "Samples (Landscape HQ)",
    "figure_levels": "Every arm between what needs no training and what real images score",
    "figure_samples": "The first samples of every arm below real images",
    "figure_ranking": "Every scan in one setting, best first",
    "figure_exact": "What a path cannot see, and what a network has not learned",
}


def heading(name: str) -> str:
    """`Figure 6. Memory and speed ...`; of what the paper does not have, its title alone."""
    number = name.removeprefix("figure_")
    return f"Figure {number}. {TITLES[name]}" if number.isdecimal() else TITLES[name]


def find_figure(word: str) -> str:
    """`6`, `figure 6` or `figure_6` as the figure's name.

    Raises:
        WordError: there is no such figure.
    """
    number = word.strip().lower().removeprefix("figure").strip(" _-.")
    if f"figure_{number}" not in TITLES:
        raise unknown("figure", word, TITLES)
    return f"figure_{number}"

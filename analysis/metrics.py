"""Which numbers are shown, under which name, in which unit and which way is better: here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal

Better = Literal["lower", "higher", "neither"]
LOSS = "held_out_loss"
EXCESS = "excess_velocity"  # of runs on fields: over the exact optimum
SHORT = "excess_short"  # of a scan: by this cards rank curves
# of runs on fields too: against the true covariance
OF_SAMPLES = ("samples_frechet", "samples_covariance_error")


@dataclass(frozen=True)
class Metric:
    """A number of a record. `pattern` is its name there, with `*` for the extractor that the scale has."""

    pattern: str
    better: Better
    column: str = ""  # of the paper's tables: what it is, or at a smaller scale stands in for
    label: str = ""  # over our column, with the unit; empty: the record's own name
    unit: float = 1.0  # what the record's value is divided by for the table
    exact: bool = False  # counted, not sampled: a repetition gives the same number
    shown: bool = True  # in tables

    def head(self, name: str) -> str:
        return self.label or name


# in the order of their columns; the first that a record has is what a claim about quality is judged by
METRICS = (
    Metric(EXCESS, "lower", label="excess over the optimum"),
    Metric(f"{EXCESS}_plan", "neither", label="least of its plan", exact=True),
    Metric(f"{EXCESS}_one_path", "neither", label="least of its first path", exact=True),
    Metric(f"{EXCESS}_*", "lower", shown=False),
    Metric("optimum_loss", "neither", shown=False),
    Metric("samples_*_floor", "neither", exact=True, shown=False),
    Metric("samples_frechet", "lower", label="Frechet distance of samples"),
    Metric("samples_covariance_error", "lower", label="covariance error of samples"),
    Metric("fid", "lower", "FID"),
    Metric("fvd", "lower", "FVD"),
    Metric("fdd", "lower", "FDD"),
    Metric("kid", "lower", "KID"),
    Metric("frame_fid", "lower", "Frame-FID"),
    Metric("frame_kid", "lower", shown=False),
    Metric("*_infinity", "lower", shown=False),
    Metric("frame_fd_*", "lower", "Frame-FID"),
    Metric("frame_kid_*", "lower", shown=False),
    Metric("fd_*", "lower", "FID"),
    Metric("kid_*", "lower", "KID"),
    Metric(LOSS, "lower"),
    Metric("precision_*", "higher", shown=False),
    Metric("recall_*", "higher", shown=False),
    Metric("density_*", "higher", shown=False),
    Metric("coverage_*", "higher", shown=False),
    Metric("parameters", "lower", "Parameters (M)", "parameters (M)", 1e6, exact=True),
    Metric("parameters_as_paper", "lower", "Parameters (M)", "as the paper counts (M)", 1e6, exact=True),
    Metric("flops_as_paper", "lower", "FLOPS (G)", "FLOPs as the paper (G)", 1e9, exact=True),
    Metric("flops", "lower", "", "FLOPs, all (G)", 1e9, exact=True),
    Metric("peak_memory_mib", "lower", "Memory (G)", "peak memory (MiB)"),
    Metric("images_per_s", "higher", "", "images/s"),
    Metric("latency_ms", "lower", "", "latency (ms)"),
    Metric("unit_steps", "neither", exact=True),
    Metric("step_mean", "neither", exact=True),
    Metric("step_max", "neither", exact=True),
    Metric("gap_mean", "neither", exact=True),
    Metric("turns", "neither", exact=True),
    Metric("reach", "neither", exact=True),
)
MEANINGS = {  # of measures of scans, in a line each
    "unit_steps": "share of steps that go to a neighbouring cell: the paper's spatial continuity",
    "step_mean": "mean length of a step, in cells",
    "step_p95": "length that 95 % of the steps do not exceed",
    "step_max": "longest step",
    "turns": "steps in another direction, or of another length, than the one before",
    "horizontal": "share of steps along a row",
    "vertical": "share of steps along a column",
    "temporal": "share of steps from frame to frame",
    "gap_mean": "how many steps apart neighbouring cells are read, on average",
    "gap_median": "the same of the median pair",
    "gap_p95": "the same that 95 % of the pairs do not exceed",
    "stretch": "distance to the power of the dimensions over steps apart, of the worst pair; near 6 for Hilbert",
    "box_stretch": "cells of the box around a section of the path over those of the section, of the worst one",
    "clusters": "sections of the path that it takes to cover a block of 4 cells a side, on average",
    "reach": "share of pairs of tokens of which one can influence the other, after all layers",
    "excess": "least squared error, over the best predictor of all, of what the whole plan lets a token see",
    "excess_1": "the same along the first layer's path alone",
    SHORT: "the same with a memory of half a row and no positions",
}
QUALITY = ("FID", "FDD", "KID", "Frame-FID", "FVD")  # the paper's columns that judge samples
# what else the paper's tables print; columns may begin with a data set or an arm, as in `256 FID`
PAPER_COLUMNS = (*QUALITY, "Memory (G)", "FLOPS (G)", "Parameters (M)", "Layers", "Hidden size")
# columns of the paper that quote the configuration: where they stand in a record's
CONFIGURED = {"Layers": "model.depth", "Hidden size": "model.hidden"}


@lru_cache(maxsize=1024)
def find_metric(name: str) -> Metric:
    """How a record's metric is shown. One that is not listed is shown nowhere, and neither way is better."""
    for metric in METRICS:
        if fnmatchcase(name, metric.pattern):
            return metric
    return Metric(name, "neither", shown=False)


def in_order(names: Iterable[str]) -> list[str]:
    """Those of the names that tables show, in the order of their columns."""
    each = list(dict.fromkeys(names))
    shown = [name for name in each if find_metric(name).shown]
    return sorted(shown, key=lambda name: (METRICS.index(find_metric(name)), each.index(name)))


def main_metric(names: Iterable[str]) -> str | None:
    """What the quality of samples is judged by: the excess over the optimum, a distance, or else the held-out loss."""
    names = list(names)
    judging = [name for name in in_order(names) if name == EXCESS or find_metric(name).column in QUALITY]
    return next(iter(judging), LOSS if LOSS in names else None)


def paper_metric(column: str) -> tuple[str, str]:
    """A column of the paper as what it is of and what it measures: `256 FID` is ("256", "FID")."""
    for name in sorted(PAPER_COLUMNS, key=len, reverse=True):
        if column == name or column.endswith(f" {name}"):
            return column.removesuffix(name).rstrip(), name
    return "", column


def paper_better(column: str) -> Better:
    """Which way is better in a column of the paper."""
    name = paper_metric(column)[1]
    return "lower" if name in (*QUALITY, "Memory (G)", "FLOPS (G)") else "neither"

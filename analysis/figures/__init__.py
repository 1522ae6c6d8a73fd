"""The paper's figures, drawn anew from records and from the code: one file per family, each plot takes its axes."""

from analysis.figures.make import make_figures

__all__ = ["make_figures"]

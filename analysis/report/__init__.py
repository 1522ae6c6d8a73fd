"""One self-contained page: claims, tables, figures, scans in motion, samples, curves, and the records behind them."""

from analysis.report.write import write_report

__all__ = ["write_report"]

"""One self-contained page: claims, tables, figures, scans in motion, samples, curves, and the records behind them."""

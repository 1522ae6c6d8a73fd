"""The paper's figures, drawn anew, with a manifest of what is behind each file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ENDINGS = ("png", "svg", "pdf")


def make_figures(folder: Path) -> list[Path]:
    """Draw every figure that needs no record into `folder`, and `manifest.json` beside them; returns the files."""
    from matplotlib.figure import Figure

    from analysis.scan_plots import FIGURES
    from analysis.style import save, style

    written: list[Path] = []
    manifest: dict[str, dict[str, Any]] = {}
    with style():
        for name, (draw, size) in FIGURES.items():
            figure = Figure(figsize=size, layout="constrained")
            draw(figure)
            files = save(figure, folder / name, ENDINGS)
            written += files
            manifest |= {
                file.name: {"drawn_by": f"analysis.scan_plots.{name}", "records": []} for file in files
            }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return written

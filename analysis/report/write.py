"""Write the page: one file, no network, nothing of a record trusted."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from analysis.claims import judge
from analysis.claims.findings import FINDINGS
from analysis.claims.show import RULE, bullets
from analysis.figures.levels import main_standings
from analysis.records import Records
from analysis.report.claims import shown_claims, shown_findings
from analysis.report.content import (
    counted_sheets,
    learning_curves,
    overview,
    panel,
    shown_figures,
    shown_samples,
)
from analysis.report.opening import beside, what_was_run
from analysis.report.store import Store, for_script
from analysis.report.svg import inline_svgs
from analysis.report.tables import shown_tables
from analysis.report.template import fill_template
from analysis.report.walks import SIDE, path_data, walks
from studies.declare.study import SCALES
from zigma.common.files import replace_text

HERE = Path(__file__).parent
SECTIONS = (
    ("opening", "What was run"),
    ("claims", "Claims"),
    ("findings", "Errors"),
    ("tables", "Tables"),
    ("figures", "Figures"),
    ("walks", "Scans in motion"),
    ("curves", "Learning curves"),
    ("samples", "Samples"),
    ("records", "Records"),
)


def write_report(out: Path, records: Records, results: Path) -> Path:
    """Write the page to `out`. The same records give the same bytes."""
    page = render(records, results)
    out.parent.mkdir(parents=True, exist_ok=True)
    replace_text(out, page)
    return out


def render(records: Records, results: Path) -> str:
    """The page as text."""
    return fill_template(HERE / "page.html.j2", **page_content(records, results))


def page_content(records: Records, results: Path) -> dict[str, Any]:
    """What the template takes."""
    store = Store(records, results)
    about = overview(records)
    parts = counted_sheets(records)
    claims = shown_claims(judge(records), store)
    standings = main_standings(records)
    first = [standing.part for standing in standings]
    counted = {record["identity"] for part in parts for record in part.records}
    script = (HERE / "script.js").read_text(encoding="utf-8")
    curves = walks()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    figures = shown_figures(records, results, store)
    charts = [panel(standing, i, store) for i, standing in enumerate(standings)]
    trends = learning_curves(parts, store)
    return {
        "sections": SECTIONS,
        "overview": about,
        "device_numbers": {name: i for i, name in enumerate(about.devices)},
        "claims": claims,
        "rule": RULE,
        "bullets": bullets,
        "findings": shown_findings(FINDINGS),
        "claim_scales": [scale for scale in SCALES if any(scale in claim.at for claim in claims)],
        "tables": shown_tables(records, store),
        "figures": figures,
        "charts": charts,
        "curves": trends,
        "svgs": inline_svgs(
            {shown.name: shown.picture for shown in (*figures, *charts, *trends) if shown.picture}
        ),
        "opening": what_was_run(first),
        "every_run": what_was_run(parts),
        "beside": beside(first, results),
        "samples": shown_samples(parts, results, store),
        "walks": [_still(walk) for walk in curves],
        "walk_side": SIDE,
        "walk_orders": for_script(curves),
        "store": store.script(counted),
        "style": (HERE / "style.css").read_text(encoding="utf-8"),
        "script": script,
        "script_hash": f"sha256-{digest}",
    }


def _still(walk: dict[str, Any]) -> dict[str, Any]:
    order, side = walk["orders"][0], walk["side"]
    steps, jumps = path_data(order, side)
    return {**walk, "steps": steps, "jumps": jumps, "end": (order[-1] % side + 0.5, order[-1] // side + 0.5)}

"""Verdicts, rank agreement and findings as text, Markdown and JSON."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

from analysis.agreement import Agreement
from analysis.claims.claim import Judged, Tested, Verdict, Word
from analysis.claims.findings import Finding, Shown
from analysis.tables.render import MISSING, pipes

Reproduced = Sequence[tuple[Finding, list[Shown]]]
HOW = (
    "A claim holds at a scale where every statement that it makes does: where the 95 % interval over seeds lies "
    "wholly on its side, equal not counted. It does not hold where one statement's interval lies wholly on the other "
    "side (Holm-corrected for the claim's statements). All else is inconclusive, one seed and settings that disagree "
    "included. Ratios above 1 are in the claim's favour; g is Hedges' effect size of the paired seeds, p Student's. "
    "`tiny` and `small` are stand-ins: a verdict there is about them, and about the paper as far as they predict it."
)


def text(
    verdicts: Sequence[Verdict], agreements: Sequence[Agreement], findings: Reproduced, width: int
) -> str:
    """For a screen: the verdicts at a glance, then each with its evidence."""
    lines = [*_table(_glance(verdicts)), ""]
    for verdict in verdicts:
        lines += [*_wrapped(f"{verdict.name}: {verdict.claim.plain}", width, "", "  ")]
        lines += _wrapped(f'"{verdict.claim.quote}" ({verdict.claim.where})', width, "  ", "  ")
        lines += [line for item in evidence(verdict) for line in _wrapped(item, width, "  - ", "    ")]
        lines.append("")
    if agreements:
        lines += ["Order of the arms against the paper's", "", *_table(_ranks(agreements, short=True)), ""]
    if findings:
        lines += ["Wrong in the paper or the released code", "", *_table(_found(findings)), ""]
    return "\n".join([*lines, *_wrapped(HOW, width, "", "")]) + "\n"


def markdown(verdicts: Sequence[Verdict], agreements: Sequence[Agreement], findings: Reproduced) -> str:
    """The claims sheet."""
    head, *rows = _glance(verdicts)
    lines = ["# Claims", "", HOW, "", *pipes(head, rows, right=False), ""]
    for verdict in verdicts:
        lines += [f"## {verdict.name}", "", f"> {verdict.claim.quote}", "", f"({verdict.claim.where})", ""]
        lines += [f"That is: {verdict.claim.plain}.", "", *(f"- {item}" for item in evidence(verdict)), ""]
    lines += ["# Order of the arms against the paper's", ""]
    if agreements:
        head, *rows = _ranks(agreements)
        lines += [*pipes(head, rows, right=False), ""]
    else:
        lines += ["No table has three arms recorded yet.", ""]
    head, *rows = _found(findings)
    lines += ["# Wrong in the paper or the released code", "", *pipes(head, rows, right=False)]
    return "\n".join(lines) + "\n"


def as_json(verdicts: Sequence[Verdict], agreements: Sequence[Agreement], findings: Reproduced) -> str:
    """All of it as data; a number that there is not is null, an infinite end too."""
    whole = {
        "claims": [_verdict(verdict) for verdict in verdicts],
        "agreement": [_plain(agreement) for agreement in agreements],
        "findings": [
            {
                "name": finding.name,
                "of": finding.of,
                "says": finding.says,
                "here": finding.here,
                "command": finding.command,
                "also": finding.also,
                "reproduced": all(item.agrees for item in shown),
                "shown": [_plain(item) for item in shown],
            }
            for finding, shown in findings
        ],
    }
    return json.dumps(whole, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def evidence(verdict: Verdict) -> list[str]:
    """What speaks for and against a claim, one line each."""
    lines = []
    for says in dict.fromkeys(item.says for item in verdict.printed):
        mine = [item for item in verdict.printed if item.says == says]
        numbers = [item.numbers + ("" if item.holds else " (says otherwise)") for item in mine]
        lines.append(f"paper: {says}: {'; '.join(numbers)}")
    if not verdict.printed:
        lines.append("paper: a plot or a sentence, without numbers in a table")
    for judged in verdict.at:
        if judged.tested:
            lines.append(f"{judged.scale}: {judged.verdict}")
            lines += [f"{judged.scale} {tested_line(tested)}" for tested in judged.tested]
    untried = [judged.scale for judged in verdict.at if not judged.tested]
    return lines + ([f"not tried at: {', '.join(untried)}"] if untried else [])


def tested_line(tested: Tested) -> str:
    """One statement on one setting's records, in one line."""
    interval = f" [{_number(tested.low)}, {_number(tested.high)}]" if not math.isnan(tested.low) else ""
    effect = f", g {tested.effect:.1f}" if math.isfinite(tested.effect) else ""
    p = f", p {tested.p:.2g}" if 0 < tested.p < 1 else ""  # counted quantities have none
    aside = "" if tested.main else " (beside)"
    return (
        f"{tested.setting} by {tested.metric}: {tested.says}: {tested.measure} {_number(tested.value)}{interval}"
        f"{effect}{p}, n {tested.n}: {tested.verdict}{aside}"
    )


def _number(value: float) -> str:
    if abs(value) < 1e-9:
        return "0.00"
    return f"{value:.2f}" if 0.01 <= abs(value) < 1000 else f"{value:.2g}"


def _glance(verdicts: Sequence[Verdict]) -> list[list[str]]:
    scales = [judged.scale for judged in verdicts[0].at] if verdicts else []
    head = ["claim", "paper's numbers", *scales, "verdict"]
    rows = [[v.name, _paper_word(v), *(_cell(judged) for judged in v.at), v.verdict] for v in verdicts]
    return [head, *rows]


def overview(verdicts: Sequence[Verdict]) -> list[str]:
    """The claims that were tried, in plain words, with the verdict at each scale where any was: a Markdown table."""
    tried = [verdict for verdict in verdicts if verdict.verdict != "not tried"]
    scales = dict.fromkeys(at.scale for v in tried for at in v.at if at.verdict != "not tried")
    rows = [[v.claim.plain, *(_cell(at) for at in v.at if at.scale in scales)] for v in tried]
    return pipes(["claim", *scales], rows, right=False)


def correlations(agreements: Sequence[Agreement]) -> list[str]:
    """How our orders of the arms agree with the paper's: a Markdown table."""
    head, *rows = _ranks(agreements, short=True)
    return pipes(head, rows, right=False)


def _cell(judged: Judged) -> str:
    if judged.verdict == "not tried":
        return MISSING
    seeds = [tested.n for tested in judged.tested if tested.main]
    return f"{judged.verdict} (n {min(seeds)})" if seeds else judged.verdict


def _paper_word(verdict: Verdict) -> Word | str:
    if not verdict.printed:
        return MISSING
    return "hold" if all(item.holds for item in verdict.printed) else "do not all hold"


def _ranks(agreements: Sequence[Agreement], short: bool = False) -> list[list[str]]:
    head = ["study", "paper", "at", "ours", "pairs", "Spearman [95 %]", "p", "seeds", "Kendall [95 %]"]
    rows = []
    for item in agreements:
        r = item.ranks
        where = f"{item.scale} {item.setting}"
        rows.append(
            [
                item.study,
                f"{item.shows} {item.paper_column}",
                where,
                item.metric,
                f"{r.agree}/{r.pairs}",
                str(r.spearman),
                f"{r.p_exact:.2g}",
                str(r.seeds),
                str(r.kendall),
            ]
        )
    shown = (1, 2, 4, 5, 6, 7) if short else range(len(head))
    return [[row[i] for i in shown] for row in [head, *rows]]


def _found(findings: Reproduced) -> list[list[str]]:
    rows = [
        [f.name, f.says, "reproduced" if all(item.agrees for item in shown) else "NOT reproduced", f.command]
        for f, shown in findings
    ]
    return [["", "what", "here", "command"], *rows]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def _wrapped(words: str, width: int, first: str, then: str) -> list[str]:
    return textwrap.wrap(words, width, initial_indent=first, subsequent_indent=then)


def _verdict(verdict: Verdict) -> dict[str, Any]:
    claim = verdict.claim
    return {
        "name": claim.name,
        "quote": claim.quote,
        "where": claim.where,
        "plain": claim.plain,
        "verdict": verdict.verdict,
        "paper": [_plain(item) for item in verdict.printed],
        "at": [
            {"scale": j.scale, "verdict": j.verdict, "tested": [_plain(tested) for tested in j.tested]}
            for j in verdict.at
        ],
    }


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

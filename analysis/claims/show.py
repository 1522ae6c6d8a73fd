"""Verdicts, decision accuracy, agreement of orders and findings as text, Markdown and JSON, from the same values."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from typing import Any, Literal

from analysis.agreement import Agreement
from analysis.claims.claim import Judged, Tested, Verdict
from analysis.claims.decision import DecisionAccuracy
from analysis.claims.evidence import Evidence
from analysis.claims.findings import Fact, Finding
from analysis.claims.predicted import Predicted
from analysis.stats import Interval
from analysis.tables.render import MISSING
from studies.declare.study import SCALES
from zigma.common.words import counted

RULE = (
    "A claim needs all of its statements, in every setting that it is about. Each has a size with its 95 % interval "
    "over seeds: ratios above 1 are in the claim's favour, g is Hedges' effect size of the paired seeds. Equality "
    "is tested by both one-sided tests inside a margin, an order by all its pairs, a trend by Page's test, two "
    "rankings by orders of the arms drawn at random. The p of a claim is the largest of its statements' in its "
    "favour, or the smallest against it times their number, corrected for all claims at the scale in both "
    "directions (Holm). Below 5 % the claim holds or is reversed, else it is undecided; where the loss still falls "
    "by more than 2 % over the last quarter, or the best arm does not beat the trivial baselines, it is not "
    "learned. 'More seeds' would decide with a chance of 80 %, by the recorded spread. Scales below `paper` are "
    "stand-ins: a verdict there is about them, and about the paper as far as they predict it."
)
Rows = list[dict[str, Any]]


def files(evidence: Evidence) -> dict[str, str]:
    """File name -> contents: what `python -m analysis claims` writes."""
    return {"claims.md": markdown(evidence), "claims.json": as_json(evidence)}


def text(evidence: Evidence, width: int) -> str:
    """For a screen: the verdicts at a glance, then each with its evidence."""
    lines = [at_a_glance(evidence.verdicts, width), ""]
    for verdict in evidence.verdicts:
        lines += textwrap.wrap(f"{verdict.name}: {verdict.claim.plain}", width, subsequent_indent="  ")
        lines += _wrapped(f'"{verdict.claim.quote}" ({verdict.claim.where})', width, "  ", "  ")
        lines += [line for item in bullets(verdict) for line in _wrapped(item, width, "  - ", "    ")]
        lines.append("")
    for title, rows in _sections(evidence):
        lines += [title, "", table(rows, "simple"), ""] if rows else []
    return "\n".join([*lines, *textwrap.wrap(RULE, width)]) + "\n"


def markdown(evidence: Evidence) -> str:
    """The claims sheet."""
    lines = ["# Claims", "", RULE, "", table(glance(evidence.verdicts)), ""]
    for verdict in evidence.verdicts:
        lines += [f"## {verdict.name}", "", f"> {verdict.claim.quote}", "", f"({verdict.claim.where})", ""]
        lines += [f"That is: {verdict.claim.plain}.", "", *(f"- {item}" for item in bullets(verdict)), ""]
        lines += (
            [table([row for _, row in tests(verdict)]), ""]
            if any(judged.tested for judged in verdict.at)
            else []
        )
    for title, rows in _sections(evidence):
        lines += [f"# {title}", "", table(rows) if rows else "Nothing is recorded for it yet.", ""]
    return "\n".join(lines).rstrip() + "\n"


def as_json(evidence: Evidence) -> str:
    """All of it as data; a number that does not exist is null, an infinite end too."""
    whole = {
        "rule": RULE,
        "claims": [_verdict(verdict) for verdict in evidence.verdicts],
        "decisions": [_plain(item) | {"share": item.share} for item in evidence.decisions],
        "predicted": [_plain(item) for item in evidence.predicted],
        "agreement": [_plain(agreement) for agreement in evidence.agreements],
        "findings": [
            {"name": f.name, "of": f.of, "says": f.says, "here": f.here, "command": f.command, "also": f.also}
            | {
                "reproduced": None if f.in_code_alone else all(item.agrees for item in shown),
                "shown": [_plain(item) for item in shown],
            }
            for f, shown in evidence.findings
        ],
    }
    return json.dumps(whole, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def _sections(evidence: Evidence) -> list[tuple[str, Rows]]:
    return [
        ("How often a smaller scale predicts a larger one", decisions(evidence.decisions)),
        (
            "How often a measure of compare-scans predicts networks that have learned",
            predicted(evidence.predicted),
        ),
        ("Order of the arms against the paper's", ranks(evidence.agreements)),
        ("Wrong in the paper or the released code", _findings(evidence)),
    ]


def table(rows: Rows, style: Literal["pipe", "simple"] = "pipe") -> str:
    """Rows of words as a table, in Markdown or for a screen."""
    import pandas

    frame = pandas.DataFrame(rows).map(
        lambda cell: str(cell).replace("|", "\\|") if style == "pipe" else cell
    )
    return str(frame.to_markdown(index=False, tablefmt=style, disable_numparse=True))


def glance(verdicts: Sequence[Verdict]) -> Rows:
    """A row per claim: the paper's numbers, the verdict at each scale, the last word."""
    return [
        {"claim": v.name, "paper's numbers": paper_word(v)}
        | {judged.scale: cell(judged) for judged in v.at}
        | {"verdict": v.verdict}
        for v in verdicts
    ]


def at_a_glance(verdicts: Sequence[Verdict], width: int) -> str:
    """The claims on a screen; where it is too narrow without scales, which are told below, and the paper's numbers."""
    rows = glance(verdicts)
    empty = [scale for scale in SCALES if all(row.get(scale) == MISSING for row in rows)]
    for left_out in ([], empty, SCALES, ["paper's numbers"]):
        rows = [{head: word for head, word in row.items() if head not in left_out} for row in rows]
        shown = table(rows, "simple")
        if max(map(len, shown.splitlines()), default=0) <= width:
            break
    return shown


def overview(verdicts: Sequence[Verdict]) -> list[str]:
    """The claims that were tried, in plain words, with the verdict at each scale where any was: Markdown's lines."""
    tried = [verdict for verdict in verdicts if verdict.verdict != "not tried"]
    scales = list(dict.fromkeys(at.scale for v in tried for at in v.at if at.verdict != "not tried"))
    rows = [
        {"claim": v.claim.plain} | {at.scale: cell(at) for at in v.at if at.scale in scales} for v in tried
    ]
    return table(rows).splitlines()


def correlations(agreements: Sequence[Agreement]) -> list[str]:
    """How our orders of the arms agree with the paper's: the lines of a Markdown table."""
    return table(ranks(agreements)).splitlines()


def cell(judged: Judged) -> str:
    """A verdict in a table."""
    if judged.verdict == "not tried":
        return MISSING
    return f"{judged.verdict} (n {judged.n})" if judged.n else judged.verdict


def paper_word(verdict: Verdict) -> str:
    """Whether the paper's own numbers show what it claims."""
    if not verdict.printed:
        return MISSING
    return "hold" if all(item.holds for item in verdict.printed) else "do not all hold"


def bullets(verdict: Verdict) -> list[str]:
    """What speaks for and against a claim, one line each."""
    lines = []
    for says in dict.fromkeys(item.says for item in verdict.printed):
        items = [item for item in verdict.printed if item.says == says]
        numbers = [item.numbers + ("" if item.holds else " (not as claimed)") for item in items]
        lines.append(f"paper: {says}: {'; '.join(numbers)}")
    if not verdict.printed:
        lines.append("paper: a plot or a sentence, without numbers in a table")
    for judged in verdict.at:
        if judged.tested:
            p = "" if math.isnan(judged.p) else f", corrected p {judged.p:.2g}"
            because = f": {judged.why}" if judged.why else ""
            lines.append(f"{judged.scale}: {judged.verdict}{because}{p}{more_seeds(judged)}")
    untried = [judged.scale for judged in verdict.at if not judged.tested]
    return lines + ([f"not tried at: {', '.join(untried)}"] if untried else [])


def more_seeds(judged: Judged) -> str:
    """How many seeds would decide it."""
    if judged.more_seeds is None:
        return ""
    return f"; {counted(judged.more_seeds, 'more seed')} of each arm would decide it"


def tests(verdict: Verdict) -> list[tuple[Tested, dict[str, Any]]]:
    """Each comparison with its row of words, those that decide first."""
    made = [test for judged in verdict.at for test in judged.tested]
    return [(test, _test(test)) for test in sorted(made, key=lambda test: not test.contrast.decides)]


def _test(test: Tested) -> dict[str, Any]:
    c = test.contrast
    return {
        "statement": test.says,
        "at": f"{c.scale} {c.setting}",
        "metric": c.metric,
        "size [95 %]": f"{c.measure} {size(test)}",
        "claimed": _range(test.claimed),
        "g": MISSING if not math.isfinite(test.effect) else f"{test.effect:.1f}",
        "n": test.n,
        "interval": test.side,
        "decides": "yes" if c.decides and not c.unlearned else "not learned" if c.decides else "beside",
        "seeds needed": MISSING if test.seeds_needed is None else test.seeds_needed,
    }


def size(test: Tested) -> str:
    """The value with its interval."""
    return str(Interval(test.value, test.low, test.high))


def _range(claimed: tuple[float, float]) -> str:
    low, high = claimed
    return f"{_number(low)} to {_number(high)}" if math.isfinite(high) else f"above {_number(low)}"


def _number(value: float) -> str:
    if abs(value) < 1e-9:
        return "0.00"
    return f"{value:.2f}" if 0.01 <= abs(value) < 1000 else f"{value:.2g}"


def decisions(items: Sequence[DecisionAccuracy]) -> Rows:
    """A row per pair of scales of a study."""
    return [
        {
            "study": item.study,
            "smaller": f"{item.scale} {item.setting}",
            "larger": item.larger,
            "by": item.metric,
            "right": _right(item),
            "pairs of arms": item.pairs,
            "seeds, at most": item.seeds,
            "device-seconds a run": MISSING
            if math.isnan(item.device_seconds)
            else f"{item.device_seconds:.0f} ({item.device_kind})",
            "learned": "no" if item.unlearned else "yes",
        }
        for item in items
    ]


def predicted(items: Sequence[Predicted]) -> Rows:
    """A row per sheet and measure; `compare-scans` says what each measure is."""
    return [
        {
            "study": item.study,
            "at": f"{item.scale} {item.setting}",
            "metric": item.metric,
            "measure": item.measure,
            "right": _right(item),
            "pairs told apart": f"{item.apart} of {item.pairs}",
            "seeds, at most": item.seeds,
        }
        for item in items
    ]


def _right(item: DecisionAccuracy | Predicted) -> str:
    """How many decisions were right, of how many."""
    if not item.decisions:
        return MISSING
    return f"{item.right} of {item.decisions} ({item.right / item.decisions:.0%})"


def ranks(agreements: Sequence[Agreement]) -> Rows:
    """A row per table, scale and setting: do our arms stand in the paper's order?"""
    return [
        {
            "paper": f"{item.shows} {item.paper_column}",
            "at": f"{item.scale} {item.setting}",
            "pairs": f"{item.ranks.agree}/{item.ranks.pairs}",
            "Spearman [95 %]": str(item.ranks.spearman),
            "p": f"{item.ranks.p_exact:.2g}",
            "seeds": item.ranks.seeds,
        }
        for item in agreements
    ]


def _findings(evidence: Evidence) -> Rows:
    return [
        {
            "": f.name,
            "what": f.says,
            "here": _reproduced(f, shown),
            "command": f.command,
        }
        for f, shown in evidence.findings
    ]


def _reproduced(finding: Finding, shown: Sequence[Fact]) -> str:
    if finding.in_code_alone:
        return "seen with --released"
    return "reproduced" if all(item.agrees for item in shown) else "NOT reproduced"


def _wrapped(words: str, width: int, first: str, then: str) -> list[str]:
    return textwrap.wrap(words, width, initial_indent=first, subsequent_indent=then)


def _verdict(verdict: Verdict) -> dict[str, Any]:
    claim = verdict.claim
    return {
        "name": claim.name,
        "quote": claim.quote,
        "where": claim.where,
        "plain": claim.plain,
        "statements": [
            {
                "kind": s.kind,
                "says": s.says,
                "study": s.study,
                "arms": list(s.arms),
                "metric": s.metric or "quality of samples",
                "settings": list(s.settings) or "all that are recorded",
            }
            for s in claim.statements
        ],
        "verdict": verdict.verdict,
        "paper": [_plain(item) for item in verdict.printed],
        "at": [_plain(judged) for judged in verdict.at],
    }


SAMPLES = "samples"  # of a contrast: left out, since the records that it names have them


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if name != SAMPLES}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

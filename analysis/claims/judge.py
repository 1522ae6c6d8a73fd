"""The rule by which every claim is judged, stated once.

1. A claim needs all of its statements, each in every setting that it is about: those named, or all that are recorded.
   Each is a contrast: a number per seed, and the range in which the claim wants its mean.
2. First the size: the mean with its 95 % Student interval over seeds (for a trend: Kendall's tau, tested by Page; of
   two rankings Spearman's rho, tested by orders drawn at random).
3. Then two one-sided p values: `p_for`, that the mean lies inside the range (for equality both ends must be cleared:
   two one-sided tests), and `p_against`, that it lies beyond one of its ends.
4. A claim holds if all contrasts do, so its p for is the largest of theirs; it is reversed if one of them is, so its p
   against is the smallest, times their number.
5. All claims at a scale, in both directions, are one family: Holm's correction of twice the smaller of the two.
6. Below 5 %, the claim "holds" or is "reversed"; else it is "undecided", and the recorded spread says how many more
   seeds would decide it with a chance of 80 %. Networks that have not learned yet are not judged: "not learned".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from analysis.claims.claim import RHO, TREND, Claim, Contrast, Judged, Side, Statement, Tested, Verdict, Word
from analysis.claims.paper import CLAIMS
from analysis.records import Records, declared_sheets
from analysis.stats import (
    ALPHA,
    Interval,
    agreement_ps,
    exp,
    holm,
    mean_over_seeds,
    seeds_to_be_alike,
    seeds_to_differ,
    spearman,
    trend,
)
from analysis.stats import kendall as kendall_tau
from analysis.stats.pairs import CHANCE, ROUNDING, hedges_g
from studies.declare.registry import find_study
from studies.declare.study import SCALES
from zigma.common.words import counted


def judge(records: Records, claims: Sequence[Claim] = CLAIMS) -> list[Verdict]:
    """The verdict on every claim, in their order. The claims that are given are the family of the correction."""
    at = {scale: _judge_scale(claims, scale, records) for scale in SCALES}
    verdicts = []
    for i, claim in enumerate(claims):
        printed = tuple(p for s in claim.statements for p in s.printed(find_study(s.study)))
        verdicts.append(Verdict(claim, printed, tuple(at[scale][i] for scale in SCALES)))
    return verdicts


def _judge_scale(claims: Sequence[Claim], scale: str, records: Records) -> list[Judged]:
    contrasts = [
        [
            statement.contrasts(declared_sheets(find_study(statement.study), records, scale))
            for statement in claim.statements
        ]
        for claim in claims
    ]
    having_a_say = [sum(contrast.may_decide for part in parts for contrast in part) for parts in contrasts]
    family = sum(among > 0 for among in having_a_say)
    tested = [
        [[assess(contrast, family, among) for contrast in part] for part in parts]
        for parts, among in zip(contrasts, having_a_say, strict=True)
    ]
    sides = [_p_values([t for part in parts for t in part]) for parts in tested]
    corrected = holm([min(1.0, 2 * min(pair)) if pair else math.nan for pair in sides])
    return [_judged(scale, *of_claim) for of_claim in zip(claims, tested, sides, corrected, strict=True)]


def assess(contrast: Contrast, family: int = 1, among: int = 1) -> Tested:
    """The size of a contrast with its interval, p values on both sides, and the seeds that would decide it.

    Seeds needed are corrected as p is: for `family` claims, and for `among` contrasts of this one.
    """
    size = _size(contrast)
    low, high = contrast.claimed
    if contrast.measure == TREND:
        p_for, p_against = _trend_ps(contrast)
    elif contrast.measure == RHO:
        p_for, p_against = _rho_ps(contrast)
    else:
        p_for, p_against = _mean_ps(contrast)
    shown = [exp(x) if contrast.is_ratio else x for x in (size.value, size.low, size.high, low, high)]
    values = [row[0] for row in contrast.samples]
    return Tested(
        contrast=contrast,
        value=shown[0],
        low=shown[1],
        high=shown[2],
        claimed=(shown[3], shown[4]),
        effect=hedges_g(np.asarray(values)) if contrast.is_ratio and np.std(values) > ROUNDING else math.nan,
        p_for=p_for,
        p_against=p_against,
        n=len(contrast.samples),
        side=_side_of_ps(p_for, p_against) if contrast.is_rank else _side(size, contrast.claimed),
        seeds_needed=_seeds_needed(contrast, size.value, ALPHA / max(1, family), max(1, among)),
    )


def _size(contrast: Contrast) -> Interval:
    """The mean over seeds with its interval; of what was counted, of no width: no seed would change it.

    A rank correlation has none: it ends at 1, and two seeds of the same ranks do not make it sure.
    """
    if contrast.measure == TREND:
        rising = np.arange(len(contrast.samples[0]), dtype=float)
        values = [float(np.nan_to_num(kendall_tau(np.asarray(row), rising))) for row in contrast.samples]
    elif contrast.measure == RHO:
        values = [float(spearman(*np.split(np.asarray(row), 2))) for row in contrast.samples]
    else:
        values = [row[0] for row in contrast.samples]
    over = mean_over_seeds(values)
    if contrast.is_rank:
        return Interval(over.mean, math.nan, math.nan)
    half = 0.0 if contrast.counted else over.half_width
    return Interval(over.mean, over.mean - half, over.mean + half)


def _mean_ps(contrast: Contrast) -> tuple[float, float]:
    low, high = contrast.claimed
    inside = []
    for end, inwards in ((low, 1.0), (high, -1.0)):  # above the lower end, below the upper one
        if math.isfinite(end):
            inside.append(
                _p_positive([inwards * (row[0] - end) for row in contrast.samples], contrast.counted)
            )
    return max(inside), min(1.0, len(inside) * min(1 - p for p in inside))


def _p_positive(values: Sequence[float], counted: bool) -> float:
    """One-sided p of a positive mean, Student's; nan for a single value that was not counted."""
    mean = float(np.mean(values))
    if not counted and max(map(abs, values)) < ROUNDING:
        return 0.5  # runs that ended alike speak for neither side
    if counted or (len(values) > 1 and np.std(values) < ROUNDING):  # no noise: the side decides
        return float(mean <= ROUNDING)
    if len(values) == 1:
        return math.nan
    from scipy.stats import ttest_1samp

    return float(ttest_1samp(values, 0.0, alternative="greater").pvalue)


def _trend_ps(contrast: Contrast) -> tuple[float, float]:
    series = np.asarray(contrast.samples)
    if contrast.counted:
        steps = np.diff(series, axis=1)
        return float(not (steps > 0).all()), float(not (steps < 0).all())
    if len(series) < 2:
        return math.nan, math.nan
    pages = trend(series)
    return pages.p_rising, pages.p_falling


def _rho_ps(contrast: Contrast) -> tuple[float, float]:
    """By orders drawn at random: seeds that give the same few ranks are no measurement without noise."""
    if len(contrast.samples) < 2:
        return math.nan, math.nan
    ours, theirs = np.split(np.asarray(contrast.samples), 2, axis=1)
    return agreement_ps(ours, theirs, np.random.default_rng(0), contrast.of_more_arms)


def _side(size: Interval, claimed: tuple[float, float]) -> Side:
    """Where the whole interval lies. The ends of the range are outside it: equal is not better."""
    if math.isnan(size.low):
        return "open"
    if claimed[0] < size.low and size.high < claimed[1]:
        return "for"
    return "against" if size.high <= claimed[0] or size.low >= claimed[1] else "open"


def _side_of_ps(p_for: float, p_against: float) -> Side:
    """What a 95 % interval would say, of a measure that has none."""
    if p_for < ALPHA / 2:
        return "for"
    return "against" if p_against < ALPHA / 2 else "open"


def _seeds_needed(contrast: Contrast, mean: float, alpha: float, among: int) -> int | None:
    """How many seeds would show on which side of the range the mean lies, were effect and spread as recorded.

    Inside, all contrasts are to show it together; outside, one of them, by a p that counts all and both ends.
    """
    n, (low, high) = len(contrast.samples), contrast.claimed
    if contrast.counted:
        return n
    if n < 2 or contrast.is_rank:
        return None
    values = [row[0] for row in contrast.samples]
    if low < mean < high:
        chance = CHANCE ** (1 / among)
        if math.isfinite(low) and math.isfinite(high):
            centre, half = (low + high) / 2, (high - low) / 2
            return seeds_to_be_alike([v - centre for v in values], math.expm1(half), alpha / 2, chance)
        end = low if math.isfinite(low) else high
        return seeds_to_differ([value - end for value in values], alpha, chance)
    ends = math.isfinite(low) + math.isfinite(high)
    end = low if mean <= low else high
    return seeds_to_differ([value - end for value in values], alpha / (ends * among))


def _p_values(tested: Sequence[Tested]) -> tuple[float, float] | None:
    """p for and against a claim, from its contrasts; None where none may decide yet."""
    sound = [t for t in tested if t.is_sound]
    if not sound:
        return None
    return max(t.p_for for t in sound), min(1.0, len(sound) * min(t.p_against for t in sound))


def _judged(
    scale: str, claim: Claim, parts: Sequence[Sequence[Tested]], sides: tuple[float, float] | None, p: float
) -> Judged:
    """The word for a claim at one scale: what is reversed somewhere is false, whatever else has not been tried."""
    tested = tuple(test for part in parts for test in part)
    deciding = [test for test in tested if test.contrast.decides]
    unlearned = list(dict.fromkeys(t.contrast.unlearned for t in deciding if t.contrast.unlearned))
    places = [_places(statement, scale) for statement in claim.statements]
    needed = sum(
        statement.comparisons(scale) * max(1, len(at))
        for statement, at in zip(claim.statements, places, strict=True)
    )
    untried = needed - sum(_tried(part, at) for part, at in zip(parts, places, strict=True))
    clear = sides is not None and p < ALPHA

    def word(verdict: Word, why: str = "", p: float = math.nan, more_seeds: int | None = None) -> Judged:
        return Judged(scale, verdict, why, p, more_seeds, tested)

    if not deciding:
        return word("not tried")
    if clear and sides is not None and sides[1] < sides[0]:
        return word("reversed", _where(deciding), p)
    if unlearned:
        more = f"; nor in {counted(len(unlearned) - 1, 'other setting')}" if len(unlearned) > 1 else ""
        return word("not learned", unlearned[0] + more)
    if untried:
        return word("undecided", f"{untried} of its {needed} comparisons have no records that may decide")
    if any(math.isnan(test.p_for) for test in deciding):
        return word("undecided", "one seed has no spread")
    if clear:
        return word("holds", _where(deciding), p)
    return word("undecided", _where(deciding), p, _more_seeds(deciding))


def _places(statement: Statement, scale: str) -> list[str]:
    """The settings in each of which a statement must have been tried; none where one is enough."""
    declared = find_study(statement.study).scales.get(scale, {})
    return [] if statement.joins else [name for name in statement.settings if name in declared]


def _tried(tests: Iterable[Tested], places: Sequence[str]) -> int:
    """How many comparisons have records that may decide: of each setting, where there are such."""
    return len({(t.says, t.contrast.setting if places else "") for t in tests if t.contrast.decides})


def _where(deciding: Sequence[Tested]) -> str:
    """On which sides the contrasts lie, each with all of its interval, and which lie against the claim."""
    counts = {side: sum(test.side == side for test in deciding) for side in ("for", "against", "open")}
    lie = ", ".join(f"{n} of {len(deciding)} comparisons {side}" for side, n in counts.items() if n)
    against = [f"{t.says} at {t.contrast.setting}" for t in deciding if t.side == "against"]
    return f"{lie} ({'; '.join(against[:2])}{'; ...' if len(against) > 2 else ''})" if against else lie


def _more_seeds(deciding: Sequence[Tested]) -> int | None:
    """Seeds still missing: for all contrasts where all lie inside their ranges; else for the clearest outside."""
    inside = [test.claimed[0] < test.value < test.claimed[1] for test in deciding]
    needed = [test.seeds_needed for test in deciding]
    outside = [n for n, is_inside in zip(needed, inside, strict=True) if not is_inside and n is not None]
    if all(inside):
        total = None if None in needed else max(n for n in needed if n is not None)
    else:
        total = min(outside, default=None)
    return None if total is None else max(1, total - min(test.n for test in deciding))

"""What was trained: an arm against others, seed by seed, and what is not recorded yet."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.metrics import LOSS, find_metric, main_metric
from analysis.records import Sheet
from analysis.stats import Ratio, paired_ratio
from zigma.common.words import counted


@dataclass(frozen=True)
class Against:
    """One metric of an arm over another arm's in one setting."""

    setting: str
    metric: str
    other: str
    ratio: Ratio | None  # None: seeds that both have are missing, or a value is not above zero
    missing: str = ""

    @property
    def word(self) -> str:
        """Better, worse, or not told apart, as far as the interval says."""
        if self.ratio is None:
            return "not recorded"
        interval = self.ratio.ratio
        higher = find_metric(self.metric).better == "higher"
        if self.ratio.n < 2:
            return "one seed, no interval"
        if interval.high < 1:
            return "worse" if higher else "better"
        if interval.low > 1:
            return "better" if higher else "worse"
        return "not told apart"


def against(sheet: Sheet, arm: str, others: tuple[str, ...]) -> list[Against]:
    """The setting's main metric and its held-out loss, paired by seed, against each of the others."""
    metrics = [name for name in dict.fromkeys((main_metric(sheet.metric_names), LOSS)) if name is not None]
    return [_pair(sheet, arm, other, metric) for metric in metrics for other in others]


def _pair(sheet: Sheet, arm: str, other: str, metric: str) -> Against:
    seeds, values = sheet.in_common((arm, other), metric)
    if not seeds:
        lacking = " and ".join(name for name in (arm, other) if not sheet.by_seed(name, metric))
        return Against(
            sheet.setting, metric, other, None, f"no runs of {lacking}" if lacking else "no seed in common"
        )
    try:
        ratio = paired_ratio(*values.T.tolist())
    except ValueError as error:
        return Against(sheet.setting, metric, other, None, str(error))
    return Against(sheet.setting, metric, other, ratio)


def judged_by(sheet: Sheet) -> str:
    """By which metric a setting's verdict is: the excess where there is one, else the held-out loss."""
    main = main_metric(sheet.metric_names)
    return main if main is not None and main.startswith("excess") else LOSS


def times(ratio: Ratio) -> str:
    """`1.05 [1.01, 1.10], 5 seeds`."""
    return f"{ratio.ratio}, {counted(ratio.n, 'seed')}"

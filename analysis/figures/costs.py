"""Figures 6 and 7: memory, speed and parameters against the number of tokens and against the order receptive field."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from textwrap import fill
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.axes import at_sizes, round_linear, round_log
from analysis.figures.notes import PRINTS_NONE
from analysis.figures.picture import Missing, Picture
from analysis.figures.series import growth_exponent, ratio, recorded_sheets, token_count
from analysis.metrics import find_metric
from analysis.records import Records, backend_of, device_of
from analysis.stats import SeedMean, mean_over_seeds
from analysis.style import SMALL, WIDTH, bare, label, line, looks
from studies.declare.registry import find_study
from studies.run.record import Record
from zigma.common.plugged import leave_out
from zigma.scans import parse_plan

ROW = 2.3  # inches
ROW_LETTERS = 34  # of a line along it
MEMORY, SPEED, PARAMETERS = "peak_memory_mib", "images_per_s", "parameters"
Points = dict[int, SeedMean]  # size -> value
Corner = Literal["upper left", "lower left"]

NAMES = {name: find_metric(name).head(name) for name in (MEMORY, SPEED, PARAMETERS)}
NAMES[SPEED] = f"FPS ({NAMES[SPEED]})"  # as the paper calls it
FLOATS = {"no": "float32", "bf16": "bfloat16", "fp16": "float16"}  # precision, as recorded and in words


@dataclass
class Costs:
    """What the networks of a study cost on one device: metric -> line -> size -> values, and which runs failed."""

    study: str
    scale: str
    device: str
    records: list[Record] = field(default_factory=list)
    values: dict[str, dict[str, dict[int, list[float]]]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def add(self, name: str, size: int, record: Record) -> None:
        """Take up a finished record as a measurement of a line at a size."""
        self.records.append(record)
        for metric in record["metrics"]:
            if metric["name"] in NAMES:
                lines = self.values.setdefault(metric["name"], {})
                value = metric["value"] / find_metric(metric["name"]).unit
                lines.setdefault(name, {}).setdefault(size, []).append(value)

    def in_order(self, names: Iterable[str]) -> None:
        """Put the lines in the order of these names; others follow."""
        for metric, lines in self.values.items():
            self.values[metric] = {name: lines[name] for name in [*names, *lines] if name in lines}

    def points(self, metric: str) -> dict[str, Points]:
        """Line -> size -> the mean, sizes rising."""
        return {
            name: {size: mean_over_seeds(sizes[size]) for size in sorted(sizes)}
            for name, sizes in self.values.get(metric, {}).items()
        }

    @property
    def protocol(self) -> str:
        """Batch, precision and repeats of the measurements."""
        timed = [m for r in self.records for m in r["metrics"] if m["name"] in (MEMORY, SPEED, "latency_ms")]
        parts = []
        for key, words in (("batch_images", "batch {}"), ("precision", "{}"), ("repeats", "{} repeats")):
            values = dict.fromkeys(FLOATS.get(m[key], str(m[key])) for m in timed if m.get(key) is not None)
            parts += [words.format(" or ".join(values))] if values else []
        return ", ".join(parts) or "protocol not recorded"


def figure_6(records: Records) -> Picture | Missing:
    """Figure 6: (a) memory and (b) FPS against tokens; (c) memory and (d) FPS against the order receptive field."""
    by_tokens = costs("complexity", records, lambda arm: arm, token_count)
    by_paths = costs("order_receptive_field", records, family, paths_of)
    rows = list(dict.fromkeys([*by_tokens, *by_paths]))
    if not rows:
        return Missing(
            "python -m studies run complexity --setting all; python -m studies run order_receptive_field"
        )
    notes = [_note(part[key]) for key in rows for part in (by_tokens, by_paths) if key in part]
    notes += [
        "(a, b) logarithmic, L tokens: L^p is the growth over the larger half of the sizes, × the ratio to ZigMa "
        "at the largest size that both have.",
        PRINTS_NONE,
    ]

    def draw(figure: Figure) -> None:
        grid = figure.subplots(len(rows), 4, squeeze=False)
        for axes, key in zip(grid, rows, strict=True):
            tokens, paths = by_tokens.get(key), by_paths.get(key)
            axes[0].set_ylabel(fill(", ".join(key), ROW_LETTERS), fontsize=SMALL)
            for ax, letter, metric in zip(axes[:2], "ab", (MEMORY, SPEED), strict=True):
                _panel(ax, f"({letter})", tokens, metric, draw_growth, "complexity")
            for ax, letter, metric in zip(axes[2:], "cd", (MEMORY, SPEED), strict=True):
                _panel(ax, f"({letter})", paths, metric, draw_paths, "order_receptive_field")

    parts = [part[key] for key in rows for part in (by_tokens, by_paths) if key in part]
    alt = " ".join(_in_words(part, metric) for part in parts for metric in (MEMORY, SPEED))
    behind = {record.path: record for part in parts for record in part.records}
    size = (WIDTH, ROW * len(rows))
    return Picture(size, draw, alt, tuple(notes), tuple(behind.values()))


def figure_7(records: Records) -> Picture | Missing:
    """Figure 7: parameters, FPS and memory against the order receptive field."""
    parts = list(costs("order_receptive_field", records, family, paths_of).values())
    if not parts:
        return Missing("python -m studies run order_receptive_field")
    notes = [*map(_note, parts), PRINTS_NONE]
    metrics = (PARAMETERS, SPEED, MEMORY)

    def draw(figure: Figure) -> None:
        grid = figure.subplots(len(parts), 3, squeeze=False)
        for axes, part in zip(grid, parts, strict=True):
            axes[0].set_ylabel(fill(f"{part.scale}, {part.device}", ROW_LETTERS), fontsize=SMALL)
            for ax, metric in zip(axes, metrics, strict=True):
                _panel(ax, "", part, metric, draw_paths, "order_receptive_field")

    alt = " ".join(_in_words(part, metric) for part in parts for metric in metrics)
    behind = {record.path: record for part in parts for record in part.records}
    size = (WIDTH, ROW * len(parts))
    return Picture(size, draw, alt, tuple(notes), tuple(behind.values()))


def costs(
    study_name: str,
    records: Records,
    line_of: Callable[[str], str],
    size_of: Callable[[Record], int | None],
) -> dict[tuple[str, str], Costs]:
    """(scale, device) -> what a study measured there. Devices never share a line, nor scan backends of one device."""
    study = find_study(study_name)
    parts: dict[tuple[str, str], Costs] = {}
    recorded = recorded_sheets(study, records)
    backends: dict[str, set[str]] = defaultdict(set)
    for record in (record for part in recorded for record in part.records):
        backends[device_of(record)].add(backend_of(record))
    for part in recorded:
        for arm, record in ((arm, record) for arm, runs in part.arms.items() for record in runs):
            device = device_of(record)  # and what scanned there, where that was not the same for all
            key = (part.scale, f"{device}, {backend_of(record)}" if len(backends[device]) > 1 else device)
            part_costs = parts.setdefault(key, Costs(study_name, *key))
            if record["status"] == "failed":
                part_costs.failed.append(f"{arm} {part.setting} seed {record['seed']}")
            elif (size := size_of(record)) is not None:
                part_costs.add(line_of(arm), size, record)
    declared = dict.fromkeys(line_of(arm.name) for arm in study.arms)
    for part_costs in parts.values():
        part_costs.in_order(declared)
    return parts


def family(arm: str) -> str:
    """`zigzag-8` is a zigzag, `parallel-4` is parallel: the line that a number of scans belongs to."""
    return re.sub(r"-\d+$", "", arm)


def paths_of(record: Record) -> int | None:
    """The order receptive field of a record's plan: how many scans it has in all; None if it cannot be read."""
    try:
        plan = parse_plan(record["config"]["model"]["scan"])
    except ValueError as fault:  # of a person's own curve, whose file is gone
        leave_out(f"{record.path} has a plan that cannot be read: {fault}")
        return None
    return sum(len(layer.readings) for layer in plan.period)


def draw_growth(ax: Axes, points: Mapping[str, Points], metric: str) -> None:
    """A cost against the number of tokens, both logarithmic, with exponents of growth and ratios to ZigMa."""
    falls = metric == SPEED
    _lines(ax, points, lambda name: _growth(name, points), "lower left" if falls else "upper left")
    ax.set(xscale="log", yscale="log", xlabel="tokens")
    low, high = ax.get_ylim()
    room = (high / low) ** 0.6  # for the legend
    ax.set_ylim(low / room if falls else low, high if falls else high * room)
    at_sizes(ax.xaxis, {size for line_ in points.values() for size in line_}, apart=4.0)
    round_log(ax.yaxis)


def draw_paths(ax: Axes, points: Mapping[str, Points], metric: str) -> None:
    """A cost against the order receptive field."""
    _lines(ax, points, label, "upper left")
    ax.set(xscale="log", xlabel="order receptive field")
    at_sizes(ax.xaxis, {size for line_ in points.values() for size in line_})
    highest = max(value.mean for line_ in points.values() for value in line_.values())
    ax.set_ylim(0, 1.7 * highest)  # from zero: what is flat should look flat
    round_linear(ax.yaxis)


def _lines(ax: Axes, points: Mapping[str, Points], named: Callable[[str], str], legend: Corner) -> None:
    """Means with their 95 % intervals over repetitions."""
    styles = looks(points)
    for name, line_ in points.items():
        means = [value.mean for value in line_.values()]
        halves = [value.half_width for value in line_.values()]  # nan of one seed draws nothing
        ax.errorbar(list(line_), means, yerr=halves, capsize=2, label=named(name), **line(styles[name]))
    ax.legend(loc=legend, handlelength=2.6)
    bare(ax)


def _panel(ax: Axes, letter: str, part: Costs | None, metric: str, draw: Any, study: str) -> None:
    points = part.points(metric) if part else {}
    if not points:
        ax.text(
            0.5,
            0.5,
            f"no records yet:\n{study}",
            ha="center",
            va="center",
            transform=ax.transAxes,
            fontsize=7,
        )
        ax.set(title=letter, xticks=[], yticks=[])
        return
    draw(ax, points, metric)
    ax.set_title(f"{letter} {NAMES[metric]}".strip())


def _growth(name: str, points: Mapping[str, Points]) -> str:
    """`DiT  L^1.6  x4.9`: the exponent of growth, and how many times ZigMa's at the largest common size."""
    means = {arm: {size: v.mean for size, v in line_.items()} for arm, line_ in points.items()}
    power, times = growth_exponent(means[name]), ratio(means[name], means.get("ZigMa", {}))
    grows = "" if power is None else f"  L^{power:.2f}"
    return label(name) + grows + (f"  ×{_times(times[1])}" if times is not None and name != "ZigMa" else "")


def _times(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _note(part: Costs) -> str:
    counts = {
        len(values) for lines in part.values.values() for sizes in lines.values() for values in sizes.values()
    }
    failed = f"; failed: {', '.join(part.failed)}" if part.failed else ""
    several = f"{min(counts)} to {max(counts)}" if len(counts) > 1 else f"{max(counts, default=1)}"
    counted = "one measurement each" if counts <= {1} else f"mean and 95 % interval of {several} measurements"
    return f"{part.scale}, {part.study}: on {part.device}; {part.protocol}; {counted}{failed}."


def _in_words(part: Costs, metric: str) -> str:
    lines = [
        f"{name} " + ", ".join(f"{value.mean:.3g} at {size}" for size, value in points.items())
        for name, points in part.points(metric).items()
    ]
    return f"{NAMES[metric]} at {part.scale} on {part.device}: {'; '.join(lines)}." if lines else ""

"""What the page says, as plain data: no HTML here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.figures.catalogue import pictures
from analysis.figures.levels import Standing, level_panel
from analysis.figures.notes import provenance
from analysis.figures.picture import Missing, Picture
from analysis.figures.series import recorded_sheets
from analysis.figures.titles import TITLES, heading
from analysis.figures.trends import (
    ROW,
    TOGETHER,
    bands_of,
    curves_height,
    draw_apart,
    draw_legend,
    draw_trend,
    shown_curves,
)
from analysis.records import Records, Sheet, device_of, devices_of
from analysis.records.artifacts import first_grids, shown_grid
from analysis.report.images import data_uris
from analysis.report.store import Store
from analysis.style import WIDTH
from studies.declare.registry import studies
from studies.declare.study import SCALES
from studies.run.record import Record

CURVES_HEIGHT = 2.4  # inches
SAMPLES_SIDE = 384  # pixels of a grid inside a figure of the page; the figure's own files have all


@dataclass(frozen=True)
class ShownFigure:
    """A figure, or what would have to be run for it."""

    name: str
    number: str
    title: str
    picture: Picture | None
    notes: tuple[str, ...] = ()
    scales: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    records: tuple[int, ...] = ()
    run: str = ""


@dataclass(frozen=True)
class ShownSample:
    """A run's sample grid."""

    title: str
    scale: str
    device: str
    uri: str
    record: int


@dataclass(frozen=True)
class Overview:
    """Counts over all records."""

    done: int
    failed: int
    by_scale: tuple[tuple[str, int], ...]
    devices: tuple[str, ...]
    commits: tuple[str, ...]
    latest: str
    faults: tuple[str, ...]


def overview(records: Records) -> Overview:
    """Counts, devices and commits of the records; the latest one's time rather than today's, so that a rerun on
    the same records writes the same page."""
    scales = Counter(record["scale"] for record in records)
    commits = Counter(str(record["environment"].get("commit") or "unknown")[:12] for record in records)
    return Overview(
        done=sum(record["status"] == "done" for record in records),
        failed=sum(record["status"] == "failed" for record in records),
        by_scale=tuple((scale, scales[scale]) for scale in SCALES if scales[scale]),
        devices=tuple(sorted(devices_of(records))),
        commits=tuple(commit for commit, _ in commits.most_common()),
        latest=max((str(record.data.get("finished", "")) for record in records), default=""),
        faults=tuple(records.faults),
    )


def shown_figures(records: Records, results: Path, store: Store) -> list[ShownFigure]:
    """The paper's figures, and those beyond it."""
    figures = []
    for name, picture in pictures(TITLES, records, results, side=SAMPLES_SIDE).items():
        number = name.removeprefix("figure_")
        if isinstance(picture, Missing):
            figures.append(ShownFigure(name, number, heading(name), None, run=picture.run))
        else:
            figures.append(_figure(name, number, heading(name), picture, store))
    return figures


def _figure(name: str, number: str, title: str, picture: Picture, store: Store) -> ShownFigure:
    return ShownFigure(
        name,
        number,
        title,
        picture,
        picture.notes,
        tuple(dict.fromkeys(record["scale"] for record in picture.records)),
        devices_of(picture.records),
        tuple(store.refer(picture.records)),
    )


def panel(standing: Standing, number: int, store: Store) -> ShownFigure:
    """A chart of the page's opening."""
    title = f"Between baselines and floor: {standing.part.scale}, {standing.part.setting}"
    return _figure(f"chart-{number}", "", title, level_panel(standing), store)


def counted_sheets(records: Records) -> list[Sheet]:
    """Every study's records at every scale and setting that has any."""
    return [part for study in studies().values() for part in recorded_sheets(study, records)]


def learning_curves(parts: Sequence[Sheet], store: Store) -> list[ShownFigure]:
    """Loss and quality over training for every study, scale and setting; runs that several studies share once."""
    figures: list[ShownFigure] = []
    seen: set[frozenset[str]] = set()
    for part in parts:
        done = [record for arm in part.arms for record in part.done(arm) if record["curves"]]
        runs = frozenset(record["identity"] for record in done)
        shown = shown_curves(part, loss=True)
        if not shown or any(runs <= other for other in seen):
            continue
        seen.add(runs)
        title = f"{part.study.name}, {part.scale}, {part.setting}"
        figures.append(_figure(f"curves-{len(figures)}", "", title, _curves(part, shown, done), store))
    return figures


def _curves(part: Sheet, shown: tuple[str, ...], done: list[Record]) -> Picture:
    bands = {name: bands_of(part, name) for name in shown}
    arms = max(map(len, bands.values()))
    apart = arms > TOGETHER
    height = curves_height(max(bands.values(), key=len)) + (0 if apart else CURVES_HEIGHT - ROW)

    def draw(figure: Any) -> None:
        if apart:  # the quality of samples where it was measured on the way
            name = shown[-1]
            draw_apart(figure, bands[name], name.replace("_", " "), name != "loss")
            return
        axes = figure.subplots(1, len(shown), squeeze=False)[0]
        figure.subplots_adjust(
            left=0.09, right=0.98, top=0.97, bottom=1 - 0.75 * CURVES_HEIGHT / height, wspace=0.25
        )
        for ax, name in zip(axes, shown, strict=True):
            words = name.replace("_", " ")
            draw_trend(ax, bands[name], words, name != "loss")
        draw_legend(figure, axes[0], loc="lower left", bbox_to_anchor=(0.09, 0))

    ends = [
        f"{name.replace('_', ' ')}: "
        + ", ".join(f"{arm} ends at {band.mean[-1]:.3g}" for arm, band in bands[name].items())
        for name in shown
    ]
    alt = f"Curves over training of {part.study.name} at {part.scale}, {part.setting}. {'. '.join(ends)}."
    notes = provenance(part)
    return Picture((WIDTH, height), draw, alt, notes, tuple(done), "constrained" if apart else None)


def shown_samples(parts: Sequence[Sheet], results: Path, store: Store) -> list[ShownSample]:
    """The grid of the lowest seed of each arm, scale and setting that a study counts, each run once."""
    first: dict[str, tuple[Record, Path]] = {}
    for part in parts:
        for record, file in first_grids(part, results).values():
            first.setdefault(record["identity"], (record, file))
    first = {k: pair for k, pair in first.items() if shown_grid(pair[1], 1) is not None}
    uris = data_uris([file for _, file in first.values()])
    return [
        ShownSample(_place(record), record["scale"], device_of(record), uri, store.refer([record])[0])
        for (record, _), uri in zip(first.values(), uris, strict=True)
    ]


def _place(record: Record) -> str:
    study, arm, scale, setting = (record[part] for part in ("study", "arm", "scale", "setting"))
    return f"{study}: {arm}, {scale}, {setting}, seed {record['seed']}"

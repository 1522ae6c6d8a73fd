"""Table 10: the training setup, as printed beside the preset that a run at the paper's scale takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from analysis.records import Records, sheets
from analysis.tables.values import Cell, Column, Exact, Note, Part, Table, rows_of
from studies.declare.study import Arm, Study, runs
from zigma.experiment.config import RunConfig

SETUP = "training_setup"  # the study that it shows
TRAINING, COUNTED = "training", "parameters"  # its settings: the presets themselves, and their networks alone
# what Table 10 prints in words; its numbers stand beside the arms
OPTIMIZER = "AdamW"
LATENTS = {
    "FacesHQ 1024": "4x128x128",
    "MS-COCO 256": "4x32x32",
    "MultiModal-CelebA 512": "4x64x64",
    "UCF-101": "4x32x32",
}


def _latents(config: RunConfig) -> str:
    side = config.model.grid[-1]
    return f"{config.model.in_channels}x{side}x{side}"


ROWS: Mapping[str, Callable[[RunConfig], Cell]] = {
    "Autoencoder f": lambda c: Exact(c.data.size / c.model.grid[-1]),
    "z-shape": _latents,
    "Model size": lambda c: None,  # counted: of a record
    "Patch size": lambda c: Exact(c.model.patch),
    "Channels": lambda c: Exact(c.model.hidden),
    "Depth": lambda c: Exact(c.model.depth),
    "Optimizer": lambda c: OPTIMIZER,
    "Batch size/GPU": lambda c: f"{c.training.batch_images} in all",
    "GPU num": lambda c: "any",
    "Learning rate": lambda c: f"{c.training.learning_rate:g}",
    "weight decay": lambda c: f"{c.training.weight_decay:g}",
    "EMA rate": lambda c: f"{c.training.ema_rate:g}",
    "Warmup steps": lambda c: Exact(c.training.warmup_steps),
    "A100-hours": lambda c: None,  # measured: of a record
}


def setup_table(study: Study, records: Records, file: str) -> Table:
    """The presets transposed as in the paper: a row per hyperparameter, a pair of columns per data set."""
    counted = {arm.name: _counted(study, records, arm) for arm in study.arms}
    hours = {arm.name: _hours(study, records, arm) for arm in study.arms}
    presets = {
        run.arm: run.config
        for run in runs(study, "paper")
        if run.setting == TRAINING and isinstance(run.config, RunConfig)
    }
    columns, cells = [], []
    for arm in study.arms:
        config = presets[arm.name]
        columns += [Column(arm.name, "paper", "neither"), Column(arm.name, "preset", "neither")]
        cells.append([_printed(arm, row) for row in ROWS])
        measured: dict[str, Cell] = {"Model size": counted[arm.name], "A100-hours": hours[arm.name]}
        cells.append([measured.get(row) or read(config) for row, read in ROWS.items()])
    rows = rows_of(ROWS, cells)
    lines = (
        "preset: what the declarations give a run at scale paper; model size and hours are of records",
        "hours: device hours of our runs, on whatever device made them; — where no run at scale paper is recorded",
    )
    notes = tuple(Note("preset", line) for line in lines)
    part = Part("paper", TRAINING, "Scale paper", tuple(columns), rows, notes, corner="hyperparameter")
    everywhere = [sheet for scale in study.scales for sheet in sheets(study, records, scale).values()]
    behind = tuple(dict.fromkeys(record["identity"] for sheet in everywhere for record in sheet.records))
    presets_follow = tuple(Note("preset", line) for line in study.notes)
    return Table(study.shows, file, study.title, (part,), presets_follow, behind, study.name)


def _printed(arm: Arm, row: str) -> Cell:
    if row == "z-shape":
        return LATENTS.get(arm.name)
    if row == "Optimizer":
        return OPTIMIZER
    value = arm.paper.get(row)
    if value is None:
        return None
    return f"{value:g} M" if row == "Model size" else f"{value:g}"


def _counted(study: Study, records: Records, arm: Arm) -> Cell:
    values = {
        value
        for scale in study.scales
        if COUNTED in study.scales[scale]
        for value in sheets(study, records, scale)[COUNTED].values(arm.name, "parameters")
    }
    return f"{values.pop() / 1e6:.1f} M" if len(values) == 1 else None


def _hours(study: Study, records: Records, arm: Arm) -> Cell:
    identities = [record["identity"] for record in sheets(study, records, "paper")[TRAINING].done(arm.name)]
    hours = records.frame.loc[[records.place[identity] for identity in identities], "device_hours"].dropna()
    return f"{hours.mean():g}" if len(hours) else None

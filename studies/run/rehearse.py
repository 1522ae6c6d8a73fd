"""`run --rehearse`: the whole way once, data to a row of a table, small, in a folder that is thrown away."""

from __future__ import annotations

import csv
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from studies.declare.own_data import FOLDER, is_own_images
from studies.declare.selection import Selection
from studies.declare.study import Run, Study, runs, unknown_parts
from studies.declare.validate import machine_problems, resolve
from studies.run.sweep import scratch_folder, sweep_rehearsals
from zigma.common.machine import machine
from zigma.common.places import DATA_VARIABLE, WEIGHTS_VARIABLE
from zigma.common.words import Problems
from zigma.experiment.config import RunConfig
from zigma.experiment.estimate import estimate
from zigma.experiment.watch import Watch

FEW = 2  # images: fewer have no covariance
SMALL: dict[str, Any] = {
    "training.steps": 2,
    "training.batch_images": 2,
    "training.warmup_steps": 1,
    "sampling.steps": 2,
    "sampling.rtol": 1.0,
    "sampling.atol": 100.0,  # as few evaluations of the network as a solver with free steps can do with
    "evaluation.n_generated": FEW,
    "evaluation.n_real": FEW,
    "evaluation.n_on_the_way": FEW,
    "evaluation.every_steps": 2,
}


def rehearse(selection: Selection, say: Callable[[str], None] | None = None) -> int:
    """One arm of each setting, small; says what is missing, what was slow, and what memory it took.

    Nothing is recorded. Returns 1 where something failed, which the rehearsal is for.

    Raises:
        Problems: runs cannot work for a reason that stand-ins do not mend.
    """
    say = say or partial(print, flush=True)
    sweep_rehearsals()
    with scratch_folder() as scratch:
        small = replace(
            selection, seeds=selection.seeds[:1], changes={**selection.changes, **_fitting(selection)}
        )
        _can_work(_first_arms(small), say)
        with _stand_ins(small, scratch) as missing:
            say("missing, random stand-ins taken: " + ", ".join(missing) if missing else "nothing is missing")
            by_setting = {run.setting: run for run in reversed(resolve(small))}
            failed = [run.label for run in reversed(by_setting.values()) if not _one(run, scratch, say)]
            in_table = _table(small, scratch / "results", say)
    say(
        f"memory: {_peak_gib():.1f} GiB at most, with {small.changes.get('training.batch_images', FEW)} images a step"
        f"{_gpu_memory()}"
    )
    if failed:
        end = f"failed: {', '.join(failed)}"
    else:
        end = "it works" if in_table else "the runs work, their table does not"
    say(f"{end}; nothing was recorded")
    return int(bool(failed) or not in_table)


def _fitting(selection: Selection) -> dict[str, Any]:
    """Of the small values those of parts that this study's runs have; a person's own where they are smaller still."""
    configs = [selection.study.scales[selection.scale][setting] for setting in selection.settings]
    parts = {name for config in configs for name in type(config).model_fields}
    small = {path: value for path, value in SMALL.items() if path.partition(".")[0] in parts}
    for path in (path for path in small if path.startswith("training.")):
        own = selection.changes.get(path)
        if type(own) is int:
            small[path] = min(own, small[path])
    return small


def _first_arms(selection: Selection) -> list[Run]:
    """What is rehearsed, before anything that it reads is there; `resolve` says what else is wrong with it.

    Raises:
        Problems: changes do not fit.
    """
    study = selection.study
    bases = [study.scales[selection.scale][setting] for setting in selection.settings]
    unknown = unknown_parts(bases, selection.changes)
    if unknown:
        raise Problems(dict.fromkeys(map(str, unknown.values())))
    first = replace(study, arms=study.arms[:1])
    return runs(first, selection.scale, selection.seeds, selection.changes, selection.settings)


def _can_work(first: Sequence[Run], say: Callable[[str], None]) -> None:
    """Say what the rehearsal will take; raise `Problems` where this machine cannot carry it out."""
    here = machine()
    configs = [run.config for run in first if isinstance(run.config, RunConfig)]
    needs = [estimate(config, "gpu" if here.gpus_gib else "cpu") for config in configs]
    if needs:
        say(
            f"needs, by estimate, {max(need.memory_gib for need in needs):.1f} GiB of memory "
            f"({max(here.gpus_gib or [here.memory_gib]):.1f} GiB are free) and "
            f"{max(1, sum(need.seconds for need in needs) / 60):.0f} min"
        )
    if problems := machine_problems(first, here):
        raise Problems(problems)


def _one(run: Run, scratch: Path, say: Callable[[str], None]) -> bool:
    from studies.run.carry_out import carry_out
    from studies.run.conditions import Conditions

    began = time.monotonic()
    record = carry_out(
        run,
        Conditions(results=scratch / "results", mode="cached"),
        Watch(stage=lambda message: say(f"  {message}")),
    )
    took = {name: float(seconds) for name, seconds in record["wall_time_s"].items()}
    slow = max(took, key=lambda name: took[name]) if took else "everything"
    line = f"{run.setting}, arm {run.arm}: {time.monotonic() - began:.0f} s, slowest {slow}"
    line += f" ({took[slow]:.0f} s)" if took else ""
    say(line if record["status"] == "done" else f"{line}; FAILED: {record['error']}")
    return bool(record["status"] == "done")


def _table(selection: Selection, results: Path, say: Callable[[str], None]) -> bool:
    """Say the row of the study's table, by the command that makes tables; it is not imported here.

    Returns whether there is one.
    """
    study: Study = selection.study
    _show_own_data(selection, results)
    changes = [
        word for path, value in selection.changes.items() for word in ("--set", f"{path}={_word(value)}")
    ]
    command = [
        sys.executable,
        "-m",
        "analysis",
        "make-tables",
        study.file or study.name,
        "--source",
        "own",
        *changes,
    ]
    made = subprocess.run(
        [*command, "--results", str(results)], capture_output=True, check=False, text=True, errors="replace"
    )
    arms = {arm.name for arm in study.arms}
    cells: dict[str, dict[str, str]] = {}  # arm -> column -> number of ours
    for file in sorted(results.rglob("*.csv")):
        for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines()):
            if (
                row["arm"] in arms
                and row["source"] == "ours"
                and (number := _number(row["value"])) is not None
            ):
                cells.setdefault(row["arm"], {})[row["column"]] = f"{number:.4g}"
    for arm, numbers in cells.items():
        say(f"row of the table: {arm} has " + ", ".join(f"{name} {value}" for name, value in numbers.items()))
    if not cells:
        why = made.stderr.strip().splitlines()[-1:] if made.returncode else []
        say(": ".join(["no row of a table came out of it", *why]))
    return bool(cells)


def _word(value: Any) -> str:
    """A value as `--set` reads it."""
    return value if isinstance(value, str) else json.dumps(value)


def _number(cell: str) -> float | None:
    """Of a cell of a table; None of one that is empty or holds a word, such as `stale`."""
    try:
        return float(cell)
    except ValueError:
        return None


def _show_own_data(selection: Selection, results: Path) -> None:
    """Let tables of another results folder know a person's own images, which have settings of their own there."""
    for setting in selection.settings:
        config = selection.study.scales[selection.scale][setting]
        if is_own_images(config) and isinstance(config, RunConfig) and config.data.root is not None:
            prepared = Path(config.data.root)
            (results / FOLDER).mkdir(parents=True, exist_ok=True)
            (results / FOLDER / prepared.name).symlink_to(prepared.absolute(), target_is_directory=True)


@contextmanager
def _stand_ins(selection: Selection, scratch: Path) -> Iterator[list[str]]:
    """Environment in which everything that runs read is there; gives the names of what was not."""
    study, scale = selection.study, selection.scale
    configs = [study.config(arm, scale, setting) for setting in selection.settings for arm in study.arms]
    before = {name: os.environ.get(name) for name in (WEIGHTS_VARIABLE, DATA_VARIABLE)}
    missing: list[str] = []
    try:
        for config in configs:
            if isinstance(config, RunConfig):
                _weights_of(config, scratch, missing)
        for config in configs:
            if isinstance(config, RunConfig):
                _data_of(config, scratch, missing)
        yield missing
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def _weights_of(config: RunConfig, scratch: Path, missing: list[str]) -> None:
    from zigma.data.weights import PARTS, autoencoder_folder
    from zigma.experiment import stand_ins
    from zigma.metrics.weights import WEIGHTS

    for name in config.evaluation.extractors:
        if name in WEIGHTS and _lacks(WEIGHTS[name].find):  # else an extractor of hers
            stand_ins.extractor(name, _apart(WEIGHTS_VARIABLE, scratch))
            missing.append(WEIGHTS[name].what)
    if config.data.view == "latents" and _lacks(autoencoder_folder):
        folder = PARTS["vae"].folder
        stand_ins.autoencoder(_apart(WEIGHTS_VARIABLE, scratch) / folder)
        missing.append(f"autoencoder {folder}")


def _data_of(config: RunConfig, scratch: Path, missing: list[str]) -> None:
    from zigma.data.names import PREPARED
    from zigma.data.shards.sources import shards_root
    from zigma.data.weights import autoencoder_folder
    from zigma.experiment import stand_ins

    data = config.data
    if data.name in PREPARED and data.root is None and _lacks(lambda: shards_root(data)):
        vae = autoencoder_folder() if data.view == "latents" else None
        stand_ins.shards(data, _apart(DATA_VARIABLE, scratch) / f"{data.name}-{data.size}", scratch, vae)
        missing.append(f"shards of {data.name} at {data.size}")


def _lacks(find: Callable[[], object]) -> bool:
    try:
        find()
    except (ValueError, FileNotFoundError):
        return True
    return False


def _apart(variable: str, scratch: Path) -> Path:
    """A folder of the rehearsal's own in a variable's place, with links to all that lies in the person's."""
    apart = scratch / variable
    if not apart.is_dir():
        apart.mkdir()
        own = os.environ.get(variable)
        for path in Path(own).expanduser().iterdir() if own and Path(own).expanduser().is_dir() else ():
            (apart / path.name).symlink_to(path.absolute())
        os.environ[variable] = str(apart)
    return apart


def _peak_gib() -> float:
    """The most memory that this process has held: Linux counts it in KiB, macOS in bytes."""
    unit = 1 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def _gpu_memory() -> str:
    import torch

    if not torch.cuda.is_available():
        return ""
    return f", {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB of the GPU"

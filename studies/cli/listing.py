"""`list` and `show`: what is declared, what it would cost, how much of it is recorded."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from studies.declare.identity import identity_here
from studies.declare.registry import find_study, studies
from studies.declare.study import SCALES, Study
from studies.run.record import recorded
from zigma.common.configuration import Configuration
from zigma.experiment.config import Config
from zigma.experiment.estimate import estimate, scale_device

DEVICES = {"cpu": "a core", "gpu": "a GPU"}


def print_list(results: Path) -> None:
    """A line for each study: its arms, and for each scale the settings, the cost and how much is recorded."""
    files = recorded(results)
    rows, everything = [["study", "rebuilds", "arms", *_heads()]], dict.fromkeys(SCALES, frozenset[Config]())
    for study in studies().values():
        row = [study.name, study.shows, str(len(study.arms))]
        for scale in SCALES:
            configs = _configs(study, scale)
            everything[scale] |= configs
            sets = str(len(study.scales[scale])) if configs else "-"
            row += [sets, _cost(configs, scale), _known(configs, files)]
        rows.append(row)
    total = ["all", "shared runs once", ""]
    for scale in SCALES:
        total += ["", _cost(everything[scale], scale), _known(everything[scale], files)]
    rows.append(total)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        (name, shows), numbers = row[:2], row[2:]
        cells = [word.rjust(width) for word, width in zip(numbers, widths[2:], strict=True)]
        print("  ".join([name.ljust(widths[0]), shows.ljust(widths[1]), *cells]).rstrip())
    print("sets: settings (data and size); cost: of one seed in all of them, by estimate")
    print(
        "-/4: the data or the weights are not on this machine. `show STUDY` says more; `run` takes the first setting"
    )


def _heads() -> list[str]:
    return [
        head for scale in SCALES for head in ("sets", f"{scale}, {DEVICES[scale_device(scale)]}", "recorded")
    ]


def print_show(name: str) -> None:
    """One study: its arms beside the paper's numbers, its settings at each scale, and the sources it follows."""
    study = find_study(name)
    print(f"{study.name}: {study.title} ({study.shows})")
    print("\narms")
    width = max(len(arm.name) for arm in study.arms) + 2
    for arm in study.arms:
        print(f"  {arm.name:<{width}}{_changes(arm.changes)}")
        for place, changes in arm.at.items():
            print(f"  {'':<{width}}at {place}: {_changes(changes)}")
        if arm.paper:
            printed = ", ".join(f"{column} {value:g}" for column, value in arm.paper.items())
            print(f"  {'':<{width}}paper: {printed}")
    for scale in SCALES:
        for setting, config in study.scales.get(scale, {}).items():
            column = study.stands_for.get(setting)
            print(f"\nscale {scale}, setting {setting}" + (f" (for the paper's {column})" if column else ""))
            _print_config(config)
            configs = {study.config(arm, scale, setting) for arm in study.arms}
            most = max(estimate(one, scale_device(scale)).memory_gib for one in configs)
            cost = f"{_cost(configs, scale)} of {DEVICES[scale_device(scale)]}"
            print(
                f"  {'cost':<13}{cost} for {len(configs)} runs, up to {most:.1f} GiB of memory for a whole batch"
            )
    if study.notes:
        print("\nsources and stand-ins")
        print(*(f"  {note}" for note in study.notes), sep="\n")


def _print_config(config: Config) -> None:
    for part, value in config:
        if isinstance(value, Configuration):
            kind = getattr(value, "kind", None)
            shown = [
                f"{name}={_short(field)}" for name, field in value if field is not None and name != "kind"
            ]
            print(f"  {part:<13}{f'{kind}: ' if kind else ''}{', '.join(shown)}")
        elif part != "seed":
            print(f"  {part:<13}{_short(value)}")


def _changes(changes: Any) -> str:
    return ", ".join(f"{path}={_short(value)}" for path, value in changes.items())


def _short(value: Any) -> str:
    """A configuration inside another as its kind and what differs from its defaults."""
    if isinstance(value, tuple):
        return ("x" if all(isinstance(side, int) for side in value) else ",").join(map(str, value))
    if not isinstance(value, Configuration):
        return "none" if value is None else str(value)
    other = [
        f"{name}={_short(field)}" for name, field in value if field != type(value).model_fields[name].default
    ]
    return f"{getattr(value, 'kind', '')}({', '.join(other)})"


def _configs(study: Study, scale: str) -> frozenset[Config]:
    settings = study.scales.get(scale, ())
    return frozenset(study.config(arm, scale, setting) for setting in settings for arm in study.arms)


def _cost(configs: Collection[Config], scale: str) -> str:
    if not configs:
        return "-"
    minutes = sum(estimate(config, scale_device(scale)).seconds for config in configs) / 60
    return f"{max(minutes, 1):.0f} min" if minutes < 99.5 else f"{minutes / 60:,.0f} h"


def _known(configs: frozenset[Config], files: dict[str, Path]) -> str:
    """`3/4`; `-/4` where the data or weights are not here, so that no run can have been made of them."""
    if not configs:
        return "-"
    if not files:  # then nothing has to be hashed
        return f"0/{len(configs)}"
    identities = [identity_here(config) for config in configs]
    if not any(identities):
        return f"-/{len(configs)}"
    return f"{sum(found in files for found in identities)}/{len(configs)}"

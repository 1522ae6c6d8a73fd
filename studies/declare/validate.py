"""Everything that can be known to be wrong with a run before it starts: all of it, a line each. No torch."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from studies.declare.changes import change
from studies.declare.identity import orders_fingerprint, plan_of, tokens_of
from studies.declare.selection import Selection
from studies.declare.study import Run, unknown_parts, with_settings
from zigma.common.machine import Machine
from zigma.common.plugged import EXTRACTORS, short
from zigma.common.words import Problems, WordError, one_line
from zigma.experiment.config import Config, MeasurementConfig, RunConfig, ScanConfig
from zigma.experiment.estimate import estimate, parameters
from zigma.metrics.config import FEWEST_FRAMES
from zigma.models.config import ZigMaConfig
from zigma.models.specs import MambaSpec, OwnMixerSpec, OwnOrdering

ROOM = 0.95  # of a device's memory may be filled by estimate


def resolve(selection: Selection) -> list[Run]:
    """The runs that are meant, each once: arms of one configuration are one run.

    Raises:
        Problems: some cannot work; every problem of every run, and none of them may be started. A problem that all
            runs share is one line, one of some names them. Devices and memory are `machine_problems`.
    """
    scale, settings = selection.scale, selection.settings
    bases = {setting: selection.study.scales[scale][setting] for setting in settings}
    unknown = unknown_parts(bases.values(), selection.changes)
    changes = {path: value for path, value in selection.changes.items() if path not in unknown}
    study = with_settings(selection.study, changes)
    configs, faults = {}, []
    for setting, base in bases.items():
        for arm in study.arms:
            cell = Cell(arm.name, setting, type(base))
            try:
                config = study.config(arm, scale, setting)
                configs[cell] = config
                faults.append((cell, config_faults(config)))
            except WordError as error:
                faults.append((cell, error.lines if isinstance(error, Problems) else [str(error)]))
    of_networks = next((path for path in changes if path.startswith("model.")), None)
    fixed = [
        f"{name} takes no --set {of_networks}: {study.fixed[name]}" for name in bases if name in study.fixed
    ]
    problems = [
        *dict.fromkeys(map(str, unknown.values())),
        *_merged(selection, changes, configs),
        *(fixed if of_networks else ()),
        *_together(faults),
    ]
    if problems:
        raise Problems(problems)
    runs: dict[str, Run] = {}
    for seed in selection.seeds:
        for cell, config in configs.items():
            run = Run(study.name, cell.arm, scale, cell.setting, config.replace(seed=seed))
            runs.setdefault(run.identity, run)
    return list(runs.values())


def _merged(selection: Selection, changes: Mapping[str, Any], configs: Mapping[Cell, Config]) -> list[str]:
    """A line for each group of arms that differ as declared, and not any more with the user's changes."""
    lines = []
    groups: dict[tuple[str, Config], list[str]] = {}
    for cell, config in configs.items():
        groups.setdefault((cell.setting, config), []).append(cell.arm)
    alike = ((setting, names) for (setting, _), names in groups.items() if len(names) > 1)
    for setting, names in alike:
        arms = [arm for arm in selection.study.arms if arm.name in names]
        if len({selection.study.config(arm, selection.scale, setting) for arm in arms}) > 1:
            lines.append(
                f"--set {', '.join(changes)} makes {', '.join(names)} one and the same: keep one of them by --only"
            )
    return list(dict.fromkeys(lines))


def machine_problems(runs: Iterable[Run], here: Machine, devices: int = 1) -> list[str]:
    """Why this machine cannot carry these runs out, each on so many devices; a line for each problem."""
    return _together(
        [
            (Cell(run.arm, run.setting, type(run.config)), machine_faults(run.config, here, devices))
            for run in runs
        ]
    )


def sharing_problems(runs: Iterable[Run], devices: int) -> list[str]:
    """Why runs cannot be shared by so many devices: their batches would not be of one size."""
    return _together(
        [(Cell(run.arm, run.setting, type(run.config)), _sharing_faults(run.config, devices)) for run in runs]
    )


def _sharing_faults(config: Config, devices: int) -> list[str]:
    if not isinstance(config, RunConfig) or config.training.batch_images % devices == 0:
        return []
    images = config.training.batch_images
    can = ", ".join(str(n) for n in range(1, images + 1) if images % n == 0)
    return [f"training.batch_images={images} is not divisible by {devices} devices; it is by {can}"]


class Cell(NamedTuple):
    """An arm under a setting, and the kind of run that it is there."""

    arm: str
    setting: str
    kind: type[Config]


def _together(faults: Sequence[tuple[Cell, list[str]]]) -> list[str]:
    """A line for each fault, with the arms and settings that have it where others of their kind do not."""
    having: dict[str, list[Cell]] = {}
    for cell, lines in faults:
        for line in lines:
            having.setdefault(line, []).append(cell)
    cells = dict.fromkeys(cell for cell, _ in faults)
    result = []
    for line, some in having.items():
        those = set(some)
        shared = all(cell in those for cell in cells if cell.kind in {one.kind for one in those})
        names = dict.fromkeys(f"{cell.arm} {cell.setting}" for cell in some)
        result.append(line if shared else f"{', '.join(names)}: {line}")
    return result


def config_faults(config: Config) -> list[str]:
    """What does not fit together, and which data and weights are not on this machine."""
    faults = [fault for rule in RULES for fault in _faults(rule, config)]
    return list(dict.fromkeys(faults))


def missing(config: Config) -> list[str]:
    """Which data and weights are not on this machine, with what to do about each."""
    return list(dict.fromkeys(fault for rule in (_weights, _shards) for fault in _faults(rule, config)))


def machine_faults(config: Config, here: Machine, devices: int = 1) -> list[str]:
    """Why a machine cannot carry a run out: a device that is not there, or too little memory by estimate."""
    faults = []
    if isinstance(config, MeasurementConfig) and config.quantities == ("parameters",):
        return []  # counted without weights and without a device
    if isinstance(config, MeasurementConfig) and config.device == "cuda" and not here.gpus_gib:
        faults.append("device=cuda, but this machine has no GPU; --set device=cpu measures on this one")
    if isinstance(config, RunConfig) and config.training.precision == "fp16" and not here.gpus_gib:
        faults.append(
            "training.precision=fp16 needs a GPU and this machine has none; bf16 works on both, or no"
        )
    return faults or _memory_faults(config, here, devices)


def _memory_faults(config: Config, here: Machine, devices: int) -> list[str]:
    on_gpu = bool(here.gpus_gib) and not (isinstance(config, MeasurementConfig) and config.device == "cpu")
    if on_gpu:
        available, needed, what = (
            min(here.gpus_gib),
            estimate(config, "gpu", devices).memory_gib,
            "a GPU here has",
        )
    else:
        available, needed, what = here.memory_gib, estimate(config, "cpu").memory_gib, "this machine has free"
    if needed <= ROOM * available:
        return []
    line = f"needs about {needed:.1f} GiB of memory by estimate and {what} {available:.1f}"
    for changes in _smaller(config):
        try:
            less = estimate(change(config, changes), "gpu" if on_gpu else "cpu", devices).memory_gib
        except WordError:  # not of this network
            continue
        if less <= ROOM * available:
            words = " ".join(f"--set {path}={json.dumps(value)}" for path, value in changes.items())
            return [f"{line}; {words} would need about {less:.1f}"]
    return [f"{line}; no smaller batch or depth makes it fit"]


def _smaller(config: Config) -> Iterator[dict[str, Any]]:
    """Changes by which a run needs less memory: first what leaves its numbers alone, last a smaller network."""
    changes: dict[str, Any] = {}
    if isinstance(config, RunConfig):
        yield (changes := {"model.gradient_checkpointing": True})
    if isinstance(config, ScanConfig):
        return
    measured = isinstance(config, MeasurementConfig)
    field = "batch_images" if measured else "training.batch_images"
    images = config.batch_images if isinstance(config, MeasurementConfig) else config.training.batch_images
    for path, number in ((field, images), ("model.depth", config.model.depth)):
        while number > 1:
            number //= 2
            yield (changes := {**changes, path: number})


def _faults(rule: Callable[[Any], Iterator[str]], config: Config) -> Iterator[str]:
    """What a rule says, an error that it meets included: of data and weights, the message says what to do."""
    try:
        yield from rule(config)
    except (ValueError, FileNotFoundError) as error:
        yield one_line(error)


def _scan(config: Config) -> Iterator[str]:
    orders_fingerprint(config)  # raises where a plan and a grid do not fit
    if (plan := plan_of(config)) is not None:
        from zigma.scans.again import check_again

        check_again(plan, *tokens_of(config))
    if not isinstance(config, ScanConfig) and isinstance(config.model, ZigMaConfig):
        yield from _state(config.model)
        if isinstance(config.model.mixer, OwnMixerSpec) or isinstance(config.model.ordering, OwnOrdering):
            parameters(config.model)  # raises where its file does not run, or makes no such thing


def _state(model: ZigMaConfig) -> Iterator[str]:
    """Layers that cannot hand their states on, or cannot read sorted tokens."""
    carries = isinstance(model.mixer, MambaSpec) and model.mixer.carry_state
    if carries or model.ordering is not None:
        from zigma.scans import cannot_carry, cannot_sort, scan_plan

        layers = scan_plan(model.scan, model.token_grid, model.depth)
        yield from filter(None, map(cannot_carry, layers if carries else ()))
        yield from filter(None, map(cannot_sort, layers if model.ordering is not None else ()))


def _grid(config: Config) -> Iterator[str]:
    """A network for another grid than the data's."""
    if not isinstance(config, RunConfig):
        return
    data = config.data
    sides = tuple(side // 8 if data.view == "latents" else side for side in data.sides)
    grid = sides if data.frames is None else (data.frames, *sides)
    if config.model.grid != grid:
        kind = "images" if data.frames is None else f"videos of {data.frames} frames"
        yield (
            f"model.grid={config.model.grid} does not fit {data.name} ({kind}) at data.size={data.size}: "
            f"it should be {grid}"
        )


def _told(config: Config) -> Iterator[str]:
    """Channels, classes, captions and numbers of images, as the data has them."""
    if not isinstance(config, RunConfig):
        return
    from zigma.data.facts import data_facts

    model, data, facts = config.model, config.data, data_facts(config.data)
    if model.in_channels != facts.channels:
        yield f"model.in_channels={model.in_channels}, but {data.name} as {data.view} has {facts.channels}"
    if model.text_width is not None and facts.captions is False:
        yield f"model.text_width is set, but {data.name} has no captions: prepare it with --captions, or set it to none"
    if model.text_width is not None and facts.caption_words and model.text_tokens < facts.caption_words:
        yield (
            f"model.text_tokens={model.text_tokens}, but captions of {data.name} have up to "
            f"{facts.caption_words} words"
        )
    if model.classes is not None and facts.classes == 0:
        yield f"model.classes is set, but {data.name} has no classes: prepare it with --classes, or set it to none"
    elif fault := config.classes_fault(facts.classes):
        yield fault
    if fault := config.n_real_fault(
        facts.held_out if config.evaluation.reference == "held-out" else facts.train
    ):
        yield fault


def _judged(config: Config) -> Iterator[str]:
    """Extractors that read what there is."""
    if not isinstance(config, RunConfig) or "i3d" not in config.evaluation.extractors:
        return
    frames = config.data.frames
    if frames is None:
        yield f"evaluation.extractors: i3d judges videos, and {config.data.name} are images"
    elif frames < FEWEST_FRAMES:
        yield f"evaluation.extractors: i3d needs videos of {FEWEST_FRAMES} frames, and data.frames={frames}"


def _weights(config: Config) -> Iterator[str]:
    """Files of weights that are not on this machine."""
    if not isinstance(config, RunConfig):
        return
    from zigma.data.weights import autoencoder_folder
    from zigma.metrics.weights import WEIGHTS

    names = config.evaluation.extractors
    finders: list[Callable[[], object]] = [WEIGHTS[name].find for name in names if name in WEIGHTS]
    finders += [partial(_extractor, name) for name in names if name not in WEIGHTS]
    for find in [*finders, *([autoencoder_folder] if config.data.view == "latents" else [])]:
        try:
            find()
        except (ValueError, FileNotFoundError) as error:
            yield one_line(error)


def _extractor(name: str) -> None:
    """One of a person's own: a training would be over before it is made."""
    make = EXTRACTORS.load(name)
    try:
        inspect.signature(make).bind()
    except TypeError as error:
        raise WordError(f"extractor {short(name)} must make a module without arguments: {error}") from error


def _shards(config: Config) -> Iterator[str]:
    """Shards that are there but are not those that were prepared, or were prepared at another size."""
    if not isinstance(config, RunConfig):
        return
    from zigma.data import fingerprint
    from zigma.data.names import PREPARED
    from zigma.data.shards.manifest import read_manifest
    from zigma.data.shards.sources import shards_root

    fingerprint(config.data)
    if config.data.name not in PREPARED:
        return
    root = shards_root(config.data)
    manifest = read_manifest(root)
    size = None if manifest is None else (manifest.request.model_extra or {}).get("size")
    if size is not None and size != config.data.size:
        yield (
            f"data.size={config.data.size}, but the shards in {root} were prepared at {size}: "
            f"prepare them at {config.data.size}, or --set data.size={size}"
        )


RULES = (_grid, _told, _scan, _judged, _weights, _shards)

"""Every study at every scale, and which of their cells are one run."""

import math
from collections import defaultdict

import pytest

from studies.declare.changes import change, parse_setting, typed
from studies.declare.identity import as_recorded, identity
from studies.declare.registry import find_study, studies
from studies.declare.study import SCALES, Study, runs
from zigma.common.configuration import Configuration
from zigma.experiment.config import Config, RunConfig, ScanConfig
from zigma.experiment.estimate import estimate, parameters
from zigma.scans import ScanOrder, scan_names, scan_plan
from zigma.scans.registry import find_curve

ALL = [
    (study, scale, setting)
    for study in studies().values()
    for scale in study.scales
    for setting in study.scales[scale]
]


def config(study: str, scale: str, setting: str, arm: str) -> Config:
    declared_study = find_study(study)
    return declared_study.config(next(a for a in declared_study.arms if a.name == arm), scale, setting)


def test_the_studies_are_those_of_the_paper_and_more() -> None:
    rebuilt = " ".join(study.shows for study in studies().values())
    for number in range(1, 11):
        assert f"Table {number}" in rebuilt
    assert set(studies()) == {
        *("scan_ablation", "position_embedding", "faceshq", "coco", "transformers", "video_scan", "hilbert"),
        *("conditioning", "model_sizes", "training_setup", "complexity", "order_receptive_field"),
        *("scan_trends", "spatial_continuity", "patch_size", "training_trends", "samples", "curves"),
        *("scan_zoo", "mixers", "proxy", "scan_controls", "learning_rates", "strategies", "strategies_video"),
        *("exact", "trial"),
    }
    of_all_scales = [study for study in studies().values() if study.name not in ("exact", "trial")]
    assert all(set(study.scales) >= {"tiny", "small", "paper"} for study in of_all_scales)
    assert set(find_study("exact").scales) == {"tiny", "desk"}  # whose data no paper has
    assert all(list(study.scales) == [s for s in SCALES if s in study.scales] for study in studies().values())
    at_desk = {study.name for study in studies().values() if "desk" in study.scales}
    assert at_desk >= {
        *(
            "scan_ablation",
            "scan_controls",
            "hilbert",
            "position_embedding",
            "spatial_continuity",
            "transformers",
        ),
        *("video_scan", "coco", "conditioning"),
    }


@pytest.mark.parametrize("study", studies().values(), ids=lambda study: study.name)
def test_set_reads_every_value_that_show_prints(study: Study) -> None:
    """One word of each part at a time: a word that is not read is refused, one that is misread is another run."""
    everywhere = {
        study.config(arm, scale, setting)
        for scale in study.scales
        for setting in study.scales[scale]
        for arm in study.arms
    }
    parts = {(name, part): config for config in everywhere for name, part in config}
    assert parts
    for (name, part), config in parts.items():
        held = (
            [(f"{name}.{at}", one) for at, one in part] if isinstance(part, Configuration) else [(name, part)]
        )
        for path, value in held:
            words = [f"{path}={word}" for path, word in typed(path, value)]
            assert as_recorded(change(config, dict(map(parse_setting, words)))) == as_recorded(config), words


@pytest.mark.parametrize("study", studies().values(), ids=lambda study: study.name)
def test_an_arm_is_what_show_prints_of_it(study: Study) -> None:
    """Read onto the setting's configuration, which is not the arm's: what is left out there would stay as it was."""
    for scale, settings in study.scales.items():
        for setting, base in settings.items():
            for arm in study.arms:
                config = base
                for place in ("", scale, setting, f"{scale}/{setting}"):
                    given = arm.at.get(place, {}) if place else arm.changes
                    words = [
                        f"{at}={word}" for path, value in given.items() for at, word in typed(path, value)
                    ]
                    config = change(config, dict(map(parse_setting, words)))
                assert as_recorded(config) == as_recorded(study.config(arm, scale, setting)), (
                    arm.name,
                    place,
                )


@pytest.mark.parametrize(("study", "scale", "setting"), ALL, ids=lambda x: getattr(x, "name", x))
def test_every_declared_configuration_fits_together(study: Study, scale: str, setting: str) -> None:
    for arm in study.arms:
        declared_config = study.config(arm, scale, setting)
        hash(declared_config)  # identities are cached by it
        model = declared_config.model if not isinstance(declared_config, ScanConfig) else None
        plan, grid = (
            (declared_config.scan, declared_config.grid)
            if model is None
            else (getattr(model, "scan", None), (4, 8, 8))
        )
        if plan is not None and (model is None or len(model.token_grid) == 2):
            scan_plan(plan, grid if model is None else (8, 8), depth=2)


def test_arms_and_settings_are_named_once_and_as_file_names() -> None:
    for study in studies().values():
        names = [arm.name for arm in study.arms]
        assert len(set(names)) == len(names), study.name
        declared = {setting for settings in study.scales.values() for setting in settings}
        assert set(study.stands_for) <= declared, study.name
        assert not any(sign in word for word in (*names, *declared) for sign in "/.\\"), study.name
        places = {
            *SCALES,
            *declared,
            *(f"{scale}/{s}" for scale in study.scales for s in study.scales[scale]),
        }
        for arm in study.arms:
            assert set(arm.at) <= places, f"{study.name} {arm.name}: changes at a place that is not declared"


@pytest.mark.parametrize(
    "cells",
    [
        [("scan_ablation", "zigzag-8", "celebamm-256"), ("conditioning", "cross-attention", "celebamm-256")],
        [("position_embedding", "ZigMa none", "celebamm-256"), ("transformers", "ZigMa", "celebamm-256")],
        [("position_embedding", "ZigMa learned", "celebamm-256"), ("hilbert", "zigzag-8", "celebamm-256")],
        [("scan_trends", "hilbert-8", "celebamm-256"), ("hilbert", "hilbert-8", "celebamm-256")],
        [("training_trends", "sweep-1", "celebamm-512"), ("scan_ablation", "sweep", "celebamm-512")],
        [("training_setup", "MS-COCO 256", "training"), ("coco", "zigzag-8", "coco-256")],
        [("training_setup", "UCF-101", "training"), ("video_scan", "sst batch x4", "ucf101-256")],
        [
            ("training_setup", "MultiModal-CelebA 512", "training"),
            ("scan_ablation", "zigzag-8", "celebamm-512"),
            ("samples", "MultiModal-CelebA 512", "samples"),
        ],
        [("samples", "FacesHQ 1024", "samples"), ("faceshq", "ZigMa batch x2", "faceshq-1024")],
    ],
    ids=lambda cells: " = ".join(f"{study} {arm}" for study, arm, _ in cells),
)
def test_cells_of_the_paper_that_are_one_run_are_declared_as_one(cells: list[tuple[str, str, str]]) -> None:
    configs = {config(study, "paper", setting, arm) for study, arm, setting in cells}
    assert len(configs) == 1


def test_cells_that_share_a_run_at_tiny() -> None:
    shared = defaultdict(set)
    for study in studies().values():
        for run in runs(study, "tiny"):
            shared[run.identity].add((study.name, run.arm, run.setting))
    groups = list(shared.values())
    for one, other in [
        (("scan_ablation", "zigzag-8", "shapes-16"), ("conditioning", "cross-attention", "shapes-16")),
        (("position_embedding", "ZigMa none", "digits-8"), ("transformers", "ZigMa", "digits-8")),
        (("position_embedding", "ZigMa learned", "digits-8"), ("hilbert", "zigzag-8", "digits-8")),
        (("scan_trends", "sweep", "digits-16"), ("hilbert", "sweep", "digits-16")),
    ]:
        assert any({one, other} <= group for group in groups)
    # what differs within a study is another run, but for those that are declared to be the same
    twice = [
        (study.name, len(runs(study, "tiny")) - len({r.identity for r in runs(study, "tiny")}))
        for study in studies().values()
    ]
    assert {name: count for name, count in twice if count} == {
        "mixers": 12,  # Mamba's own, which the others' parameters are to equal
        "samples": 1,
        "spatial_continuity": 1,
        "video_scan": 1,
    }


def test_the_controls_of_table_1_stand_wherever_it_stands_and_cost_no_more() -> None:
    table, controls = find_study("scan_ablation"), find_study("scan_controls")
    assert controls.scales == table.scales
    for scale, settings in table.scales.items():
        for setting in settings:
            sweep = table.config(table.arms[0], scale, setting)
            both = config("scan_controls", scale, setting, "both ways")
            assert estimate(both, "cpu").seconds == pytest.approx(estimate(sweep, "cpu").seconds, rel=0.02)
            ratio = parameters(both.model) / parameters(sweep.model)  # type: ignore[union-attr]
            assert 0.98 < ratio <= 1


def test_other_learning_rates_change_nothing_else_and_share_the_runs_of_table_1() -> None:
    table, rates = find_study("scan_ablation"), find_study("learning_rates")
    for scale, settings in table.scales.items():
        for setting in settings:
            for name in ("sweep", "zigzag-1", "zigzag-8"):
                own = config("scan_ablation", scale, setting, name)
                assert config("learning_rates", scale, setting, name) == own
                for word, factor in (("half", 0.5), ("twice", 2.0)):
                    other = config("learning_rates", scale, setting, f"{name} {word}")
                    rate = factor * own.training.learning_rate  # type: ignore[union-attr]
                    assert other == change(own, {"training.learning_rate": rate})
    assert len(rates.arms) == 9


def test_the_transformers_of_table_5_are_as_large_as_zigma() -> None:
    study = find_study("transformers")
    for scale, settings in study.scales.items():
        for setting in settings:
            if setting != "s2-32x32":  # whose FLOPs the paper prints, of networks of its own choice
                sizes = [parameters(study.config(arm, scale, setting).model) for arm in study.arms]  # type: ignore[union-attr]
                assert max(sizes) / min(sizes) < 1.2, (scale, setting, sizes)


def test_a_run_at_desk_takes_a_night_at_most() -> None:
    for study in studies().values():
        for setting in study.scales.get("desk", {}):
            for arm in study.arms:
                hours = estimate(study.config(arm, "desk", setting), "cpu").seconds / 3600
                assert hours < 5, f"{study.name} {arm.name} {setting}"


def test_st_and_ststst_read_the_same_orders() -> None:
    """So that one run may stand in both rows."""
    once, thrice = (scan_plan(f"video-{word}", (4, 8, 8), depth=24) for word in ("st", "ststst"))
    for a, b in zip(once, thrice, strict=True):
        assert isinstance(a, ScanOrder)
        assert isinstance(b, ScanOrder)
        assert a.order.tolist() == b.order.tolist()
        assert a.segments == b.segments


def test_the_zoo_has_every_curve_for_images() -> None:
    built_in = {n for n in scan_names() if find_curve(n).rule.__module__.startswith("zigma.scans.")}
    images = {f"{name}-8" for name in built_in if 2 in find_curve(name).dimensions}
    images -= {"stripes-8"}  # an arm of `strategies`
    assert {arm.name for arm in find_study("scan_zoo").arms} == images


def test_the_main_job_keeps_its_configuration() -> None:
    """The numbers in the README are of these runs."""
    base = find_study("scan_ablation").scales["tiny"]["digits-8"]
    assert isinstance(base, RunConfig)
    assert next(iter(find_study("scan_ablation").scales["tiny"])) == "digits-8"
    assert (base.model.hidden, base.model.depth, base.model.token_grid) == (32, 8, (8, 8))
    assert (base.training.steps, base.training.batch_images) == (2000, 16)
    assert (base.evaluation.n_generated, base.evaluation.every_steps) == (500, None)


def test_networks_of_figure_6_have_nearly_equal_parameters() -> None:
    torch = pytest.importorskip("torch")
    from zigma.models import build_model

    at_desk = [
        parameters(config("transformers", "desk", "mnist-16", a).model) for a in ("ZigMa", "DiT", "U-ViT")
    ]  # type: ignore[union-attr]
    assert max(at_desk) / min(at_desk) < 1.25
    for scale, setting in (("tiny", "16x16"), ("paper", "32x32")):
        counts = []
        for arm in ("ZigMa", "DiT", "U-ViT"):
            with torch.device("meta"):
                model = build_model(config("complexity", scale, setting, arm).model)  # type: ignore[union-attr]
            counts.append(sum(p.numel() for p in model.parameters()))
        assert max(counts) / min(counts) < 1.1
    assert identity(config("complexity", "small", "64x64", "DiT")) == identity(
        config("complexity", "paper", "64x64", "DiT")
    )


def test_a_study_at_small_takes_ten_minutes_of_a_gpu_by_estimate() -> None:
    settings = find_study("scan_ablation").scales["small"]
    for name in ("fields-32", "shapes-32"):  # the third has four times the tokens
        config = settings[name]
        assert isinstance(config, RunConfig)
        assert math.prod(config.model.token_grid) >= 1024
        assert 4 * 3 * estimate(config, "gpu").seconds <= 600


def test_a_group_of_the_whole_grid_is_the_plain_zigzag() -> None:
    study = find_study("spatial_continuity")
    for scale in ("tiny", "desk"):
        for run in runs(study, scale):
            side = run.config.model.token_grid[0]  # type: ignore[union-attr]
            whole = run.arm == "zigzag-8" or (
                run.arm.startswith("groups") and int(run.arm.split("x")[1]) >= side
            )
            assert (run.config.model.scan == "zigzag-8") == whole, run.label  # type: ignore[union-attr]

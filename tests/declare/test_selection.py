"""The words of `run`: each means what a person thinks, or is refused; nothing is silently the last."""

from dataclasses import replace
from pathlib import Path

import pytest

from studies.declare.registry import find_study
from studies.declare.scans import with_scans
from studies.declare.selection import select
from studies.declare.study import Arm
from studies.declare.validate import resolve
from zigma.common.words import WordError


def arms(**words: object) -> list[str]:
    return [arm.name for arm in select("scan_ablation", **words).study.arms]  # type: ignore[arg-type]


def test_only_keeps_the_arms_that_are_added() -> None:
    assert arms(only=["sweep"], scans=["random-3"]) == ["sweep", "random-3"]
    assert arms(only=["random-3"], scans=["random-3"]) == ["random-3"]
    assert arms(only=["zigzag-8", "sweep"]) == ["sweep", "zigzag-8"]
    assert len(arms(scans=["random-3"])) == len(arms()) + 1
    assert arms(only=["sweep"], scans=["zigzag-8"]) == ["sweep", "zigzag-8"]  # which the study has already
    assert arms(only=["zigzag-1"], scans=["sweep"]) == ["sweep", "zigzag-1"]  # the same as its sweep-1


def test_a_scan_is_no_arm_that_the_study_calls_so_and_that_is_more() -> None:
    study = find_study("scan_ablation")
    wide = replace(study, arms=(Arm("sweep-8", {"model.scan": "sweep-8", "model.hidden": 64}),))
    with pytest.raises(WordError, match="has an arm sweep-8 that is more than this scan"):
        with_scans(wide, ["sweep-8"])


def test_settings_may_be_several_and_none_is_the_first() -> None:
    assert select("scan_ablation").settings == ("digits-8",)
    chosen = select("scan_ablation", settings=["shapes-16", "digits-8", "shapes-16"])
    assert chosen.settings == ("shapes-16", "digits-8")
    assert len(select("scan_ablation", settings=["all"]).settings) > 2


def test_seeds_are_those_that_are_named() -> None:
    runs = resolve(select("scan_ablation", seeds=[7, 3, 7], only=["sweep"]))
    assert [run.config.seed for run in runs] == [7, 3]


def test_arms_of_one_configuration_are_one_run() -> None:
    assert len(resolve(select("scan_ablation", scans=["zigzag-8"], only=["zigzag-8"]))) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"changes": ["seed=7"]}, "--seed 7 runs that one"),
        ({"changes": ["training.steps=2", "training.steps=3"]}, "training.steps is set twice, to 2 and to 3"),
        ({"changes": ["training.steps"]}, "path=value"),
        ({"seeds": [-1]}, "from 0 on, not -1"),
        ({"only": ["zigzag-9"]}, "did you mean 'zigzag-8'"),
        ({"settings": ["digit-8"]}, "did you mean 'digits-8'"),
        ({"scale": "tyni"}, "did you mean 'tiny'"),
        ({"scale": "enormous"}, "unknown scale 'enormous': known"),
    ],
)
def test_wrong_words_say_the_right_ones(words: dict[str, object], says: str) -> None:
    with pytest.raises(WordError, match=says) as caught:
        arms(**words)
    assert "\n" not in str(caught.value)


def test_values_are_read_as_show_prints_them() -> None:
    changes = [
        "model.grid=8x8",
        "evaluation.extractors=digits",
        "model.text_width=none",
        "model.position=none",
    ]
    (run,) = resolve(select("scan_ablation", only=["sweep"], changes=[*changes, "training.steps=1e3"]))
    assert run.config.training.steps == 1000  # type: ignore[union-attr]
    (same,) = resolve(select("scan_ablation", only=["sweep"], changes=["training.steps=1000"]))
    assert run.identity == same.identity


def test_a_part_of_another_kind_keeps_what_both_have(tmp_path: Path) -> None:
    changes = ["model.mixer.kind=gated-linear-attention", "model.mixer.heads=2"]
    (run,) = resolve(select("scan_ablation", only=["sweep"], changes=changes))
    assert run.config.model.mixer.heads == 2  # type: ignore[union-attr]
    assert run.config.model.hidden == 32  # type: ignore[union-attr]


def test_a_part_named_anew_begins_from_its_own_defaults() -> None:
    """A state of Mamba's is none of Mamba-2's, by whichever word it is named."""
    found = {
        resolve(select("scan_ablation", only=["sweep"], changes=[change]))[0].identity
        for change in ("model.mixer=mamba-2", "model.mixer.kind=mamba-2", 'model.mixer={"kind":"mamba-2"}')
    }
    assert len(found) == 1
    (uvit,) = resolve(select("transformers", only=["U-ViT"], settings=["digits-8"], changes=["model=uvit"]))
    assert (uvit.config.model.hidden, uvit.config.model.heads) == (32, 8)  # type: ignore[union-attr]


@pytest.mark.parametrize("order", [1, -1])
def test_a_part_as_a_whole_and_something_inside_it_fit_together(order: int) -> None:
    changes = ['model={"hidden":64}', "model.depth=4"][::order]
    for run in resolve(select("scan_ablation", changes=changes)):
        assert (run.config.model.hidden, run.config.model.depth) == (64, 4)  # type: ignore[union-attr]


@pytest.mark.parametrize("change", ["training.steps={}", "model.ordering={}", 'model={"depth":2}'])
def test_odd_parts_are_told_in_a_line(change: str) -> None:
    with pytest.raises(WordError) as caught:
        resolve(select("scan_ablation", changes=[change, "model.depth=4"]))
    assert "\n" not in str(caught.value)

"""Declarations, changes and identity."""

from pathlib import Path

import pytest

from studies.declare.changes import change, parse_setting
from studies.declare.identity import as_recorded, identity
from studies.declare.registry import find_study
from studies.declare.scales import TINY
from studies.declare.scans import with_scans
from studies.declare.study import runs, where_it_fits
from studies.declare.trial import trial
from zigma.common.words import WordError


def test_changes_reach_any_depth_and_take_words() -> None:
    path, value = parse_setting("training.steps=1500")
    assert change(TINY, {path: value}).training.steps == 1500
    assert change(TINY, dict([parse_setting("model.scan=hilbert-2")])).model.scan == "hilbert-2"
    assert change(TINY, dict([parse_setting("training.learning_rate=3e-4")])).training.learning_rate == 3e-4
    assert change(TINY, dict([parse_setting("model.text_width=none")])).model.text_width is None
    assert change(TINY, dict([parse_setting("evaluation.extractors=")])).evaluation.extractors == ()
    assert TINY.training.steps != 1500


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("training.stepz=3", "did you mean 'training.steps'"),
        ("trainin.steps=3", "did you mean 'training'"),
        ("training.steps=many", "must be a whole number, not 'many'"),
        ("training.steps=0", "at least 1"),
        ("training.steps.more=1", "no fields inside"),
        ("data.name=photos", "at least 32 pixels"),
        ("model.position=sine", "known: none, cosine, learned"),
        ("training.steps", "path=value"),
    ],
)
def test_a_wrong_setting_is_one_line_with_the_right_words(setting: str, says: str) -> None:
    with pytest.raises(WordError, match=says) as caught:
        change(TINY, dict([parse_setting(setting)]))
    assert "\n" not in str(caught.value)


def test_identity_is_the_configuration_without_where_it_runs() -> None:
    elsewhere = TINY.replace(data=TINY.data.replace())
    vars(elsewhere.data)["root"] = "/elsewhere"  # the digits themselves take no folder
    assert identity(elsewhere) == identity(TINY)
    assert identity(TINY) == identity(TINY.replace())
    assert identity(TINY) != identity(TINY.replace(seed=1))


def test_every_setting_of_a_configuration_changes_the_identity() -> None:
    identities = {identity(TINY)}
    other = {"steps": 7, "n_generated": 7, "sampler": "euler", "path": "gvp", "hidden": 24, "size": 16}
    for part, name in [
        ("training", "steps"),
        ("evaluation", "n_generated"),
        ("sampling", "sampler"),
        ("interpolant", "path"),
        ("model", "hidden"),
        ("data", "size"),
    ]:
        identities.add(identity(change(TINY, {f"{part}.{name}": other[name]})))
    assert len(identities) == 7


def test_identity_follows_the_orders_and_not_only_their_name(monkeypatch: pytest.MonkeyPatch) -> None:
    import studies.declare.identity as module
    from zigma.scans import again

    before = identity(TINY)
    monkeypatch.setattr(again, "orders_hash", lambda *args: "another curve under the same name")
    module._fingerprints.cache_clear()
    try:
        assert identity(TINY) != before
    finally:
        module._fingerprints.cache_clear()


def test_arms_of_a_study_differ_in_what_they_declare_alone() -> None:
    declared = runs(find_study("scan_ablation"), "tiny", settings=["digits-8"])
    assert [run.config.model.scan for run in declared] == ["sweep-1", "zigzag-1", "zigzag-2", "zigzag-8"]
    assert {change(run.config, {"model.scan": TINY.model.scan}) for run in declared} == {TINY}


def test_an_unknown_study_offers_the_nearest() -> None:
    with pytest.raises(WordError, match="did you mean 'scan_ablation'"):
        find_study("scan_ablatoin")


def test_a_curve_of_a_file_becomes_an_arm(tmp_path: Path) -> None:
    file = tmp_path / "curves.py"
    file.write_text(
        "def columns_first(height, width):\n    return [(r, c) for c in range(width) for r in range(height)]\n"
    )
    study, _ = with_scans(
        find_study("scan_ablation"), [f"{file}:columns_first", f"{file}:columns_first-2", "hilbert-8"]
    )
    assert [arm.name for arm in study.arms[4:]] == ["columns_first-8", "columns_first-2", "hilbert-8"]
    assert len({run.identity for run in runs(study, "tiny", settings=["digits-8"])}) == 7
    assert with_scans(study, ["zigzag-8"]) == (study, ["zigzag-8"])


def test_a_published_strategy_is_called_as_it_was_typed() -> None:
    _, added = with_scans(find_study("scan_ablation"), ["vmamba", "vmamba+zigzag-2"])
    assert added == ["vmamba", "parallel-sweep@0,1,6,7+zigzag-2"]
    strategies = find_study("strategies")
    assert with_scans(strategies, ["vmamba"]) == (strategies, ["vmamba"])
    assert trial("vmamba").arm.name == "vmamba"
    one, other = (
        next(run.identity for run in runs(each, "desk", settings=["fields-8"]) if run.arm == "vmamba")
        for each in (with_scans(find_study("scan_zoo"), ["vmamba"])[0], strategies)
    )
    assert one == other


def test_a_curve_may_be_set_and_its_folder_changes_no_identity(tmp_path: Path) -> None:
    identities = set()
    for folder in ("one-2", "two+(2)"):
        (tmp_path / folder).mkdir()
        file = tmp_path / folder / "my-curves.py"
        file.write_text("def walk2(height, width):\n    return reversed(range(height * width))\n")
        config = change(TINY, {"model.scan": f"{file}:walk2-4"})
        assert as_recorded(config)["model"]["scan"] == "walk2-4"
        identities.add(identity(config))
    assert len(identities) == 1
    file = tmp_path / "one-2" / "my-curves.py"
    assert parse_setting(f"model.scan={file}:walk2")[1] == f"{file}:walk2-8"
    with pytest.raises(WordError, match="unknown plan 'zigzga-8': did you mean 'zigzag'"):
        parse_setting("model.scan=zigzga-8")


def test_two_curves_of_one_name_are_told_apart_before_they_run(tmp_path: Path) -> None:
    for name, how in (("a", "list"), ("b", "reversed")):
        (tmp_path / f"{name}.py").write_text(
            f"def walk(height, width):\n    return {how}(range(height * width))\n"
        )
    with pytest.raises(WordError, match="are both called walk-8; rename one"):
        with_scans(find_study("scan_ablation"), [f"{tmp_path}/{name}.py:walk" for name in "ab"])


@pytest.mark.parametrize("name", ["curves", "hilbert", "order_receptive_field", "video_scan"])
def test_a_scan_can_be_added_to_studies_of_every_kind(name: str) -> None:
    study, _ = with_scans(find_study(name), ["random-3"])
    added = [run.config for run in runs(study, "tiny") if run.arm == "random-3"]
    assert added
    assert all(getattr(config, "scan", None) or config.model.scan == "random-3" for config in added)  # type: ignore[union-attr]


def test_a_changed_curve_is_another_run(tmp_path: Path) -> None:
    file, identities = tmp_path / "curves.py", []
    for step in ("range(height)", "reversed(range(height))"):
        file.write_text(
            f"def mine(height, width):\n    return [(r, c) for r in {step} for c in range(width)]\n"
        )
        study, _ = with_scans(find_study("scan_ablation"), [f"{file}:mine"])
        identities.append(runs(study, "tiny")[-1].identity)
    assert identities[0] != identities[1]


def test_changes_that_only_fit_together_are_made_together() -> None:
    for size, name in ((32, "photos"), (32, "shapes")):
        changed = change(TINY, {"data.name": name, "data.size": size})
        assert (changed.data.name, changed.data.size) == (name, size)
    with pytest.raises(WordError, match="set as a whole"):
        change(TINY, {"model": TINY.model, "model.depth": 3})


def test_a_part_that_is_left_out_is_begun_from_its_defaults() -> None:
    fields = change(TINY, {"data.name": "fields", "data.field.lengths": "4,2"})
    assert fields.data.field is not None
    assert fields.data.field.lengths == (4.0, 2.0)
    with pytest.raises(WordError, match=r"data: digits are no Gaussian fields"):
        change(TINY, {"data.field.channels": 2})
    with pytest.raises(WordError, match=r"unknown field 'data.fielt': did you mean 'data.field'"):
        change(TINY, {"data.fielt.channels": 2})


def test_changes_need_to_fit_where_they_are_shown_alone() -> None:
    """`run --setting digits-8 --set data.size=12` is shown; what it would be elsewhere is left out."""
    study = find_study("scan_ablation")
    shown = where_it_fits(study, {"data.size": 12, "model.grid": (12, 12)})
    assert "digits-8" in shown.scales["tiny"]
    assert "shapes-16" not in shown.scales["tiny"]  # which has images of 16 pixels and more
    assert [arm.name for arm in shown.arms] == [arm.name for arm in study.arms]
    networks = where_it_fits(find_study("transformers"), {"model.scan": "hilbert-8"})
    assert [arm.name for arm in networks.arms] == ["ZigMa"]
    mixers = find_study("mixers")
    for changes in ({"training.stepz": 3}, {"training.steps": "many"}):
        with pytest.raises(WordError):
            where_it_fits(mixers, changes)  # its settings that train nothing would take anything

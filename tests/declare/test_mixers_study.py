"""Mixers at equal width and at equal parameters."""

import pytest

from studies.beyond.mixers import EQUAL, STUDY
from studies.declare.equal_parameters import equal_parameters
from studies.declare.selection import select
from studies.declare.validate import resolve
from zigma.common.words import Problems
from zigma.experiment.config import MeasurementConfig, RunConfig
from zigma.experiment.estimate import parameters
from zigma.models.config import ZigMaConfig
from zigma.models.specs import HGRN2Spec

PLACES = [(scale, setting) for scale, settings in STUDY.scales.items() for setting in settings]


@pytest.mark.parametrize(("scale", "setting"), PLACES)
def test_parameters_are_equal_where_the_setting_says_so(scale: str, setting: str) -> None:
    counts = {}
    for arm in STUDY.arms:
        config = STUDY.config(arm, scale, setting)
        assert isinstance(config, RunConfig | MeasurementConfig)
        counts[arm.name] = parameters(config.model) / parameters(
            STUDY.config(STUDY.arms[0], scale, setting).model  # type: ignore[union-attr]
        )
    if setting.endswith(EQUAL):
        assert all(abs(count - 1) <= 0.01 for count in counts.values()), counts
    else:
        assert counts["hgrn-2"] < 0.8


def test_every_scale_says_what_its_networks_cost() -> None:
    for scale, settings in STUDY.scales.items():
        grids = {config.model.token_grid for config in settings.values() if isinstance(config, RunConfig)}
        costs = {c.model.token_grid for c in settings.values() if isinstance(c, MeasurementConfig)}
        assert grids == costs, scale
        assert {q for c in settings.values() if isinstance(c, MeasurementConfig) for q in c.quantities} == {
            "parameters",
            "flops",
        }


def test_identities_of_the_equal_widths_are_what_they_were() -> None:
    """Of fields that came later none stands in a dump while it is at its default."""
    (arm,) = (arm for arm in STUDY.arms if arm.name == "hgrn-2 sweep")
    config = STUDY.config(arm, "tiny", "digits-8-short")
    assert config.model_dump()["model"]["mixer"] == {"kind": "hgrn-2", "heads": 4}


def test_only_the_mixers_width_changes_where_that_is_enough() -> None:
    wide = ZigMaConfig(grid=(8, 8), hidden=96, depth=4)
    changes = equal_parameters(wide, HGRN2Spec())
    assert set(changes) == {"model.mixer"}
    assert changes["model.mixer"].inner > 96
    narrow = wide.replace(hidden=20)
    changes = equal_parameters(narrow, HGRN2Spec())
    equal = narrow.replace(hidden=changes["model.hidden"], mixer=changes["model.mixer"])
    assert equal.hidden != 20
    assert parameters(equal) == pytest.approx(parameters(narrow), rel=0.01)
    with pytest.raises(ValueError, match=r"no width gives hgrn-2 the [0-9]+ parameters that Mamba has"):
        equal_parameters(wide.replace(hidden=4), HGRN2Spec(heads=64))


def test_networks_of_equal_parameters_are_not_changed() -> None:
    wider = ["model.hidden=64"]
    with pytest.raises(Problems, match=r"digits-8-short-equal takes no --set model\.hidden: its networks"):
        resolve(select("mixers", settings=["digits-8-short-equal"], changes=wider))
    assert resolve(select("mixers", settings=["digits-8-short"], changes=wider, only=["mamba"]))
    longer = select("mixers", settings=["digits-8-short-equal"], changes=["training.steps=9"], only=["mamba"])
    assert resolve(longer)

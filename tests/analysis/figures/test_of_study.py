"""Figures of a study that is named: what its records give, and nothing else."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from analysis.__main__ import main
from analysis.figures.of_study import pictures_of
from analysis.figures.picture import Missing, Picture
from analysis.records import Records, load
from studies.declare.registry import find_study


def axes_of(picture: Picture | Missing) -> list[tuple[str, str]]:
    assert isinstance(picture, Picture)
    figure = Figure(figsize=picture.size, layout="constrained")
    picture.draw(figure)
    return [(ax.get_xlabel(), ax.get_ylabel()) for ax in figure.axes]


def test_every_arm_has_its_metrics_curves_and_samples(recorded: Path) -> None:
    study = find_study("spatial_continuity")
    drawn = {name: picture for name, (_, picture) in pictures_of(study, load(recorded), recorded).items()}
    assert axes_of(drawn["metrics"])[:2] == [
        ("fd digits (less is better)", ""),
        ("held out loss (less is better)", ""),
    ]
    assert axes_of(drawn["curves"])[0] == ("training step", "loss")
    rows = [label for _, label in axes_of(drawn["samples"])]
    assert set(rows) == {arm.name for arm in study.arms} | ({"real images"} & set(rows))
    assert isinstance(drawn["metrics"], Picture)
    for arm in study.arms:
        assert f"{arm.name} " in drawn["metrics"].alt
    assert len(drawn["metrics"].records) == len({record.path for record in drawn["metrics"].records}) > 0


def test_samples_without_real_images_say_what_draws_them(recorded: Path) -> None:
    records = load(recorded)
    records.levels = {}
    _, picture = pictures_of(find_study("spatial_continuity"), records, recorded)["samples"]
    assert isinstance(picture, Picture)
    assert "real images" not in picture.alt
    assert any("python -m studies levels spatial_continuity --scale" in note for note in picture.notes)


def test_without_records_each_says_what_to_run(tmp_path: Path) -> None:
    drawn = pictures_of(find_study("hilbert"), Records([]), tmp_path)
    assert len(drawn) == 3
    for _, picture in drawn.values():
        assert isinstance(picture, Missing)
        assert picture.run.startswith("python -m studies run hilbert")


def test_what_trains_nothing_has_metrics_alone(recorded: Path) -> None:
    study = find_study("complexity")
    drawn = pictures_of(study, load(recorded), recorded)
    assert list(drawn) == ["metrics"]
    assert axes_of(drawn["metrics"][1])


def test_figures_of_a_study_and_the_papers_stand_in_one_manifest(recorded: Path, tmp_path: Path) -> None:
    import json

    words = ["--results", str(recorded), "--out", str(tmp_path)]
    assert main(["make-figures", "patch_size", *words]) == 0
    assert main(["make-figures", "--only", "1", *words]) == 0
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert list(manifest) == ["figure_1", "patch_size-curves", "patch_size-metrics", "patch_size-samples"]
    assert (tmp_path / "patch_size-metrics.pdf").is_file()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["hilbrt"], "did you mean 'hilbert'"),
        (["hilbert", "--publish"], "leave the studies out"),
        (["hilbert", "--only", "1"], "leave it out, or the studies"),
        (["--set", "training.steps=2"], "make-figures STUDY --set"),
    ],
)
def test_a_wrong_word_is_one_line(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["make-figures", *words])
    assert left.value.code == 2
    assert says in capsys.readouterr().err

"""The page of `python -m studies try`: what it says follows from records and closed forms alone."""

import math
from pathlib import Path

import pytest
from fake_records import drawn_metrics, fill, record_of, write

from analysis.card.content import both_records, card
from analysis.card.draw import paired_curve
from analysis.card.measured import Against
from analysis.card.write import write_card
from analysis.closed_form import SHORT, form, rank
from analysis.records import Records, load
from analysis.stats import paired_ratio
from studies.declare.study import runs
from studies.declare.trial import trial
from studies.run.record import Record
from zigma.common.words import WordError
from zigma.scans import parse_plan

CURVE = """
from zigma.scans import register_scan
@register_scan("columns")
def columns(height, width):
    return [(row, column) for column in range(width) for row in range(height)]
"""


def test_a_curve_is_ranked_beside_the_zoo_without_any_run(tmp_path: Path) -> None:
    (tmp_path / "my curves.v2.py").write_text(CURVE)
    content = card(trial(f"{tmp_path}/my curves.v2.py:columns-8"), Records())
    assert content.own is not None
    assert content.place == rank("columns-8", {name: f.measures[SHORT] for name, f in content.zoo.items()})
    assert content.place is not None
    assert content.place[1] == 17
    # a sweep by columns is a sweep turned on its side
    assert content.own.measures[SHORT] == pytest.approx(content.zoo["sweep-8"].measures[SHORT])
    assert "nothing is trained yet" in content.verdict
    assert "columns-8 on digits-8-short" in content.missing
    assert all(math.isnan(one.spearman) for one in content.predictions)


def test_a_plan_of_two_curves_shows_both_and_says_with_whom_it_is_level(tmp_path: Path) -> None:
    content = card(trial("zigzag-4+hilbert-4"), Records())
    assert content.own is not None
    assert [path.name for path in content.own.paths] == ["zigzag", "hilbert"]
    assert content.level == ("zigzag-8",)  # both begin with the same path
    assert "along the first path, in closed form, level with zigzag-8" in content.verdict
    page, _ = write_card(content, tmp_path, "python -m studies try zigzag-4+hilbert-4")
    assert "Paths of its zigzag, its hilbert, zigzag-8, sweep-8" in page.read_text()


def test_published_runs_serve_and_the_page_needs_no_other_file(tmp_path: Path) -> None:
    content = card(trial("peano"), both_records(tmp_path))  # of the zoo: recorded on digits, not on fields
    pair = next(p for p in content.pairs if p.setting == "digits-8-short" and p.metric == "held_out_loss")
    assert pair.ratio is not None
    assert pair.ratio.n == 5
    assert "on digits-8-short, by held_out_loss: worse than zigzag-8" in content.verdict
    assert "peano-8 on fields-8" in content.missing
    assert next(p for p in content.predictions if p.name == "gap_mean").spearman > 0.5
    page, picture = write_card(content, tmp_path / "view", "python -m studies try peano")
    text = page.read_text()
    assert content.verdict.split(";")[0] in text
    assert "src=" not in text.replace("default-src", "").replace("style-src", "").replace("img-src", "")
    assert "peano-8 on fields-8" in text
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_what_was_tried_before_is_on_no_other_page(tmp_path: Path) -> None:
    earlier, now = trial("hilbert"), trial("peano")
    setting = "digits-8-short"
    for each in (earlier, now):
        fill(tmp_path, each.study, setting=setting, seeds=1, skip=lambda run: run.arm.endswith("g-8"))
    content = card(now, both_records(tmp_path))
    assert list(content.sheets[setting].arms) == ["zigzag-8", "sweep-8", "peano-8"]
    assert not any("hilbert" in line for line in content.what_was_run)


def test_networks_of_other_sizes_are_said(tmp_path: Path) -> None:
    tried, setting = trial("mamba-2"), "digits-8-short"
    for run in runs(tried.study, "tiny", settings=[setting]):
        size = 126_241 if run.arm == "mamba-2" else 114_369
        write(tmp_path, run, record_of(run, drawn_metrics(run, 4.0), cost={"parameters": size}))
    (line,) = [line for line in card(tried, load(tmp_path)).what_was_run if line.startswith(setting)]
    assert line.endswith("; parameters: 114,369 of zigzag-8, 114,369 of sweep-8, 126,241 of mamba-2"), line


def test_on_a_telephone_every_cell_says_its_column(tmp_path: Path) -> None:
    import re

    page, _ = write_card(
        card(trial("peano"), both_records(tmp_path)), tmp_path / "view", "python -m studies try peano"
    )
    text = page.read_text()
    cells = re.findall(r"<td[^>]*>", text)
    assert cells
    assert all("data-head=" in cell for cell in cells)
    widths = [float(points) for points in re.findall(r'viewBox="0 0 ([\d.]+) ', text)]
    assert widths
    assert max(widths) < 400  # points: what 390 pixels still show in a size that can be read


def test_a_curve_over_anothers_is_paired_by_seed() -> None:
    def of(seed: int, *values: float) -> Record:
        curves = {"loss": {"step": list(range(len(values))), "value": list(values)}}
        return Record(Path("x"), {"seed": seed, "status": "done", "curves": curves})

    steps_and_ratios = paired_curve(
        [of(0, 2.0, 3.0), of(1, 8.0, 3.0)], [of(1, 2.0, 1.0), of(0, 2.0, 3.0)], "loss"
    )
    assert steps_and_ratios is not None
    assert steps_and_ratios[0].tolist() == [0, 1]
    assert steps_and_ratios[1] == pytest.approx([2.0, math.sqrt(3)])
    assert paired_curve([of(0, 1.0)], [of(1, 1.0)], "loss") is None  # no seed in common
    assert paired_curve([of(0, 0.0)], [of(0, 1.0)], "loss") is None  # zero has no ratio


def test_words_follow_the_interval() -> None:
    def word(a: list[float], b: list[float], metric: str = "held_out_loss") -> str:
        return Against("s", metric, "other", paired_ratio(a, b)).word

    assert word([1.0, 1.1, 1.2], [2.0, 2.2, 2.5]) == "better"
    assert word([2.0, 2.2, 2.5], [1.0, 1.1, 1.2]) == "worse"
    assert word([1.0, 2.0, 1.0], [2.0, 1.0, 1.1]) == "not told apart"
    assert word([1.0], [2.0]) == "one seed, no interval"


def test_equals_share_a_place_and_a_plan_that_sees_all_has_no_excess() -> None:
    assert rank("b", {"a": 1.0, "b": 2.0, "c": 2.0}) == (2, 3)
    assert rank("b", {"a": 1.0, "b": 2.0}, less_is_better=False) == (1, 2)
    assert rank("x", {"a": 1.0}) is None
    assert form(parse_plan("sweep-8"), (4, 4), 8, 2.0).measures["excess"] == pytest.approx(0, abs=1e-6)
    assert form(parse_plan("sweep-1"), (4, 4), 8, 2.0).measures["excess"] > 0.01


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("zigzag-8", "beside which yours is put"),
        ("mamba", "is the mixer of the arms"),
        ("spirl", "did you mean 'spiral"),
        ("video-sst", "scans frames"),
        ("my-mixer", "mixer is one of"),
    ],
)
def test_what_cannot_be_tried_is_told(word: str, says: str) -> None:
    with pytest.raises(WordError, match=says):
        trial(word)


def test_a_mixer_reads_along_the_zigzag() -> None:
    tried = trial("mamba-2")
    config = tried.study.config(tried.arm, "tiny", "digits-8-short")
    assert (config.model.mixer.kind, config.model.scan) == ("mamba-2", "zigzag-8")  # type: ignore[union-attr]
    content = card(tried, Records())
    assert content.own is None
    assert content.predictions == ()


def test_an_error_names_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from analysis.__main__ import main

    with pytest.raises(SystemExit):
        main(["card", "peano", "--results", str(tmp_path), "--data", "nope"])
    assert capsys.readouterr().err.startswith("python -m analysis card: unknown prepared folder")


def test_looking_at_a_mistyped_folder_makes_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from analysis.__main__ import main

    with pytest.raises(SystemExit):
        main(["card", "peano", "--results", str(tmp_path / "reslts")])
    assert "there is no folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_page_says_by_which_command_and_folder_it_was_made(tmp_path: Path) -> None:
    from analysis.__main__ import main

    results = tmp_path / "my résults"
    results.mkdir()
    assert main(["card", "peano", "--results", str(results)]) == 0
    page = (results / "view" / "try-peano-8.html").read_text(encoding="utf-8")
    assert f"python -m studies try peano --results &#39;{results}&#39;" in page

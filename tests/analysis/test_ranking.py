"""Scans of several studies in one table, best first."""

from dataclasses import replace
from pathlib import Path

import pytest
from fake_records import PROTOCOL, drawn_metrics, fill, record_of, write
from matplotlib.figure import Figure

from analysis.__main__ import main
from analysis.derived import Derived
from analysis.figures.picture import Picture
from analysis.figures.ranking import figure_ranking
from analysis.quote import Quotes
from analysis.records import load
from analysis.report.store import Store
from analysis.report.tables import shown_tables
from analysis.tables.ranking import BESIDE, ranking
from studies.declare.registry import find_study, studies
from studies.declare.study import Arm, Study, runs
from zigma.models.specs import GatedLinearAttentionSpec

ZOO, STRATEGIES, MIXERS = map(find_study, ("scan_zoo", "strategies", "mixers"))
MEANS = {"hilbert-8": 4.0, "zigzag-8": 2.0, "peano-8": 1.0, "spiral-8": 3.0, "morton-8": 5.0}


def rows(results: Path) -> dict[str, tuple[object, ...]]:
    (part,) = ranking(load(results)).parts
    return dict(part.rows)


def two_studies(results: Path, seeds: int = 3) -> None:
    """Five curves of the zoo and, of the strategies, five more; two runs of a scan that both declare."""
    fill(results, ZOO, "desk", setting="fields-8", seeds=seeds, means=MEANS)
    strategies = {"vmamba": 6.0, "plainmamba": 2.5, "arcee": 7.0, "sorted-score": 9.0, "zigzag-8": 2.0}
    fill(results, STRATEGIES, "desk", setting="fields-8", seeds=seeds, means=strategies)


def test_scans_of_all_studies_stand_together_best_first(tmp_path: Path) -> None:
    two_studies(tmp_path)
    ranked = rows(tmp_path)
    assert list(ranked)[:4] == ["peano-8", "zigzag-8", "plainmamba", "spiral-8"]
    assert list(ranked)[-2:] == ["arcee", "sorted-score"]  # a carried state and an order by a score are scans
    assert len(ranked) == 9


def test_each_is_compared_with_the_paper_s_best_seed_by_seed(tmp_path: Path) -> None:
    two_studies(tmp_path)
    ranked = rows(tmp_path)
    assert ranked[BESIDE][1] is None
    ratio = str(ranked["morton-8"][1])
    assert 2.0 < float(ratio.split()[0]) < 3.0
    assert "[" in ratio


def test_of_one_seed_there_is_a_ratio_without_an_interval(tmp_path: Path) -> None:
    two_studies(tmp_path, seeds=1)
    assert "[" not in str(rows(tmp_path)["morton-8"][1])


def test_another_mixer_is_no_scan_and_a_run_of_two_names_goes_by_its_plan(tmp_path: Path) -> None:
    two_studies(tmp_path)
    (gla,) = (
        arm.name for arm in MIXERS.arms if arm.changes["model.mixer"] == GatedLinearAttentionSpec()
        and arm.changes["model.scan"] == "zigzag-8"
    )  # fmt: skip
    fill(
        tmp_path,
        MIXERS,
        "desk",
        setting="fields-8",
        seeds=3,
        means={"mamba": 2.0, gla: 0.5, "mamba random": 8.0},
    )
    ranked = rows(tmp_path)
    assert gla not in ranked
    assert "mamba" not in ranked
    assert BESIDE in ranked
    assert len(ranked) == 10  # and `mamba random`, which no study calls random-8 here


def test_few_scans_and_scans_trained_otherwise_make_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(tmp_path, ZOO, "desk", setting="fields-8", means=MEANS)
    fill(tmp_path, STRATEGIES, "desk", setting="fields-16", means={"vmamba": 1.0, "mair": 2.0, "arcee": 3.0})
    assert not ranking(load(tmp_path)).parts
    assert main(["make-tables", "ranking", "--results", str(tmp_path)]) == 0
    assert "no setting has 8 scans, of several studies" in capsys.readouterr().out


def test_its_command_and_the_page_show_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two_studies(tmp_path)
    assert main(["make-tables", "ranking", "--results", str(tmp_path)]) == 0
    assert capsys.readouterr().out.index("peano-8") > 0
    records = load(tmp_path)
    store = Store(records, tmp_path)
    (shown,) = (table for table in shown_tables(records, store) if table.study == "ranking")
    best, *_ = shown.parts[0].rows
    assert best[0] == "peano-8"
    assert len(best[1][0].records) == 3


def test_its_first_rows_are_quoted(tmp_path: Path) -> None:
    two_studies(tmp_path)
    quotes = Quotes(Derived(load(tmp_path), tmp_path), tmp_path)
    lines = quotes.of("ranking / desk / fields-8 ; first 3").strip().splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["peano-8", "zigzag-8", "plainmamba"]


def test_what_is_better_when_higher_is_ranked_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from analysis import metrics

    turned = tuple(
        replace(m, better="higher") if m.pattern == "excess_velocity" else m for m in metrics.METRICS
    )
    monkeypatch.setattr(metrics, "METRICS", turned)
    metrics.find_metric.cache_clear()
    two_studies(tmp_path)
    assert next(iter(rows(tmp_path))) == "sorted-score"
    monkeypatch.undo()
    metrics.find_metric.cache_clear()


def test_an_arm_of_other_rules_leaves_the_others_in_order(tmp_path: Path) -> None:
    for i, run in enumerate(runs(ZOO, "tiny", settings=["digits-8-short"])):
        rules = PROTOCOL | {"n_generated": 10 if i in (4, 9) else 500}
        write(tmp_path, run, record_of(run, drawn_metrics(run, float(i * 7 % 16 + 1), rules)))
    fill(tmp_path, STRATEGIES, setting="digits-8-short", seeds=1, means={"vmamba": 9.5})
    means = [cells[0].mean for cells in rows(tmp_path).values()]  # type: ignore[attr-defined]
    assert means == sorted(means)
    assert len(means) == len(ZOO.arms) - 1


def test_one_study_alone_has_its_own_table(tmp_path: Path) -> None:
    fill(tmp_path, ZOO, "desk", setting="fields-8", seeds=1)
    assert not ranking(load(tmp_path)).parts


def test_the_figure_has_the_best_on_top_and_says_what_cannot_be_seen(tmp_path: Path) -> None:
    two_studies(tmp_path)
    drawing = figure_ranking(load(tmp_path))
    assert isinstance(drawing, Picture)
    figure = Figure(figsize=drawing.size)
    drawing.draw(figure)
    (ax,) = figure.axes
    assert ax.yaxis_inverted()
    assert [tick.get_text() for tick in ax.get_yticklabels()][:2] == ["peano-8", "zigzag-8"]
    assert "peano-8" in drawing.alt
    assert "unseen" in drawing.alt
    assert len(drawing.records) == 27


def test_two_scans_of_one_name_both_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two_studies(tmp_path)
    other = replace(ZOO, name="other", arms=(Arm("vmamba", {"model.scan": "random-2"}),))
    monkeypatch.setattr("analysis.tables.ranking.studies", lambda: {**studies(), "other": other})
    fill(tmp_path, other, "desk", setting="fields-8", means={"vmamba": 20.0})
    ranked = rows(tmp_path)
    assert {"vmamba", "vmamba (other)"} <= set(ranked)
    assert list(ranked)[-1] == "vmamba (other)"


def test_values_of_the_protocol_that_most_follow_are_ranked(tmp_path: Path) -> None:
    def plant(study: Study, arm: str, n_generated: int, quality: float) -> None:
        (run,) = (run for run in runs(study, "tiny", [0], settings=["digits-8-short"]) if run.arm == arm)
        rules = PROTOCOL | {"n_generated": n_generated}
        write(tmp_path, run, record_of(run, drawn_metrics(run, quality, rules)))

    plant(STRATEGIES, "mair", 10, 0.1)
    plant(STRATEGIES, "vmamba", 500, 9.0)
    for i, arm in enumerate(ZOO.arms):
        plant(ZOO, arm.name, 500, 2.0 + i)
    ranked = rows(tmp_path)
    assert "vmamba" in ranked
    assert "mair" not in ranked

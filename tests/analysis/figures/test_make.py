"""make-figures: every figure from records alone, the same bytes every time, and a manifest that tells the truth."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from analysis.__main__ import main
from analysis.figures.catalogue import DRAWINGS, FROM_RECORDS, SAMPLES, picture, pictures
from analysis.figures.make import make_figures, outdated, read_manifest
from analysis.figures.picture import Missing, Picture
from analysis.figures.titles import TITLES, find_figure
from analysis.records import Records, load
from zigma.common.words import WordError

ROOT = Path(__file__).parents[3]


def make(folder: Path, records: Records, results: Path, *names: str) -> list[Path]:
    """Draw these figures of the records."""
    return make_figures(folder, pictures(names, records, results), results)


def outdated_names(folder: Path, results: Path, records: Records | None = None) -> dict[str, str]:
    """Figures of a folder that the records no longer give, and why."""
    manifest = read_manifest(folder)
    drawn = pictures(manifest, load(results) if records is None else records, results)
    return outdated(folder, manifest, drawn, results)


def test_every_figure_of_the_paper_is_known() -> None:
    assert list(TITLES) == [
        *(f"figure_{i}" for i in range(1, 18)),
        "figure_levels",
        "figure_samples",
        "figure_ranking",
        "figure_exact",
    ]
    assert {*DRAWINGS, *FROM_RECORDS, *SAMPLES} == set(TITLES)


@pytest.mark.parametrize("name", TITLES)
def test_each_figure_says_in_words_what_it_shows(name: str, recorded: Path) -> None:
    drawing = picture(name, load(recorded), recorded)
    assert isinstance(drawing, Picture)
    assert len(drawing.alt) > 40
    assert bool(drawing.records) == (name not in DRAWINGS)
    if name in FROM_RECORDS:
        scale = "desk" if name == "figure_ranking" else "tiny"
        assert any(scale in note for note in drawing.notes)
        assert any("some processor" in note for note in drawing.notes), "the device is on the sheet"


@pytest.mark.parametrize("name", {**FROM_RECORDS, **SAMPLES})
def test_a_figure_without_records_says_what_to_run(name: str, tmp_path: Path) -> None:
    drawing = picture(name, Records(), tmp_path)
    assert isinstance(drawing, Missing)
    assert drawing.run.startswith("python -m studies run ")


def test_the_commands_named_for_missing_figures_are_right(tmp_path: Path) -> None:
    from studies.__main__ import main as studies_main

    for name in {**FROM_RECORDS, **SAMPLES}:
        drawing = picture(name, Records(), tmp_path)
        assert isinstance(drawing, Missing)
        for command in drawing.run.split("; "):
            import shlex

            words = shlex.split(command)[3:]
            assert studies_main([*words, "--dry-run", "--results", str(tmp_path)]) == 0, command


def test_the_same_bytes_every_time(recorded: Path, tmp_path: Path) -> None:
    records = load(recorded)
    first, second = (make(tmp_path / folder, records, recorded, "figure_6", "figure_12") for folder in "ab")
    assert {path.stem for path in first} == {"figure_6", "figure_12"}
    assert [path.name for path in first] == [path.name for path in second]
    assert {path.suffix for path in first} == {".png", ".svg", ".pdf", ".md"}
    for a, b in zip(first, second, strict=True):
        assert a.read_bytes() == b.read_bytes(), a.name
    manifests = [(tmp_path / folder / "manifest.json").read_bytes() for folder in "ab"]
    assert manifests[0] == manifests[1]


def test_the_notes_of_a_figure_stand_beside_its_file_and_not_in_it(recorded: Path, tmp_path: Path) -> None:
    make(tmp_path, load(recorded), recorded, "figure_13")
    beside = (tmp_path / "figure_13.md").read_text(encoding="utf-8")
    assert beside.startswith("# Figure 13. Patch size")
    drawing = picture("figure_13", load(recorded), recorded)
    assert isinstance(drawing, Picture)
    assert all(f"- {note}" in beside for note in drawing.notes)
    figure = Figure(figsize=drawing.size)
    drawing.draw(figure)
    assert not figure.get_supxlabel()


def test_a_user_s_matplotlibrc_changes_no_figure(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text(
        "font.size: 23\nfont.family: serif\naxes.facecolor: pink\nlines.linewidth: 9\nsavefig.bbox: tight\n"
        "savefig.dpi: 31\nfigure.constrained_layout.h_pad: 1\naxes.prop_cycle: cycler('color', ['y'])\n"
    )
    code = (
        "import sys; from pathlib import Path; from analysis.figures.make import draw; "
        "from analysis.figures.scans import figure_1; draw(figure_1(), Path(sys.argv[1]), ('svg', 'png'))"
    )
    for name, folder in (("theirs", tmp_path), ("ours", tmp_path / "none")):
        folder.mkdir(exist_ok=True)
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / name)],
            cwd=ROOT, check=True, env=os.environ | {"MPLCONFIGDIR": str(folder), "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    for ending in ("svg", "png"):
        assert (tmp_path / f"theirs.{ending}").read_bytes() == (tmp_path / f"ours.{ending}").read_bytes()


def test_the_manifest_names_the_records(recorded: Path, tmp_path: Path) -> None:
    make(tmp_path, load(recorded), recorded, "figure_11", "figure_3")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert list(manifest) == ["figure_3", "figure_11"]
    assert manifest["figure_3"]["records"] == []
    behind = manifest["figure_11"]["records"]
    assert behind
    for named in behind:
        contents = (recorded / named["path"]).read_bytes()
        assert hashlib.sha256(contents).hexdigest() == named["sha256"]
        assert json.loads(contents)["identity"] == named["identity"]


def test_one_figure_leaves_the_others(recorded: Path, tmp_path: Path) -> None:
    make(tmp_path, load(recorded), recorded, "figure_3", "figure_13")
    before = read_manifest(tmp_path)
    make(tmp_path, load(recorded), recorded, "figure_3")
    assert read_manifest(tmp_path) == before


def test_outdated(recorded: Path, tmp_path: Path) -> None:
    results, figures = tmp_path / "results", tmp_path / "figures"
    shutil.copytree(recorded, results)
    make(figures, load(results), results, "figure_3", "figure_13", "figure_11")
    assert outdated_names(figures, results) == {}
    file = next((results / "records" / "tiny" / "patch_size").glob("patch-2.speed.*"))
    file.write_text(file.read_text() + "\n")  # as a repetition would
    assert list(outdated_names(figures, results)) == ["figure_13"]
    (figures / "figure_3.svg").unlink()
    assert outdated_names(figures, results)["figure_3"] == "figure_3.svg is missing"


def test_a_figure_whose_records_have_gone_is_taken_away(recorded: Path, tmp_path: Path) -> None:
    make(tmp_path, load(recorded), recorded, "figure_11")
    assert (tmp_path / "figure_11.png").exists()
    assert list(outdated_names(tmp_path, recorded, Records())) == ["figure_11"]
    assert make(tmp_path, Records(), recorded, "figure_11") == []
    assert not list(tmp_path.glob("figure_11.*"))
    assert "no records yet" in read_manifest(tmp_path)["figure_11"]["missing"]


def test_a_manifest_deletes_nothing_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "precious.png").write_text("mine")
    figures = tmp_path / "figures"
    figures.mkdir()
    (figures / "manifest.json").write_text(json.dumps({"figure_11": {"files": ["../precious.png"]}}))
    make(figures, Records(), tmp_path, "figure_11")
    assert (tmp_path / "precious.png").exists()


@pytest.mark.parametrize("contents", ["{", "[]", '{"figure_1": []}', '{"figure_1": {}}'])
def test_what_is_no_manifest_is_refused(contents: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(contents)
    with pytest.raises(WordError, match="no manifest"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("word", ["6", "figure_6", "Figure 6", "fig. 6"])
def test_figures_by_name(word: str) -> None:
    if word == "fig. 6":
        with pytest.raises(WordError, match="figure_6"):
            find_figure(word)
    else:
        assert find_figure(word) == "figure_6"


def test_wrong_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--only", "18"], ["--only", "six"], ["--source", "theirs"]):
        with pytest.raises(SystemExit) as left:
            main(["make-figures", *words, "--out", str(tmp_path / "new"), "--results", str(tmp_path)])
        assert left.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1
        assert not (tmp_path / "new").exists()


def test_the_command_loads_no_torch(recorded: Path, tmp_path: Path) -> None:
    words = ["make-figures", "--results", str(recorded), "--out", str(tmp_path), "--only", "4", "--only", "8"]
    code = (
        f"import sys; from analysis.__main__ import main; main({words!r}); sys.exit('torch' in sys.modules or "
        "'sklearn' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    assert (tmp_path / "figure_8.pdf").read_bytes().startswith(b"%PDF")

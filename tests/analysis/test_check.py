"""That what is kept is what the records give: a change of any number, file or record is found."""

import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from fake_records import fill

from analysis.__main__ import main
from analysis.check import check, same
from analysis.derived import Derived
from analysis.quote import Quotes, spans, unmarked
from analysis.records import load
from zigma.common.words import WordError

ROOT = Path(__file__).parents[2]
MEANS = {"sweep": 9.0, "zigzag-1": 7.0, "zigzag-2": 6.0, "zigzag-8": 4.0}
DOCUMENT = """# Numbers

<!-- from: table_1 / tiny / digits-8 ; 256 FID ; fd_digits -->
old
<!-- end -->

Zigzag-8 has <!-- from: table_1 / tiny / digits-8 / zigzag-8 / fd_digits -->?<!-- end -->, so the claim
<!-- from: claims / more-schemes-help / tiny -->?<!-- end --> and, in all,
<!-- from: claims / hilbert-is-hard -->?<!-- end -->;
<!-- from: agreement / scan_ablation / tiny / digits-8 -->?<!-- end --> pairs agree,
and continuity predicts <!-- from: predicted / scan_ablation / tiny / digits-8 / unit_steps -->?<!-- end -->.

```
<!-- from: an example -->1.0 ± 0.1
```
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    results = root / "results"
    fill(results, means=MEANS, seeds=3, spread=0.05)
    (results / "records").rename(results / "published")
    main(["make-tables", "--publish", "--results", str(results)])
    main(["claims", "--publish", "--results", str(results)])
    (root / "README.md").write_text(DOCUMENT, encoding="utf-8")
    assert main([*words(root), "--write"]) == 0
    return root


@pytest.fixture
def kept(made: Path, tmp_path: Path) -> Path:
    """A results folder with tables, claims and a document made from its records."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


def words(root: Path) -> list[str]:
    results, figures, document = root / "results", root / "figures", root / "README.md"
    return ["check", "--results", str(results), "--figures", str(figures), "--document", str(document)]


def faults(root: Path) -> list[str]:
    results = root / "results"
    checked = check(Derived(load(results), results), root / "figures", [root / "README.md"])
    return [f"{item.kind} {item.what}: {item.fault}" for item in checked if item.fault]


def test_what_was_just_made_is_backed(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert faults(kept) == []
    assert main(words(kept)) == 0
    out = capsys.readouterr().out
    assert "table_1 (csv, md, tex): 12 records" in out
    assert "the paper's numbers alone" in out
    document = (kept / "README.md").read_text(encoding="utf-8")
    assert "| zigzag-8 |" in document
    assert "<!-- from: claims / more-schemes-help / tiny -->holds<!-- end -->" in document
    assert "-->6 of 6<!-- end -->" in document
    assert "<!-- from: an example -->1.0 ± 0.1" in document  # code blocks are left alone


def test_a_number_changed_by_hand_is_found(kept: Path) -> None:
    path = kept / "results" / "tables" / "table_1.md"
    path.write_text(path.read_text(encoding="utf-8").replace("158.1", "15.81"), encoding="utf-8")
    assert [fault for fault in faults(kept) if "table_1.md: python" in fault and "other numbers" in fault]
    assert main(words(kept)) == 1


def test_a_record_that_changes_makes_everything_stale(kept: Path) -> None:
    path = next((kept / "results").rglob("zigzag-8.*.json"))
    record = json.loads(path.read_text(encoding="utf-8"))
    record["metrics"][1]["value"] = 99.0
    path.write_text(json.dumps(record), encoding="utf-8")
    all_faults = " ".join(faults(kept))
    for word in (
        "table_1.csv, table_1.md, table_1.tex",
        "claims.md",
        "claims.json",
        "README.md:3 ",
        "/ zigzag-8 / fd",
    ):
        assert word in all_faults, word
    assert "table_7" not in all_faults


def test_a_record_that_is_not_what_its_identity_says_is_found(kept: Path) -> None:
    path = next((kept / "results").rglob("zigzag-8.*.json"))
    record = json.loads(path.read_text(encoding="utf-8"))
    record["config"]["training"]["steps"] = 1
    path.write_text(json.dumps(record), encoding="utf-8")
    assert [fault for fault in faults(kept) if fault.startswith("record") and "identity" in fault]


def test_a_file_that_is_no_record_and_a_table_that_nothing_makes(kept: Path) -> None:
    (kept / "results" / "published" / "x.json").write_text("{}", encoding="utf-8")
    (kept / "results" / "tables" / "table_99.md").write_text("| 1.0 |", encoding="utf-8")
    all_faults = " ".join(faults(kept))
    assert "x.json" in all_faults
    assert "no study makes table_99.md" in all_faults


def test_figures_are_checked_against_their_manifest(kept: Path) -> None:
    words = [
        "make-figures",
        "--results",
        str(kept / "results"),
        "--out",
        str(kept / "figures"),
        "--only",
        "3",
    ]
    assert main(words) == 0
    assert faults(kept) == []
    drawn = sorted(path for path in (kept / "figures").iterdir() if path.suffix == ".png")
    words_of = drawn[0].with_suffix(".md")
    for changed in (drawn[0], words_of):
        was = changed.read_bytes()
        changed.write_bytes(was + b"9.9")
        assert "is not what was drawn" in " ".join(faults(kept))
        changed.write_bytes(was)
    assert faults(kept) == []
    drawn[0].unlink()
    (kept / "figures" / "stray.png").write_bytes(b"")
    all_faults = " ".join(faults(kept))
    assert "is missing" in all_faults
    assert "stray.png" in all_faults


def test_results_between_no_markers_are_found(kept: Path) -> None:
    path = kept / "README.md"
    path.write_text(
        path.read_text(encoding="utf-8") + "\nIt is 3.1 ± 0.2.\n\nIt is 0.97 [0.82, 1.15].\n\n| a | 1.5 |\n",
        encoding="utf-8",
    )
    unmarked_results = [fault for fault in faults(kept) if "no markers" in fault]
    assert len(unmarked_results) == 3


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("table_99 / tiny / digits-8", "unknown table"),
        ("table_1 / tiny / digits-9", "it has: tiny / digits-8"),
        ("table_1 / tiny", "takes SCALE"),
        ("table_1 / tiny / digits-8 / zigzag-9 / fd_digits", "unknown row"),
        ("table_1 / tiny / digits-8 / zigzag-8 / fd", "unknown column"),
        ("table_1 / tiny / digits-8 ; fd", "unknown column"),
        ("claims / nothing", "unknown claim"),
        ("claims / hilbert-is-hard / huge", "unknown scale"),
        ("agreement / hilbert / tiny / digits-8", "unknown agreement"),
        ("file ../secret", "not there"),
        ("table_2 / tiny / digits-8 / ZigMa cosine / held_out_loss", "nothing is recorded"),
    ],
)
def test_a_source_that_there_is_not_is_a_fault(source: str, says: str, kept: Path) -> None:
    (kept / "README.md").write_text(f"<!-- from: {source} -->—<!-- end -->\n", encoding="utf-8")
    (fault,) = faults(kept)
    assert says in fault


def test_all_verdicts_and_all_rank_correlations_are_tables(kept: Path) -> None:
    quotes = Quotes(Derived(load(kept / "results"), kept / "results"), kept)
    head, _, *rows = quotes.of("claims").strip().splitlines()
    assert [cell.strip() for cell in head.strip("|").split("|")] == ["claim", "tiny"]
    assert any("eight zigzags are better than two" in row for row in rows)
    assert not any("captions" in row for row in rows)  # of which nothing is recorded
    head, _, row = quotes.of("agreement").strip().splitlines()
    assert "Spearman [95 %]" in head
    assert "Table 1 256 FID" in row


def test_a_file_is_quoted_word_for_word(kept: Path) -> None:
    (kept / "results" / "speed.md").write_text("| 1.5 ms |\n", encoding="utf-8")
    document = "<!-- from: file results/speed.md -->\n| 1.5 ms |\n<!-- end -->\n"
    (kept / "README.md").write_text(document, encoding="utf-8")
    assert faults(kept) == []


def test_a_marker_without_an_end() -> None:
    with pytest.raises(WordError, match="no <!-- end -->"):
        spans("<!-- from: table_1 / tiny / digits-8 -->")


def test_line_numbers_and_code_blocks() -> None:
    assert unmarked("a\n\n1.5 ± 0.1\n```\n2.5 ± 0.1\n```\n| 3.5 |\n") == [(3, "1.5 ± 0.1"), (7, "| 3.5 |")]


def test_numbers_are_compared_as_numbers() -> None:
    assert same("p 0.1234567891 a", "p 0.1234567892 a")
    assert not same("p 0.1234 a", "p 0.1235 a")
    assert not same("p 0.1 a", "p 0.1 b")
    assert not same("1 2", "1 2 3")


def test_what_this_project_keeps_is_what_its_records_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is committed, by the records that are: a user's own tables and records change nothing here."""
    kept = ["git", "-C", str(ROOT), "archive", "HEAD", "README.md", "results", "paper_figures"]
    try:
        archive = subprocess.run(kept, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no checkout with git: {error}")
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(tmp_path)  # of our own making: a plain Python 3.11 knows no filter
    monkeypatch.chdir(tmp_path)
    results = Path("results")
    derived = Derived(load(results, "published"), results)
    checked = list(check(derived, Path("paper_figures"), [Path("README.md")]))
    assert [item for item in checked if item.fault] == []
    assert {item.kind for item in checked} >= {"record", "table", "figure", "number", "claims"}

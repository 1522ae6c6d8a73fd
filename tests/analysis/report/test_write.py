"""The page as a file: one, whole, with nothing in it that a record could do harm with."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fake_records import drawn_metrics, fill, record_of, write
from PIL import Image

from analysis.__main__ import main
from analysis.records import Records, load
from analysis.report.template import prose
from analysis.report.write import render, write_report
from studies.declare.registry import find_study
from studies.declare.scans import with_scans
from studies.declare.study import runs, with_settings

ROOT = Path(__file__).parents[3]
VOID = {"meta", "link", "img", "input", "br", "path", "circle", "use", "rect", "image"}


class Page(HTMLParser):
    """What the tests ask of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.addresses: list[str] = []
        self.referred: list[str] = []
        self.handlers: list[str] = []
        self.elements: list[str] = []
        self.words: list[str] = []  # what a reader sees, and what is read to her
        self.feed(text)

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1] not in ("style", "script"):
            self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        for name, value in attrs:
            value = value or ""
            if name == "id":
                self.ids.append(value)
            elif name in ("href", "src", "xlink:href", "action"):
                (self.links if value.startswith("#") else self.addresses).append(value)
            elif name in ("aria-labelledby", "aria-describedby"):
                self.referred += value.split()
            elif name.startswith("on"):
                self.handlers.append(name)
            elif name in ("alt", "title", "aria-label"):
                self.words.append(value)


@pytest.fixture(scope="module")
def text(recorded: Path) -> str:
    return render(load(recorded), recorded)


def test_the_same_records_give_the_same_page(tmp_path: Path) -> None:
    fill(tmp_path, "spatial_continuity", seeds=2)
    assert render(load(tmp_path), tmp_path) == render(load(tmp_path), tmp_path)


def test_headings_ids_and_links(text: str) -> None:
    page = Page(text)
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    for above, below in zip(page.headings, page.headings[1:], strict=False):
        assert below <= above + 1, "no level is left out"
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert set(page.referred) <= set(page.ids)
    for landmark in ("main", "nav", "header", "footer"):
        assert page.elements.count(landmark) == 1


def test_no_markdown_is_shown_raw(text: str) -> None:
    raw = [words for words in Page(text).words if re.search(r"`|\*\*|\]\(|<!--", words)]
    assert raw == []
    assert "Scales below <code>paper</code> are stand-ins" in text


def test_what_a_sentence_has_between_backticks_is_code_and_the_rest_stays_words() -> None:
    assert prose("`a < b` & <b>c</b>, a lone ` too") == (
        "<code>a &lt; b</code> &amp; &lt;b&gt;c&lt;/b&gt;, a lone ` too"
    )


def test_on_a_telephone_every_cell_of_what_was_run_says_its_column(text: str) -> None:
    tables = re.findall(r'<table class="[^"]*stack">.*?</table>', text, flags=re.DOTALL)
    assert len(tables) >= 2  # what was run, verdicts
    assert all("data-head=" in cell for table in tables for cell in re.findall("<td[^>]*>", table))


def test_nothing_is_asked_of_the_network(text: str) -> None:
    assert all(address.startswith("data:") for address in Page(text).addresses)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in text
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src &#39;none&#39;") or policy[1].startswith("default-src 'none'")


def test_numbers_refer_to_records_of_the_page(text: str) -> None:
    store = re.search(r'id="records-data">(.*?)</script>', text, re.DOTALL)
    assert store is not None
    count = len(json.loads(store[1])["records"])
    referred = [
        int(n)
        for numbers_of_cell in re.findall(r'data-records="([\d ]+)"', text)
        for n in numbers_of_cell.split()
    ]
    assert set(referred) == set(range(count)), "each record is reached, and none that is not there"


def test_odd_names_of_files_and_odd_errors_are_shown_without_what_is_no_text(tmp_path: Path) -> None:
    """A file's name may be bytes that are no UTF-8, of which one cost the page; an error may have escapes."""
    run = runs(find_study("scan_ablation"), "tiny", settings=["digits-8"])[0]
    failed = record_of(run, [], status="failed", error="</script>\x1b[31m broke")
    whole = write(tmp_path, run, failed)
    whole.with_name(os.fsdecode(b"a\xff\x1b.json")).write_text("{}")
    records = load(tmp_path)
    assert [line.isprintable() for line in records.faults] == [True]
    path = write_report(tmp_path / "page.html", records, tmp_path)
    text = path.read_text(encoding="utf-8")
    assert "a??.json has schema None" in text
    assert "\x1b" not in text


NASTY = "<script>alert('x')</script>{{ 7 * 7 }}\"><img src=x onerror=alert(1)>"


def test_records_of_strangers_are_shown_not_obeyed(tmp_path: Path) -> None:
    study = with_scans(find_study("scan_ablation"), ["spiral-8"])[0]
    for run in runs(study, "tiny"):
        if run.setting == "digits-8":
            environment = {"device": NASTY, "device_kind": "cpu", "commit": NASTY}
            record = record_of(run, drawn_metrics(run, 5.0), environment=environment)
            record["metrics"].append({"name": NASTY, "value": 1.0, "reference": NASTY})
            if run.arm == "spiral-8":
                record["arm"] = NASTY
            write(tmp_path, run, record)
    text = render(load(tmp_path), tmp_path)
    page = Page(text)
    assert page.elements.count("script") == 3, "ours, and two of data"
    assert not page.handlers
    assert "{{ 7 * 7 }}" in text
    assert all(address.startswith("data:") for address in page.addresses)


@pytest.mark.parametrize("number", [-0.0, 1e22, 5.5, 5e-324])
def test_odd_numbers_and_names_of_files_stop_no_page(tmp_path: Path, number: float) -> None:
    for run in runs(find_study("scan_ablation"), "tiny", settings=["digits-8"]):
        curves = {"loss": {"step": [number, number], "value": [number, number]}}
        artifacts = {"samples": "a" * 400, "features": "b/" * 200, "weights": "."}
        cost = {"parameters": number, "device_hours": number}
        write(
            tmp_path,
            run,
            record_of(run, drawn_metrics(run, number), curves=curves, artifacts=artifacts, cost=cost),
        )
    text = render(load(tmp_path), tmp_path)
    assert "zigzag-8" in text


def test_a_page_without_records_says_what_to_run(tmp_path: Path) -> None:
    text = render(Records(), tmp_path)
    assert "python -m studies run scan_ablation" in text
    assert "0 finished runs" in text
    assert Page(text).headings.count(2) >= 7


def test_the_page_opens_with_what_was_run_and_with_samples_beside_each_other(tmp_path: Path) -> None:
    fill(tmp_path, "scan_ablation", seeds=2)
    fill(tmp_path, "hilbert", seeds=1)
    sizes = {"sweep": (32, 32), "zigzag-8": (60_000, 2)}
    for path in (tmp_path / "records").rglob("*.json"):
        record = json.loads(path.read_text())
        if record["study"] == "scan_ablation" and record["seed"] == 0 and record["arm"] in sizes:
            name = f"samples/{record['arm']}.png"
            (tmp_path / "samples").mkdir(exist_ok=True)
            Image.new("RGB", sizes[record["arm"]], "red").save(tmp_path / name)
            path.write_text(json.dumps(record | {"artifacts": {"samples": name}}))
    records = load(tmp_path)
    text = render(records, tmp_path)
    opening = text[text.index('id="opening"') : text.index('id="claims"')]
    assert "2,000 steps of 16 images" in opening
    assert "hidden 32, depth 8" in opening
    assert "4 arms, 2 seeds" in opening
    assert re.search(r"All \d+ settings that were trained", opening)
    assert 'alt="sweep, tiny, digits-8"' in opening
    assert "zigzag-8, tiny, digits-8" not in opening, "a picture of absurd size is left out"
    assert opening.count("<svg") == 1


def test_files_that_are_no_records_are_named(tmp_path: Path) -> None:
    bad = tmp_path / "records" / "tiny" / "scan_ablation" / "x.json"
    bad.parent.mkdir(parents=True)
    bad.write_text("{")
    assert "x.json" in render(load(tmp_path), tmp_path)


def test_hundreds_of_records_stay_small(recorded: Path, text: str) -> None:
    count = len(load(recorded))
    assert count > 100
    assert len(text.encode()) < 3_000_000


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path, "scan_ablation", seeds=2)
    assert main(["report", "--results", str(tmp_path)]) == 0
    assert "report.html" in capsys.readouterr().err
    assert (tmp_path / "view" / "report.html").read_text().startswith("<!DOCTYPE html>")
    assert not list(tmp_path.rglob(".*"))
    for words in (["--out", str(tmp_path)], ["--source", "theirs"]):
        with pytest.raises(SystemExit) as left:
            main(["report", "--results", str(tmp_path), *words])
        assert left.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_the_command_loads_no_torch(tmp_path: Path) -> None:
    fill(tmp_path, "scan_ablation", seeds=1)
    words = ["report", "--results", str(tmp_path), "--out", str(tmp_path / "page.html")]
    code = (
        f"import sys; from analysis.__main__ import main; main({words!r}); sys.exit('torch' in sys.modules or "
        "'sklearn' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)


def test_what_no_study_declares_is_listed_as_stale_and_shown_nowhere_else(tmp_path: Path) -> None:
    study = find_study("scan_ablation")
    run = next(iter(runs(with_settings(study, {"training.steps": 7}), "tiny")))
    samples = tmp_path / "samples" / "a.png"
    samples.parent.mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(samples)
    write(tmp_path, run, record_of(run, drawn_metrics(run, 5.0), artifacts={"samples": "samples/a.png"}))
    text = render(load(tmp_path), tmp_path)
    store = re.search(r'id="records-data">(.*?)</script>', text, re.DOTALL)
    assert store is not None
    assert json.loads(store[1])["stale"] == [0]
    assert "No declared run has saved samples yet" in text
    assert "No declared run that trains is recorded yet" in text

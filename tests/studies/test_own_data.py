"""A person's own images: prepared once, labelled honestly, with counts that they have."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studies.declare import registry
from studies.declare.levels import levels_key
from studies.declare.own_data import configured, declare_own_data, own_data
from studies.declare.registry import find_study
from studies.declare.selection import select
from studies.declare.validate import config_faults, resolve
from studies.run.own_data import prepare_own
from zigma.common.words import Problems, WordError

PREPARE = """
import sys
from pathlib import Path
from studies.run.own_data import prepare_own
print(prepare_own(Path(sys.argv[1]), 16, Path(sys.argv[2])))
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_added", {})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Thirty pictures in two classes, half with a caption, one damaged and one twice."""
    rng = np.random.default_rng(0)
    for name in ("house wren", "blue.jay"):
        below = tmp_path / "My birds 2.0" / name
        below.mkdir(parents=True)
        for i in range(30):
            Image.fromarray(rng.integers(0, 255, (20 + i, 31, 3), dtype=np.uint8)).save(below / f"a {i}.png")
    (below / "broken.jpg").write_bytes(b"no picture")
    (below / "again.png").write_bytes((below / "a 1.png").read_bytes())
    return tmp_path / "My birds 2.0"


def test_it_is_prepared_once_and_says_what_it_skips(folder: Path, tmp_path: Path) -> None:
    messages: list[str] = []
    data = prepare_own(folder, 32, tmp_path / "r", say=messages.append)
    assert (data.setting, data.classes, data.caption_words) == ("My_birds_2_0-32", 2, 0)
    assert data.train + data.held_out == 60
    assert any("broken.jpg" in line and line.startswith("skipped, ") for line in messages)
    assert any("the same contents" in line and "a 1.png" in line for line in messages)
    stamp = (Path(data.root) / "manifest.json").stat().st_mtime_ns
    for path in folder.rglob("*.png"):
        path.touch()  # the same contents at another time are the same
    again: list[str] = []
    assert prepare_own(folder, 32, tmp_path / "r", say=again.append) == data
    assert (Path(data.root) / "manifest.json").stat().st_mtime_ns == stamp
    assert any("broken.jpg" in line for line in again)
    next(folder.rglob("a 2.png")).unlink()
    changed = prepare_own(folder, 32, tmp_path / "r", say=again.append)
    assert changed.setting.startswith("My_birds_2_0-32-")
    assert changed.root != data.root


@pytest.mark.parametrize("test", ["test", "val2014"])
def test_a_split_of_ones_own_is_kept(folder: Path, tmp_path: Path, test: str) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(folder, mine / "train")
    (mine / test / "blue.jay").mkdir(parents=True)
    for i in range(5):
        (mine / "train" / "blue.jay" / f"a {i}.png").rename(mine / test / "blue.jay" / f"a {i}.png")
    messages: list[str] = []
    data = prepare_own(mine, 32, tmp_path / "r", say=messages.append)
    assert (data.train, data.held_out, data.classes) == (55, 5, 2)
    assert f"held out are the images in {test}; the others are trained on" in messages
    (mine / "train" / "house wren").rename(mine / "house wren")  # now nothing says which folders are splits
    other = prepare_own(mine, 32, tmp_path / "r", say=messages.append)
    assert (other.held_out != 5, other.classes) == (True, 3)


def test_of_three_splits_a_share_is_held_out_and_a_line_says_so(folder: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(folder, mine / "train")
    for name in ("val", "test"):
        shutil.copytree(folder / "house wren", mine / name / "house wren")
    messages: list[str] = []
    assert prepare_own(mine, 32, tmp_path / "r", say=messages.append).classes == 2
    assert any(line.startswith("test, train, val are one data set here") for line in messages)


def test_captions_beside_the_images_are_read(folder: Path, tmp_path: Path) -> None:
    for path in folder.rglob("a *.png"):
        path.with_suffix(".txt").write_text("a small brown bird\n")
    messages: list[str] = []
    data = prepare_own(folder, 32, tmp_path / "r", say=messages.append)
    assert data.caption_words == 4
    _, config = configured(find_study("scan_ablation"), "tiny", data)
    assert (config.model.text_width, config.model.text_tokens) == (32, 4)


@pytest.mark.parametrize("locale", [{"LC_ALL": "C", "PYTHONUTF8": "0"}, {"PYTHONUTF8": "1"}])
def test_names_beyond_ascii_serve_in_every_locale(tmp_path: Path, locale: dict[str, str]) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "größe" / "日本").mkdir(parents=True)
    for i in range(24):
        pixels = rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "größe" / "日本" / f"é {i}.png")
    results = tmp_path / "größe-r"
    done = subprocess.run(
        [sys.executable, "-c", PREPARE, tmp_path / "größe", results],
        env=os.environ | locale,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    [data] = own_data(results)
    assert data.train + data.held_out == 24
    again = prepare_own(tmp_path / "größe", 16, results, say=lambda line: None)
    assert again.train == data.train


def test_a_setting_fits_the_images_and_has_no_column_of_the_paper(folder: Path, tmp_path: Path) -> None:
    from analysis.records import Records, sheets
    from analysis.tables.parts import sheet_part

    data = prepare_own(folder, 32, tmp_path / "r", say=lambda line: None)
    runs = resolve(select("scan_ablation", "tiny", data=data))
    assert {run.setting for run in runs} == {data.setting}
    config = runs[0].config
    assert config_faults(config) == []
    assert config.model.token_grid == (8, 8)  # type: ignore[union-attr]
    assert config.evaluation.extractors == ("lite0",)  # type: ignore[union-attr]
    assert config.evaluation.n_real == config.evaluation.n_generated == data.held_out  # type: ignore[union-attr]
    declare_own_data(tmp_path / "r", [("scan_ablation", "tiny", data.setting)])
    part = sheet_part(sheets(find_study("scan_ablation"), Records(), "tiny")[data.setting])
    assert [column.group for column in part.columns] == ["ours"] * len(part.columns)


def test_every_arm_stays_what_it_is_on_these_images(folder: Path, tmp_path: Path) -> None:
    """Whole networks, and rates that belong to one setting, are carried over to the setting of these images."""
    data = prepare_own(folder, 32, tmp_path / "r", say=lambda line: None)
    networks = {run.arm: run.config.model for run in resolve(select("transformers", data=data))}  # type: ignore[union-attr]
    assert {arm: model.kind for arm, model in networks.items()} == {
        "U-ViT": "uvit",
        "DiT": "dit",
        "ZigMa": "zigma",
    }
    assert {(model.grid, model.in_channels) for model in networks.values()} == {((32, 32), 3)}
    runs = resolve(select("learning_rates", data=data))
    rates = {run.arm: run.config.training.learning_rate for run in runs}  # type: ignore[union-attr]
    assert len(rates) == 9
    assert rates["sweep twice"] == 2 * rates["sweep"] == 4 * rates["sweep half"]


def test_arms_that_are_one_run_in_the_study_are_one_on_these_images(folder: Path, tmp_path: Path) -> None:
    """At `tiny` one group is all of the image, as a plain zigzag is."""
    data = prepare_own(folder, 32, tmp_path / "r", say=lambda line: None)
    chosen = select("spatial_continuity", data=data)
    assert len(resolve(chosen)) == len(chosen.study.arms) - 1


@pytest.mark.parametrize(
    ("study", "says"),
    [
        ("samples", "arms that take no --data: FacesHQ 1024, .*, UCF-101: data of its own"),
        ("conditioning", "the same network as in-context on these images"),  # which have no captions
    ],
)
def test_arms_that_can_say_nothing_about_these_images_are_refused(
    study: str, says: str, folder: Path, tmp_path: Path
) -> None:
    data = prepare_own(folder, 32, tmp_path / "r", say=lambda line: None)
    with pytest.raises(Problems, match=says):
        select(study, "tiny", data=data)


def test_levels_belong_to_what_shards_hold(folder: Path, tmp_path: Path) -> None:
    """Two folders of one size and equal counts share neither floor nor baselines."""
    keys = []
    for name in ("one", "two"):
        other = folder.rename(folder.with_name(name)) if name == "one" else folder.with_name("two")
        if name == "two":
            shutil.copytree(folder.with_name("one"), other)
            Image.new("RGB", (20, 31), 9).save(other / "blue.jay" / "a 0.png")
        data = prepare_own(other, 32, tmp_path / "r", say=lambda line: None)
        (run,) = resolve(select("scan_ablation", "tiny", only=["sweep"], data=data))
        keys.append(levels_key(run.config.replace(evaluation=run.config.evaluation.replace(n_real=2))))  # type: ignore[union-attr]
    assert keys[0] != keys[1]


def test_shards_of_another_size_are_refused(folder: Path, tmp_path: Path) -> None:
    data = prepare_own(folder, 32, tmp_path / "r", say=lambda line: None)
    selection = select("scan_ablation", "tiny", changes=["data.size=64", "model.grid=64x64"], data=data)
    with pytest.raises(WordError, match="were prepared at 32"):
        resolve(selection)


def test_what_cannot_be_used_is_told_in_a_line(folder: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    few.mkdir()
    Image.new("RGB", (9, 9)).save(few / "a.png")
    shards = tmp_path / "shards"
    shards.mkdir()
    (shards / "00000.tar").touch()
    for path, size, says in [
        (tmp_path / "no", 32, "there is no folder"),
        (folder, 30, "8 divides"),
        (folder, 800_000_000, "4096 at most"),
        (few, 32, "too few"),
        (shards, 32, "holds no image; its tar files are shards, which scale `paper` reads"),
        (tmp_path / "few" / "..", 30, "8 divides"),
    ]:
        with pytest.raises(WordError, match=says):
            prepare_own(path, size, tmp_path / "r", say=lambda line: None)
    assert list(own_data(tmp_path / "r")) == []
    data = prepare_own(folder, 32, tmp_path / "r", say=lambda line: None)
    with pytest.raises(WordError, match="trains nothing on images"):
        select("model_sizes", "tiny", data=data)


def test_twenty_images_are_enough_whichever_they_are(tmp_path: Path) -> None:
    """Who is held out is decided by what an image shows, and by chance nobody was, in one of fourteen folders."""
    held_out = set()
    for seed in range(25):
        images, rng = tmp_path / str(seed), np.random.default_rng(seed)
        images.mkdir()
        for i in range(20):
            Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(images / f"{i}.png")
        held_out.add(prepare_own(images, 8, tmp_path / "r", say=lambda line: None).held_out)
    assert min(held_out) == 2
    assert max(held_out) < 12


@pytest.mark.parametrize("many", [1, 29])
def test_stray_texts_are_no_captions_and_a_line_says_so(folder: Path, tmp_path: Path, many: int) -> None:
    for i in range(many):
        (folder / "blue.jay" / f"a {i}.txt").write_text("a jay")
    (folder / "house wren" / "a 0.txt").write_text("\n")
    messages: list[str] = []
    data = prepare_own(folder, 32, tmp_path / "r", say=messages.append)
    assert (data.caption_words, data.train + data.held_out) == (0, 60)
    assert f"captions are not used: {many} of 62 images have one in a .txt beside them" in messages


@pytest.mark.parametrize(
    ("name", "text"), [("metadata.csv", "id,quality\n1,good\n"), ("metadata.json", '{"author": "me"}')]
)
def test_a_table_about_something_else_is_passed_over(
    folder: Path, tmp_path: Path, name: str, text: str
) -> None:
    (folder / name).write_text(text)
    messages: list[str] = []
    assert prepare_own(folder, 32, tmp_path / "r", say=messages.append).caption_words == 0
    assert f"{name} is not used: it holds no caption of an image here" in messages


def test_words_are_counted_as_they_are_read(folder: Path, tmp_path: Path) -> None:
    """A caption with hyphens was given fewer tokens than it has words, and every run on it failed."""
    for path in folder.rglob("a *.png"):
        path.with_suffix(".txt").write_text("a well-known cat's ear-ring\n")
    data = prepare_own(folder, 16, tmp_path / "r", say=lambda line: None)
    assert data.caption_words == 7
    path.with_suffix(".txt").write_text("word " * 90)
    with pytest.raises(WordError, match=r"the caption 'word word .*' has 90 words; at most 77 can be read"):
        prepare_own(folder, 16, tmp_path / "r", say=lambda line: None)
    assert list(own_data(tmp_path / "r")) == [data]


def test_a_name_that_a_study_has_already_is_told_apart(folder: Path, tmp_path: Path) -> None:
    digits = folder.rename(tmp_path / "digits")
    data = prepare_own(digits, 8, tmp_path / "r", say=lambda line: None)
    assert data.setting.startswith("digits-8-")


def test_a_table_that_may_hold_captions_and_holds_none_is_passed_over(folder: Path, tmp_path: Path) -> None:
    (folder / "metadata.jsonl").write_text('{"file_name": "house wren/a 1.png", "label": 3}\n')
    messages: list[str] = []
    assert prepare_own(folder, 16, tmp_path / "r", say=messages.append).caption_words == 0
    assert any(line.startswith("metadata.jsonl is not used: ") for line in messages)
    (folder / "metadata.jsonl").rename(folder / "captions.jsonl")
    with pytest.raises(ValueError, match="it lacks 'text'"):
        prepare_own(folder, 16, tmp_path / "r", say=messages.append)


def test_what_was_lost_or_begun_is_prepared_anew(folder: Path, tmp_path: Path) -> None:
    data = prepare_own(folder, 16, tmp_path / "r", say=lambda line: None)
    root = Path(data.root)
    next(root.glob("*.tar")).write_bytes(b"damaged")
    assert prepare_own(folder, 16, tmp_path / "r", say=lambda line: None) == data
    (root / "own.json").unlink()
    for path in folder.rglob("*.png"):
        os.utime(path, (1, 1))
    assert prepare_own(folder, 16, tmp_path / "r", say=lambda line: None) == data


def test_two_processes_prepare_a_folder_once(folder: Path, tmp_path: Path) -> None:
    """Each removed what the other had begun."""
    command = [sys.executable, "-c", PREPARE, str(folder), str(tmp_path / "r")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert len({text.splitlines()[-1] for text in said}) == 1


def test_results_inside_the_images_are_refused_by_name(folder: Path) -> None:
    with pytest.raises(WordError, match=r"holds the results folder .*: choose another by --results"):
        prepare_own(folder, 16, folder / "results", say=lambda line: None)

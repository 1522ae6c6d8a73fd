"""A person's own study, in a file outside the package: declared, run, and shown as the paper's are."""

from pathlib import Path
from typing import Any

import pytest

from studies.__main__ import main
from studies.declare import registry
from studies.declare.own import grid, own_study, read_study
from studies.declare.scales import TINY
from studies.declare.study import Arm
from zigma.common.words import WordError
from zigma.experiment.config import RunConfig
from zigma.models.config import ZigMaConfig
from zigma.models.specs import OwnMixerSpec, OwnOrdering

HEAD = "from studies.declare.own import grid, own_study\nfrom studies.declare.scales import TINY, vary\n"
CURVE = """
from zigma.scans import register_scan
@register_scan("down-the-columns")
def down(height, width):
    return [(row, column) for column in range(width) for row in range(height)]
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_added", {})


def test_the_template_runs_and_its_table_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    from analysis.__main__ import main as main_of_analysis

    assert main(["new", "my study 2.0"]) == 0
    small = [
        *("--set", "training.steps=2", "--set", "training.warmup_steps=1", "--set", "sampling.steps=1"),
        *("--set", "evaluation.n_generated=4", "--set", "evaluation.n_real=4"),
    ]
    assert main(["run", "my study 2.0.py", "--only", "hidden 16, sweep-8", "--jobs", "1", *small]) == 0
    assert (
        len(list(Path("results/records/tiny/my study 2.0").glob("hidden 16, sweep-8.digits-8.seed0.*.json")))
        == 1
    )
    capsys.readouterr()
    assert main_of_analysis(["make-tables", "my study 2.0.py", "--source", "own", *small]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("hidden 16, sweep-8"))
    assert any(word.replace(".", "").isdigit() for word in row.split()[3:])
    assert Path("results/view/tables/my study 2.0.md").is_file()
    assert main_of_analysis(["make-figures", "my study 2.0.py", *small]) == 0
    told = capsys.readouterr().err
    for kind in ("metrics", "curves", "samples"):
        assert Path(f"results/view/figures/my study 2.0-{kind}.png").is_file(), told
    caption = Path("results/view/figures/my study 2.0-metrics.md").read_text()
    assert "hidden 16, sweep-8" in caption
    assert "stand-in" not in caption


def test_new_writes_over_nothing_and_takes_no_name_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.py").write_text("x = 1")
    assert main(["new", "twice"]) == 0
    names = {
        "twice": "twice.py is there already",
        "mine": "is there already",
        "hilbert": "choose another name",
        "ranking": "choose another name",  # a table of this package
        "table_1": "choose another name",
        ".x": "cannot be",
    }
    names |= dict.fromkeys(("random", "queue", "numpy"), "Python has a module")  # which the file would hide
    for name, says in names.items():
        with pytest.raises(SystemExit):
            main(["new", name])
        assert says in capsys.readouterr().err
    assert Path("mine.py").read_text() == "x = 1"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"settings": {"digits": {"training.steps": 200}}}, "setting 'digits' is a configuration"),
        ({"settings": {"digits": None}}, "setting 'digits' is a configuration"),
        ({"settings": [TINY]}, "settings map a name"),
        ({"arms": {"a": None}}, "arm 'a' maps paths to values"),
        ({"arms": {"a": {1: 2}}}, "arm 'a' maps paths to values"),
        ({"arms": [Arm("a", {}, at=None)]}, "arm 'a' maps paths to values"),  # type: ignore[arg-type]
        ({"notes": "one"}, "notes are a list of lines"),
        ({"arms": {"走" * 39: {}}}, "cannot be part of a file's name"),  # a name of 117 bytes
    ],
)
def test_a_slip_in_a_study_is_told_in_words_of_its_file(given: dict[str, Any], says: str) -> None:
    right: dict[str, Any] = {"title": "t", "arms": {"a": {}}, "settings": {"digits-8": TINY}}
    with pytest.raises(WordError, match=says):
        own_study(**right | given)


def test_a_grid_has_every_combination_under_a_name_of_its_own() -> None:
    arms = grid({"model.hidden": [32, 64], "model.scan": ["sweep-1", "/a b/c.py:d-2"], "training.steps": [5]})
    assert [arm.name for arm in arms] == [
        "hidden 32, sweep-1, steps 5",
        "hidden 32, d-2, steps 5",
        "hidden 64, sweep-1, steps 5",
        "hidden 64, d-2, steps 5",
    ]
    assert arms[1].changes == {"model.hidden": 32, "model.scan": "/a b/c.py:d-2", "training.steps": 5}


def test_a_curve_is_looked_for_beside_the_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "curves.py").write_text(CURVE)
    (folder / "s.py").write_text(
        HEAD + 'STUDY = own_study("t", grid({"model.scan": ["curves.py:down-the-columns-2"]}), {"d": TINY})'
    )
    study = read_study(folder / "s.py")
    config = study.config(study.arms[0], "tiny", "d")
    assert config.model.scan == f"{folder / 'curves.py'}:down-the-columns-2"  # type: ignore[union-attr]
    assert study.arms[0].name == "down-the-columns-2"


def test_files_that_a_setting_names_are_looked_for_beside_the_study(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "curves.py").write_text(CURVE)
    for name in ("mixers.py", "eyes.py", "data.py"):
        (folder / name).touch()
    (folder / "s.py").write_text(
        HEAD
        + "BASE = vary(TINY, model={'scan': 'curves.py:down-the-columns-2', 'mixer': 'mixers.py:M:size=2'},\n"
        "            data={'name': 'data.py:d'}, evaluation={'extractors': ('digits', 'eyes.py:E')})\n"
        "ARMS = {'a': {}, 'b': {'evaluation.extractors': ('eyes.py:E',)}}\n"
        "STUDY = own_study('t', ARMS, {'own': BASE})"
    )
    study = read_study(folder / "s.py")
    first, second = (study.config(arm, "tiny", "own") for arm in study.arms)
    assert isinstance(first, RunConfig)
    assert isinstance(second, RunConfig)
    assert isinstance(first.model, ZigMaConfig)
    assert first.model.scan == f"{folder / 'curves.py'}:down-the-columns-2"
    assert first.model.mixer == OwnMixerSpec(source=f"{folder / 'mixers.py'}:M", options=(("size", 2),))
    assert first.data.name == f"{folder / 'data.py'}:d"
    assert first.evaluation.extractors == ("digits", f"{folder / 'eyes.py'}:E")
    assert second.evaluation.extractors == (f"{folder / 'eyes.py'}:E",)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a study, with a file of each sort; files of the same names lie where the command is given."""
    folder = tmp_path / "a + (folder)"
    folder.mkdir()
    for place in (folder, tmp_path):
        (place / "cv.py").write_text(CURVE.replace("down-the-columns", "down"))
        for name in ("mm.py", "oo.py", "ee.py", "dd.py"):
            (place / name).touch()
    (tmp_path / "far.py").write_text(CURVE.replace("down-the-columns", "far"))
    return folder


def read_arm(folder: Path, arms: str, setting: str = "TINY") -> RunConfig:
    """The configuration of a study's first arm."""
    (folder / "s.py").write_text(
        "from studies.declare.changes import change\nfrom studies.declare.own import own_study\n"
        "from studies.declare.scales import TINY, wholly\nfrom studies.declare.study import Arm\n"
        "from zigma.data.config import DataConfig\n"
        "from zigma.models.config import ZigMaConfig\nfrom zigma.models.specs import OwnMixerSpec, OwnOrdering\n"
        f"STUDY = own_study('t', {arms}, {{'d': {setting}}})\n"
    )
    study = read_study(folder / "s.py")
    config = study.config(study.arms[0], "tiny", "d")
    assert isinstance(config, RunConfig)
    return config


MIXER = "OwnMixerSpec(source='mm.py:M', options=(('size', 2),))"
MODEL = (
    f"grid=(8, 8), in_channels=1, scan='cv.py:down-2', mixer={MIXER}, ordering=OwnOrdering(source='oo.py:O')"
)
OTHERS = "'data': {'name': 'dd.py:d'}, 'evaluation': {'extractors': ['digits', 'ee.py:E']}"
BY_WORDS = """{'model.scan': 'cv.py:down-2', 'model.mixer': 'mm.py:M:size=2', 'model.ordering': 'oo.py:O',
    'data.name': 'dd.py:d', 'evaluation.extractors': 'digits,ee.py:E'}"""
BY_VALUES = f"""{{'model.scan': ['cv.py:down-2'], 'model.mixer': {MIXER}, 'data': DataConfig(name='dd.py:d', size=8),
    'model.ordering': OwnOrdering('oo.py:O'), 'evaluation.extractors': ['digits', 'ee.py:E']}}"""
BY_PATHS = f"""{{'model.mixer.kind': 'own', 'model.mixer.source': 'mm.py:M', 'model.mixer.options': (('size', 2),),
    'model.scan': ('cv.py:down@0,1',), 'model.ordering': 'oo.py:O', {OTHERS}}}"""
BY_DICTS = f"""{{'model': {{'mixer': {{'kind': 'own', 'source': 'mm.py:M', 'options': [('size', 2)]}},
    'scan': 'cv.py:down-2', 'ordering': 'oo.py:O'}}, {OTHERS}}}"""
BY_MODEL = f"{{'model': ZigMaConfig({MODEL}), {OTHERS}}}"
SETTING = f"change(TINY, {BY_MODEL})"


@pytest.mark.parametrize("changes", [BY_WORDS, BY_VALUES, BY_PATHS, BY_DICTS, BY_MODEL, f"wholly({SETTING})"])
@pytest.mark.parametrize("form", ["{'a': CHANGES}", "[Arm('a', {}, at={'tiny/d': CHANGES})]"])
def test_files_that_an_arm_names_in_any_spelling_are_those_beside_the_study(
    folder: Path, changes: str, form: str
) -> None:
    check_files(read_arm(folder, form.replace("CHANGES", changes)), folder)


def test_files_inside_a_settings_configuration_are_those_beside_the_study(folder: Path) -> None:
    check_files(read_arm(folder, "{'a': {}}", SETTING), folder)


def check_files(config: RunConfig, folder: Path) -> None:
    assert isinstance(config.model, ZigMaConfig)
    assert config.model.scan in {f"{folder}/cv.py:down-2", f"{folder}/cv.py:down@0,1"}
    assert config.model.mixer == OwnMixerSpec(source=f"{folder}/mm.py:M", options=(("size", 2),))
    assert config.model.ordering == OwnOrdering(source=f"{folder}/oo.py:O")
    assert config.data.name == f"{folder}/dd.py:d"
    assert config.evaluation.extractors == ("digits", f"{folder}/ee.py:E")


def test_options_of_a_mixer_are_its_own_affair(folder: Path) -> None:
    config = read_arm(folder, "{'a': {'model.mixer': OwnMixerSpec('mm.py:M', options=(('of', 'mm.py:A'),))}}")
    assert isinstance(config.model, ZigMaConfig)
    assert config.model.mixer == OwnMixerSpec(source=f"{folder}/mm.py:M", options=(("of", "mm.py:A"),))


def test_a_file_in_the_options_of_a_plan(folder: Path) -> None:
    # an option's value holds no plus and no parentheses
    plain = folder.rename(folder.parent / "plain-folder")
    config = read_arm(plain, "{'a': {'model.scan': 'sweep-1+windowed-2:window=4,inner=cv.py:down'}}")
    assert isinstance(config.model, ZigMaConfig)
    assert config.model.scan == f"sweep-1+windowed-2:window=4,inner={plain}/cv.py:down"


def test_each_file_of_a_plan_is_looked_for_by_itself(folder: Path, tmp_path: Path) -> None:
    """One lies beside the study, another only where the command is given."""
    plan = "parallel-(cv.py:down@0+far.py:far@1) + sweep-1"
    config = read_arm(folder, f"{{'a': {{'model.scan': {plan!r}}}}}")
    assert isinstance(config.model, ZigMaConfig)
    assert config.model.scan == f"parallel-({folder}/cv.py:down@0+{tmp_path}/far.py:far@1)+sweep-1"
    # the one beside the study counts, whatever it has
    (folder / "cv.py").write_text("def another(height, width): ...")
    with pytest.raises(WordError, match=r"s\.py: unknown curve of cv\.py 'down'"):
        read_arm(folder, "{'a': {'model.scan': 'cv.py:down'}}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1", "declares no study"),
        ("x = 1\ny = 1 / 0", "s.py:2 does not run: ZeroDivisionError"),
        ("def f(:", "s.py:1 does not run: SyntaxError"),
        (HEAD + 'STUDY = own_study("t", {}, {"d": TINY})', "at least one arm"),
        (HEAD + 'STUDY = own_study("t", {"a/b": {}}, {"d": TINY})', "cannot be part of a file's name"),
        (HEAD + 'STUDY = own_study("t", grid({"model.hidden": [8, 8]}), {"d": TINY})', "two arms are called"),
        (HEAD + 'STUDY = own_study("t", {"a": {}}, {"d": TINY}, scale="huge")', "unknown scale 'huge'"),
        (HEAD + 'STUDY = own_study("t", {"a": {"model.scan": "no.py:c"}}, {"d": TINY})', "no file"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_line(text: str, says: str) -> None:
    Path("s.py").write_text(text)
    with pytest.raises(WordError, match=says.replace("(", r"\(")):
        read_study(Path("s.py"))


def test_a_misspelt_field_is_refused_before_anything_runs(capsys: pytest.CaptureFixture[str]) -> None:
    Path("s.py").write_text(HEAD + 'STUDY = own_study("t", {"a": {"model.hiden": 8}}, {"d": TINY})')
    with pytest.raises(SystemExit):
        main(["run", "s.py", "--dry-run"])
    assert "did you mean 'model.hidden'" in capsys.readouterr().err


def test_a_study_of_the_package_keeps_its_name() -> None:
    Path("hilbert.py").write_text(HEAD + 'STUDY = own_study("t", {"a": {}}, {"d": TINY})')
    for name in ("hilbert", "ranking", "table_1"):
        Path(f"{name}.py").write_text(HEAD + 'STUDY = own_study("t", {"a": {}}, {"d": TINY})')
        with pytest.raises(WordError, match="give the file another name"):
            registry.find_study(f"{name}.py")


def test_what_is_wrong_with_a_name_and_where_its_file_is() -> None:
    Path("odd & 5%.py").touch()
    with pytest.raises(WordError, match=r"letters, digits, spaces and _ \. \+ - are allowed"):
        registry.find_study("odd & 5%.py")
    Path("trials.py").touch()
    with pytest.raises(WordError, match=r"that of a file is named as the file: trials\.py"):
        registry.find_study("trials")

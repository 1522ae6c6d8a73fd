"""Data sets and extractors of a person's file: in a run as those of this package are, and held to the same."""

from pathlib import Path

import pytest
import torch

from studies.declare.changes import change, parse_setting
from studies.declare.identity import as_recorded, fingerprints, identity
from studies.declare.levels import levels_key, levels_path
from studies.declare.scales import TINY
from studies.declare.validate import config_faults
from zigma.data import DataConfig, fingerprint, load_data
from zigma.data.facts import data_facts
from zigma.experiment.config import RunConfig, read_config
from zigma.metrics import evaluate_images, extractor_identity, load_extractor

SOURCE = """
import torch
from zigma.data.dataset import Dataset, MemorySplit

def part(n, size, seed):
    generator = torch.Generator().manual_seed(seed)
    classes = torch.randint(2, (n,), generator=generator)
    rows = torch.linspace(-1, 1, size).expand(n, 1, size, size)
    images = torch.where(classes.bool()[:, None, None, None], rows, rows.mT).contiguous()
    return MemorySplit(images * torch.rand(n, 1, 1, 1, generator=generator), classes)

def ramps(config):
    return Dataset(part(40, config.size, 0), part(20, config.size, 1), classes=2, channels=1, fingerprint="")

def large(config):
    data = ramps(config)
    return Dataset(MemorySplit(3 * data.train.images, data.train.classes), data.held_out, 2, 1, "")

def thin(config):
    data = ramps(config)
    return Dataset(data.train, MemorySplit(data.held_out.images[..., 1:], data.held_out.classes), 2, 1, "")

def many(config):
    data = ramps(config)
    return Dataset(data.train, data.held_out, 1, 1, "")

def short(config):
    data = ramps(config)
    return Dataset(MemorySplit(data.train.images, data.train.classes[:9]), data.held_out, 2, 1, "")

def late(config):
    data = ramps(config)
    data.train.images[39] = 5.0
    return data

def numbers(config):
    data = ramps(config)
    return Dataset(MemorySplit(data.train.images, data.train.classes, list(range(40))), data.held_out, 2, 1, "")

def broken(config):
    return open("/no/such/place")

def five(config):
    return 5

class Means(torch.nn.Module):
    def forward(self, images):
        grey = images.float().mean(1)
        return torch.cat([grey.mean(1), grey.mean(2)], dim=1)

def needy(images):
    return images

class Complex(Means):
    def forward(self, images):
        return torch.complex(super().forward(images), super().forward(images))

class Whole(torch.nn.Module):
    def forward(self, images):
        return images
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "own.py"
    path.write_text(SOURCE)
    return path


def with_both(file: Path, data: str = "ramps", extractor: str = "Means") -> RunConfig:
    settings = [f"data.name={file}:{data}", "evaluation.n_real=20"]
    changes = dict(map(parse_setting, settings))
    return change(TINY, changes | {"evaluation.extractors": (f"{file}:{extractor}",)})


def test_a_run_can_name_them_and_its_record_has_no_folder(file: Path) -> None:
    config = with_both(file)
    assert not config_faults(config)
    path, value = parse_setting(f"evaluation.extractors=digits,{file}:Means")
    assert change(config, {path: value}).evaluation.extractors == ("digits", f"{file}:Means")
    recorded = as_recorded(config)
    assert recorded["data"]["name"] == "own.py:ramps"
    assert recorded["evaluation"]["extractors"] == ["own.py:Means"]
    assert str(file.parent) not in str(recorded) + str(fingerprints(config))
    assert isinstance(read_config(recorded), RunConfig)
    assert levels_path(Path(), config).name.startswith("own.py.ramps-8.")
    facts = data_facts(config.data)
    assert (facts.channels, facts.classes, facts.train, facts.held_out) == (1, 2, 40, 20)
    (fault,) = config_faults(change(config, {"evaluation.n_real": 21}))
    assert "own.py:ramps has 20 images" in fault


def test_an_edit_makes_records_stale_and_another_folder_does_not(file: Path, tmp_path: Path) -> None:
    config = with_both(file)
    before, key = identity(config), levels_key(config)
    other = tmp_path / "elsewhere" / file.name
    other.parent.mkdir()
    other.write_text(SOURCE)
    assert identity(with_both(other)) == before
    file.write_text(SOURCE.replace("manual_seed(seed)", "manual_seed(seed + 2)"))
    assert identity(config) != before
    assert levels_key(config) != key
    assert fingerprint(config.data) == load_data(config.data).fingerprint
    assert levels_key(TINY) == "c8dc1c147008b61f"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("large", r"own.py:large at size 8: its train images must lie in \[-1, 1\]"),
        (
            "thin",
            r"its held-out images must be torch.float32 \(8, 1, 8, 8\), not torch.float32 \(8, 1, 8, 7\)",
        ),
        ("many", r"classes must be int64 in 0\.\.0"),
        ("short", "its train part gives 9 classes for 40 images"),
        ("late", r"its train images must lie in \[-1, 1\]"),
        ("numbers", "its train captions must be texts"),
        ("broken", "own.py:broken at size 8: FileNotFoundError"),
        ("five", "data set own.py:five makes a int"),
        ("ramp", "unknown data set of own.py 'ramp': did you mean 'ramps'"),
    ],
)
def test_what_is_no_data_set_is_refused_in_a_line(file: Path, name: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        load_data(DataConfig(name=f"{file}:{name}", size=8))
    assert "\n" not in str(caught.value)


def test_settings_of_shards_are_refused(file: Path) -> None:
    with pytest.raises(ValueError, match=r"own\.py:ramps reads its own files"):
        DataConfig(name=f"{file}:ramps", root="/data")
    with pytest.raises(ValueError, match=r"unknown data set 'digit': did you mean 'digits'\?"):
        DataConfig(name="digit")


def test_two_extractors_of_one_name_in_results_are_refused(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / file.name
    other.parent.mkdir()
    other.write_text(SOURCE)
    with pytest.raises(ValueError, match=r"names something twice: own\.Means, own\.Means"):
        change(TINY, {"evaluation.extractors": (f"{file}:Means", f"{other}:Means")})


def test_an_extractor_that_needs_arguments_is_refused_before_a_training(file: Path) -> None:
    (fault,) = config_faults(change(TINY, {"evaluation.extractors": (f"{file}:needy",)}))
    assert fault.startswith("extractor own.py:needy must make a module without arguments: missing a required")


def test_an_extractor_gives_numbers_under_its_own_name(file: Path) -> None:
    torch.manual_seed(0)
    images = torch.randint(0, 256, (40, 1, 8, 8), dtype=torch.uint8)
    rows = evaluate_images(images[:20], images[20:], extractor=f"{file}:Means", reference="held-out")
    assert [row["name"] for row in rows] == ["fd_own.Means", "kid_own.Means"]
    assert rows[0]["extractor_identity"] == extractor_identity(f"{file}:Means")
    with pytest.raises(
        ValueError, match=r"an extractor gives features \(40, d\) of 40 images, not \(40, 1, 8, 8\)"
    ):
        load_extractor(f"{file}:Whole")(images)
    with pytest.raises(ValueError, match=r"of real numbers, not torch\.complex64"):
        load_extractor(f"{file}:Complex")(images)
    with pytest.raises(ValueError, match=r"extractor own.py:five: TypeError"):
        load_extractor(f"{file}:five")
    with pytest.raises(ValueError, match=r"unknown extractor of own\.py 'Mean': did you mean 'Means'"):
        load_extractor(f"{file}:Mean")
    with pytest.raises(ValueError, match="unknown extractor 'incepton': did you mean 'inception'"):
        load_extractor("incepton")

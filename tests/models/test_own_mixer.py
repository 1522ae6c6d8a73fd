"""A mixer of one's own file: a recurrence over the grid, which reads no path."""

import re
from pathlib import Path

import pytest
import torch

from studies.declare.changes import change, parse_setting
from studies.declare.identity import as_recorded, fingerprints, identity
from studies.declare.scales import TINY
from studies.declare.validate import config_faults
from zigma.experiment.config import RunConfig, read_config
from zigma.experiment.estimate import parameters
from zigma.models import ZigMa
from zigma.models.config import ZigMaConfig
from zigma.models.specs import OwnMixerSpec

SOURCE = '''
import torch
from zigma.models.mixers.base import Mixer

class Diagonal(Mixer):
    """h[i, j] = a h[i - 1, j] + b h[i, j - 1] + x[i, j]."""
    order = None  # it reads no path

    def __init__(self, hidden, scan, *, depth=1, prefix=0, largest=0.5):
        super().__init__(scan, prefix)
        self.decays = torch.nn.Parameter(torch.rand(2, hidden) * largest)

    def forward(self, x, arranged=False):
        height, width = self.grid
        cells = x.unflatten(1, (height, width))
        above, rows = torch.zeros_like(cells[:, 0]), []
        for i in range(height):
            states = []
            for j in range(width):
                left = states[-1] if states else 0
                states.append(self.decays[0] * above[:, j] + self.decays[1] * left + cells[:, i, j])
            above = torch.stack(states, dim=1)
            rows.append(above)
        return torch.stack(rows, dim=1).flatten(1, 2)

class Short(Diagonal):
    def forward(self, x, arranged=False):
        return x[:, 1:]

class Plain(Diagonal):
    def forward(self, x):
        return x

class Handing(Diagonal):
    states = 1

def linear(hidden, scan, depth, prefix):
    return torch.nn.Linear(hidden, hidden)
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my_mixers.py"
    path.write_text(SOURCE)
    return path


def with_mixer(text: str) -> RunConfig:
    path, value = parse_setting(f"model.mixer={text}")
    return change(TINY, {path: value})


def test_it_trains_in_the_network_and_knows_what_is_above_and_left(file: Path) -> None:
    torch.manual_seed(0)
    model = ZigMa(grid=(3, 4), in_channels=1, hidden=8, depth=2, mixer=f"{file}:Diagonal:largest=1")
    for block in model.blocks:
        torch.nn.init.normal_(block.adaLN_modulation[1].bias)
    x = torch.randn(2, 1, 3, 4, requires_grad=True)
    out = model(x, torch.rand(2))
    (gradient,) = torch.autograd.grad(out[:, 0, 1, 2].sum(), x, retain_graph=True)
    knows = gradient[0, 0].abs() > 0
    assert knows.tolist() == [[i <= 1 and j <= 2 for j in range(4)] for i in range(3)]
    out.square().sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_its_parameters_are_counted_and_its_folder_is_in_no_record(file: Path) -> None:
    config = with_mixer(f"{file}:Diagonal:largest=0.25")
    assert isinstance(config.model, ZigMaConfig)
    assert config.model.mixer == OwnMixerSpec(source=f"{file}:Diagonal", options=(("largest", 0.25),))
    assert parameters(config.model) == sum(p.numel() for p in ZigMa(config.model).parameters())
    recorded = as_recorded(config)
    assert recorded["model"]["mixer"]["source"] == "my_mixers.py:Diagonal"
    assert str(file.parent) not in str(recorded)
    assert isinstance(read_config(recorded), RunConfig)  # on a machine that has no such file
    assert not config_faults(config)


def test_an_edited_file_makes_its_records_stale(file: Path, tmp_path: Path) -> None:
    config = with_mixer(f"{file}:Diagonal")
    before = identity(config)
    moved = tmp_path / "elsewhere" / file.name
    moved.parent.mkdir()
    moved.write_text(SOURCE)
    assert identity(with_mixer(f"{moved}:Diagonal")) == before
    file.write_text(SOURCE.replace("rand(2", "randn(2"))
    assert identity(config) != before
    assert "mixer" in fingerprints(config)
    assert "mixer" not in fingerprints(TINY)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Diagona", "unknown mixer of my_mixers.py 'Diagona': did you mean 'Diagonal'"),
        ("linear", "mixer my_mixers.py:linear makes a Linear: it must make a zigma.models.mixers.base.Mixer"),
        ("Plain", r"mixer my_mixers.py:Plain: its forward takes \(x, arranged\)"),
        ("Handing", r"my_mixers.py:Handing hands states on: it must have carry\(x, arranged, states\)"),
        ("Diagonal:heads=3", "mixer my_mixers.py:Diagonal cannot be made for hidden 32 .*TypeError: .*heads"),
    ],
)
def test_what_is_no_mixer_is_refused_in_a_line(file: Path, name: str, says: str) -> None:
    faults = " ".join(config_faults(with_mixer(f"{file}:{name}")))
    assert re.search(says, faults), faults
    with pytest.raises(ValueError, match=says):
        ZigMa(hidden=32, depth=1, grid=(4, 4), mixer=f"{file}:{name}")


def test_a_wrong_shape_is_refused_where_it_comes_out(file: Path) -> None:
    model = ZigMa(hidden=8, depth=1, grid=(2, 2), in_channels=1, mixer=f"{file}:Short")
    with pytest.raises(
        ValueError, match=r"mixer my_mixers.py:Short takes tokens \(1, 4, 8\) and must return"
    ):
        model(torch.randn(1, 1, 2, 2), torch.rand(1))


@pytest.mark.parametrize("word", ["my.py:Foo", "my.py:Foo:deep=true,gate=silu,heads=4", "pack"])
def test_it_is_written_as_it_is_read(word: str) -> None:
    assert OwnMixerSpec.parse(word).word == word


def test_wrong_words_are_one_line(file: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown model\.mixer\.kind 'mambo': did you mean 'mamba'"):
        with_mixer("mambo")
    for options, says in (
        ("heads=", "options of a mixer are written key=value"),
        ("scale=nan", "option scale of a mixer must be a finite number, not nan"),
        ("scale=-1e400", "option scale of a mixer must be a finite number, not -inf"),
        ("scale=8,scale=a", "option scale of a mixer is given twice, with 8 and a"),
    ):
        with pytest.raises(ValueError, match=says):
            with_mixer(f"{file}:Foo:{options}")


def test_an_option_is_what_it_looks_like() -> None:
    assert OwnMixerSpec.parse("pack:deep=True,wide=FALSE,rate=1e-3,n=4").options == (
        ("deep", True),
        ("n", 4),
        ("rate", 1e-3),
        ("wide", False),
    )

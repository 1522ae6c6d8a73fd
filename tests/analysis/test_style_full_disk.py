"""A picture is whole or not there, and what was there before stays: a disk may be full."""

import errno
from pathlib import Path

import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from analysis.style import save
from zigma.data.pictures import save_grid, save_video


def write_a_part(self: object, path: Path, **options: object) -> None:
    Path(path).write_bytes(b"half")
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("before", [None, b"a picture"])
def test_half_a_picture_is_never_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bytes | None
) -> None:
    monkeypatch.setattr(Figure, "savefig", write_a_part)
    monkeypatch.setattr(Image.Image, "save", write_a_part)
    images = torch.zeros(4, 3, 8, 8, dtype=torch.uint8)
    for name, write in {
        "a.svg": lambda path: save(Figure(), path.with_suffix(""), ("svg",)),
        "b.png": lambda path: save_grid(images, path),
        "c.gif": lambda path: save_video(images[:, None], path),
    }.items():
        path = tmp_path / name
        if before is not None:
            path.write_bytes(before)
        with pytest.raises(OSError, match="No space left"):
            write(path)
        assert (path.read_bytes() if path.exists() else None) == before
    assert len(list(tmp_path.iterdir())) == (0 if before is None else 3)

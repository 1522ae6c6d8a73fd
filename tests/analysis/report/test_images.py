"""Samples inside the page: small together, exact where they are small."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis.report import images
from analysis.report.images import data_uris, smaller


def decoded(uri: str) -> Image.Image:
    head, data = uri.split(",")
    assert head in ("data:image/png;base64", "data:image/webp;base64")
    return Image.open(io.BytesIO(base64.b64decode(data)))


def noise(path: Path, side: int) -> Path:
    pixels = np.random.default_rng(side).integers(0, 255, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_a_small_picture_keeps_its_pixels(tmp_path: Path) -> None:
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[::2] = (10, 200, 30)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (uri,) = data_uris([tmp_path / "a.png"])
    assert (np.asarray(decoded(uri).convert("RGB")) == pixels).all()


def test_many_large_pictures_are_made_smaller_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "BUDGET", 60_000)
    paths = [noise(tmp_path / f"{i}.png", 400 + i) for i in range(3)]
    uris = data_uris(paths)
    assert sum(map(len, uris)) <= 60_000
    assert len({decoded(uri).size for uri in uris}) == 1


def test_no_pictures() -> None:
    assert data_uris([]) == []


def test_a_png_inside_a_figure_is_made_smaller_or_left(tmp_path: Path) -> None:
    def uri(path: Path) -> str:
        return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"

    noisy = uri(noise(tmp_path / "noise.png", 120))
    assert len(smaller(noisy)) < len(noisy) / 2
    assert decoded(smaller(noisy)).size == (120, 120)
    Image.new("RGB", (4, 4), "red").save(tmp_path / "flat.png")
    flat = uri(tmp_path / "flat.png")
    assert len(smaller(flat)) <= len(flat)

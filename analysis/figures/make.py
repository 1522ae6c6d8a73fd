"""Write the figures, and the manifest of what is behind each file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from analysis.figures.picture import Missing, Picture, caption
from analysis.figures.titles import TITLES, heading
from studies.run.record import Record
from zigma.common.files import replace_json, replace_text, sha256_of
from zigma.common.words import WordError

ENDINGS = ("png", "svg", "pdf")
CAPTION = "md"  # the notes of a figure, beside its files
MANIFEST = "manifest.json"


def make_figures(
    folder: Path, pictures: Mapping[str, Picture | Missing], results: Path, titles: Mapping[str, str] = TITLES
) -> list[Path]:
    """Draw pictures into `folder`, with `manifest.json` beside them; paths in it are relative to `results`.

    Returns the files written. A figure that no record backs is not drawn, and a file of it that an earlier call drew
    is taken away. A rerun on the same records changes no byte.
    """
    manifest = read_manifest(folder)
    written: list[Path] = []
    for name, picture in pictures.items():
        for file in manifest.pop(name, {}).get("files", ()):
            if Path(file).name == file:  # a manifest cannot point elsewhere
                (folder / file).unlink(missing_ok=True)
        if isinstance(picture, Missing):
            manifest[name] = {"shows": titles[name], "files": {}, "missing": f"no records yet: {picture.run}"}
        else:
            files = draw(picture, folder / name)
            files.append(folder / f"{name}.{CAPTION}")
            replace_text(files[-1], caption(heading(name) if name in TITLES else titles[name], picture))
            written += files
            manifest[name] = entry(titles[name], picture, files, results)
    folder.mkdir(parents=True, exist_ok=True)
    papers = {name: manifest[name] for name in TITLES if name in manifest}
    others = {name: manifest[name] for name in sorted(manifest.keys() - papers)}
    replace_json(folder / MANIFEST, papers | others)
    return written


def draw(picture: Picture, path: Path, endings: tuple[str, ...] = ENDINGS) -> list[Path]:
    """A picture as files of each ending."""
    from matplotlib.figure import Figure

    from analysis.style import save, style

    with style():
        figure = Figure(figsize=picture.size, layout=picture.layout)
        picture.draw(figure)
        return save(figure, path, endings)


def entry(title: str, picture: Picture, files: Iterable[Path], results: Path) -> dict[str, Any]:
    """What the manifest says of a figure: its files, its words, and each record behind it, with their hashes."""
    return {
        "shows": title,
        "files": {file.name: sha256_of(file) for file in files},
        "alt": picture.alt,
        "records": [_named(record, results) for record in sorted(picture.records, key=lambda r: r.path)],
    }


def _named(record: Record, results: Path) -> dict[str, str]:
    path = record.path.relative_to(results) if record.path.is_relative_to(results) else record.path
    return {"path": path.as_posix(), "identity": record["identity"], "sha256": sha256_of(record.path)}


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder of figures; empty if there is none.

    Raises:
        WordError: the file is no manifest.
    """
    path = folder / MANIFEST
    if not path.exists():
        return {}
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(manifest, dict) and all(
            isinstance(part.get("files"), list | dict) for part in manifest.values()
        ):
            return manifest
    except (OSError, ValueError, AttributeError) as error:
        raise WordError(f"{path} is no manifest: {error}; move it away and draw the figures again") from error
    raise WordError(f"{path} is no manifest of figures; move it away and draw the figures again")


def _other_words(name: str, picture: Picture, folder: Path) -> bool:
    """Whether a figure's notes would be others now."""
    file = folder / f"{name}.{CAPTION}"
    return file.is_file() and file.read_text(encoding="utf-8") != caption(heading(name), picture)


def outdated(
    folder: Path, manifest: Mapping[str, Any], pictures: Mapping[str, Picture | Missing], results: Path
) -> dict[str, str]:
    """Figures of a folder's manifest that are not the pictures that the records give now: name -> why."""
    whys = {name: _why(name, manifest[name], picture, folder, results) for name, picture in pictures.items()}
    return {name: why for name, why in whys.items() if why}


def _why(name: str, drawn: Mapping[str, Any], picture: Picture | Missing, folder: Path, results: Path) -> str:
    """Why a figure is not what the records give now; empty where it is."""
    files = [folder / str(file) for file in drawn["files"]]
    if isinstance(picture, Missing):
        return f"no record backs it any more ({picture.run})" if files else ""
    if absent := [file.name for file in files if not file.is_file()]:
        return f"{', '.join(absent)} is missing"
    now = entry(TITLES[name], picture, files, results)
    hashed = drawn["files"] if isinstance(drawn["files"], dict) else {}  # older manifests know names alone
    if changed := [file for file in hashed if hashed[file] != now["files"][file]]:
        return f"{', '.join(changed)} is not what was drawn"
    if drawn != now or _other_words(name, picture, folder):
        return "the records behind it have changed since it was drawn"
    return "" if files else "not drawn, but there are records now"

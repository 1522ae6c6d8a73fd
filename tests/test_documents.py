"""Every command and every example of the documents works; commands that train are only planned here."""

import contextlib
import io
import re
import runpy
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studies.declare import registry

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path
    for folder in ("zigma", "studies", "analysis", "results")
    for path in (ROOT / folder).rglob("README.md")
    if "published" not in path.parts
)
BLOCK = re.compile(r"(?:<!-- file: (?P<file>\S+) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)```", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)(?P<path>[^)#]*)(?:#(?P<part>[^)]*))?\)")


@pytest.fixture(autouse=True)
def _in_a_folder_of_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_added", {})
    rng = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        folder = tmp_path / "my_images" / name
        folder.mkdir(parents=True)
        for i in range(12):
            Image.fromarray(rng.integers(0, 255, (20, 24, 3), dtype=np.uint8)).save(folder / f"{i}.png")


def run(command: str) -> None:
    """Carry `python -m MODULE WORDS` out in this process, as a terminal would."""
    python, m, module, *words = shlex.split(command)
    assert (python, m) == ("python", "-m"), f"no command of this project: {command}"
    heard = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(heard):
        patch.setattr(sys, "argv", [module, *words])
        status: object = 0
        try:
            runpy.run_module(module, run_name="__main__")
        except SystemExit as left:
            status = left.code
    assert not status, f"{command}: {heard.getvalue()}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples(document: Path) -> None:
    for block in BLOCK.finditer(document.read_text(encoding="utf-8")):
        if block["language"] == "python" and block["file"]:
            Path(block["file"]).write_text(block["text"], encoding="utf-8")
        elif block["language"] == "python":
            exec(compile(block["text"], f"an example of {document}", "exec"), {})
        elif block["language"] == "bash":
            for line in block["text"].splitlines():
                if line.startswith(("python -m studies run", "python -m studies try")):
                    assert "--dry-run" in line, f"this test would train: {line}"
                run(line)


@pytest.mark.parametrize("document", [ROOT / "README.md", *DOCUMENTS], ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for link in LINK.finditer(document.read_text(encoding="utf-8")):
        target = document.parent / link["path"] if link["path"] else document
        assert target.exists(), f"{document}: {link[0]}"
        if link["part"]:
            heads = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert link["part"] in [re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads]


def test_commands_of_the_readme_s_tables_exist() -> None:
    """README names commands and options in cells; each is one that `--help` tells of."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"python -m (studies|analysis|zigma\.\w+) ([a-z][\w-]*)", readme))
    assert len(named) > 10
    for module, command in sorted(named):
        run(f"python -m {module} {command} --help")

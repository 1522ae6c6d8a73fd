"""Who may import whom. Everything that is not allowed here is forbidden."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONFIGS = {f"zigma.{part}.config" for part in ("data", "interpolant", "metrics", "models", "training")}
WORDS = {"studies.words"}
DECLARATIONS = {
    "studies.study",
    "studies.config",
    "studies.record",
    "studies.registry",
    "studies.paper",
    "studies.scales",
}
PROCESSOR = {"zigma.processor"}  # settles things before torch is loaded
# what may be asked of the library without importing torch
LIGHT = {"zigma.data", "zigma.metrics", "zigma.scans"}

ALLOWED = {
    "zigma/scans": set(),
    "zigma/ops": set(),
    "zigma/interpolant": set(),
    "zigma/data": set(),
    "zigma/metrics": set(),
    "zigma/models": {"zigma.scans", "zigma.ops"},
    "zigma/profiling": {"zigma.models", "zigma.ops", *PROCESSOR},
    "zigma/training": {"zigma.models", "zigma.interpolant", "zigma.data"},
    "studies/paper": {"studies.study", "studies.scales", "studies.config", *CONFIGS},
    "studies": {"studies", "zigma"},
    "analysis": {*DECLARATIONS, *WORDS, *CONFIGS, "zigma.scans"},
}
# the parts of studies that every command loads: no torch, so only configuration types and light questions
TORCH_FREE = (
    *("words", "study", "record", "plan", "registry", "scales", "status", "__main__"),
    *("execute", "jobs", "live", "ownership", "cluster"),
)


def imports(path: Path, top_level_only: bool = False) -> set[str]:
    """Modules of this project that a file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
    return {name for name in found if name.split(".")[0] in ("zigma", "studies", "analysis")}


def inside(name: str, parts: set[str]) -> bool:
    return any(name == part or name.startswith(part + ".") for part in parts)


@pytest.mark.parametrize("folder", ALLOWED)
def test_only_allowed_imports(folder: str) -> None:
    own = folder.replace("/", ".")
    for path in sorted((ROOT / folder).rglob("*.py")):
        if folder == "studies" and path.parent.name == "paper":
            continue
        for name in imports(path):
            allowed = ALLOWED[folder] | {own}
            assert inside(name, allowed), (
                f"{path.relative_to(ROOT)} imports {name}; {folder} may import {allowed}"
            )


@pytest.mark.parametrize("module", TORCH_FREE)
def test_what_every_command_loads_is_light(module: str) -> None:
    for name in imports(ROOT / "studies" / f"{module}.py", top_level_only=True):
        assert inside(name, CONFIGS | PROCESSOR | {"studies"}), (
            f"studies/{module}.py imports {name} at its top"
        )


def test_scans_need_numpy_alone() -> None:
    for path in (ROOT / "zigma" / "scans").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [n.name for n in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.split(".")[0]
                assert top in {"numpy", "zigma"} | sys.stdlib_module_names, f"{path.name} imports {name}"


@pytest.mark.parametrize(
    "words",
    [
        "studies list",
        "studies show scan_ablation",
        "studies run scan_ablation --dry-run --results {tmp}",
        "analysis make-tables --results {tmp}",
        "analysis claims --results {tmp}",
        "analysis findings",
    ],
)
def test_commands_that_load_no_torch(words: str, tmp_path: Path) -> None:
    program, *rest = words.format(tmp=tmp_path).split()
    code = (
        f"import sys; from {program}.__main__ import main; main({rest!r}); "
        "sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)

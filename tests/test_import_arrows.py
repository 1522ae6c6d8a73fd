"""Who may import whom. Everything that is not allowed here is forbidden."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONFIGS = {
    f"zigma.{part}.config" for part in ("data", "interpolant", "metrics", "models", "training", "experiment")
} | {"zigma.models.specs"}
COMMON = {"zigma.common"}  # words, files, configurations, this machine: nothing heavier than pydantic
LIBRARY = {
    f"zigma.{part}"
    for part in ("scans", "optimum", "ops", "models", "interpolant", "data", "training", "metrics")
}

# folder -> what else of this project its files may import, anywhere in them
ALLOWED = {
    "zigma/common": set(),
    "zigma/scans": COMMON,
    "zigma/optimum": COMMON | {"zigma.scans"},
    "zigma/ops": COMMON,
    "zigma/interpolant": COMMON,
    "zigma/data": COMMON,
    "zigma/metrics": COMMON,
    "zigma/models": COMMON | {"zigma.scans", "zigma.ops"},
    "zigma/training": COMMON | {"zigma.models", "zigma.interpolant", "zigma.data"},
    "zigma/profiling": COMMON | {"zigma.models", "zigma.ops", "zigma.processor", "zigma.training"},
    "zigma/experiment": COMMON | LIBRARY | {"zigma.processor", "zigma.profiling"},
    "studies/declare": COMMON | CONFIGS | LIBRARY | {"zigma.experiment.estimate"},
    "studies/paper": COMMON | CONFIGS | {"studies.declare"},
    "studies/beyond": COMMON | CONFIGS | {"studies.declare", "studies.paper"},
    "studies/run": {"zigma", "studies.declare"},
    "studies/launch": {"zigma", "studies.declare", "studies.run"},
    "studies/cli": {"zigma", "studies.declare", "studies.run", "studies.launch"},
    "analysis": COMMON | CONFIGS | {"zigma.scans", "zigma.optimum", "studies.declare", "studies.run.record"},
}
# what may be imported at the top of a module that every command loads: none of these loads torch
LIGHT = (
    COMMON | CONFIGS | {"zigma.processor", "zigma.experiment.estimate", "zigma.experiment.watch", "studies"}
)
LONGEST = 400  # lines of a file


def modules() -> dict[str, Path]:
    """Dotted name -> file of everything in the three packages."""
    files = [path for package in ("zigma", "studies", "analysis") for path in (ROOT / package).rglob("*.py")]
    names = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files}
    return {name.removesuffix(".__init__"): path for path, name in names.items()}


def imports(path: Path, top_level_only: bool = False) -> set[str]:
    """Names of this project that a file imports: modules, or what it takes from them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set()
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{name.name}" for name in node.names}
    return {name for name in names if name.split(".")[0] in ("zigma", "studies", "analysis")}


def inside(name: str, parts: set[str]) -> bool:
    return any(name == part or name.startswith(part + ".") for part in parts)


@pytest.mark.parametrize("folder", ALLOWED)
def test_only_allowed_imports(folder: str) -> None:
    allowed = ALLOWED[folder] | {folder.replace("/", ".")}
    for path in sorted((ROOT / folder).rglob("*.py")):
        for name in imports(path):
            assert inside(name, allowed), (
                f"{path.relative_to(ROOT)} imports {name}; {folder} may import {allowed}"
            )


def test_every_folder_has_its_rule() -> None:
    ruled = {folder.replace("/", ".") for folder in ALLOWED}
    rooms = {name for name, path in modules().items() if path.name == "__init__.py"} - {"zigma", "studies"}
    assert {room for room in rooms if not inside(room, ruled)} == set()


def test_no_import_circle() -> None:
    """Neither at the top of modules nor inside functions nor for types alone."""
    all_modules = modules()

    def target(name: str) -> str:
        return name if name in all_modules else name.rpartition(".")[0]

    graph = {
        name: {target(n) for n in imports(path)} & all_modules.keys() - {name}
        for name, path in all_modules.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import circle: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("room", ["declare", "run", "launch", "cli"])
def test_what_every_command_loads_is_light(room: str) -> None:
    heavy = {"carry_out"}  # loaded where a run is carried out, and nowhere else
    paths = sorted((ROOT / "studies" / room).glob("*.py"))
    assert paths
    for path in paths:
        for name in imports(path, top_level_only=True) if path.stem not in heavy else ():
            assert inside(name, LIGHT), f"{path.relative_to(ROOT)} imports {name} at its top"


def test_files_are_short() -> None:
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in modules().items()}
    assert {name: n for name, n in lines.items() if n > LONGEST} == {}


def test_scans_need_numpy_alone() -> None:
    paths = sorted((ROOT / "zigma" / "scans").rglob("*.py"))
    assert paths
    for path in paths:
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

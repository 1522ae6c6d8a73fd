"""What a person adds without editing this package: `FILE.py:NAME`, or the entry point of an installed package.

A file is run when its text is new or has changed, so that what it offers is always what it says now. Its identity is
a hash of that text (and of the files that its `FILES` lists): an edit makes the records of what was before stale.
An installed package's is of all its Python files.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from zigma.common.remembered import remembered_sha256
from zigma.common.words import WordError, one_line, printable, unknown

IN_A_FILE = re.compile(r"(?P<file>.*\.py):(?P<name>\w+)")
FROM_A_FILE = re.compile(r"(?P<file>.*?\.py)(?P<rest>:\w+.*)")
ENTRY_NAME = re.compile(r"\w[\w.+-]*")  # it becomes part of a file's name
MODULE = "own_file_"  # how the names of modules begin that are a person's files
OURS = {"zigma", "studies", "analysis"}  # a file may lie beside this project's packages
LARGE_BYTES = 1 << 26  # of a file whose hash is remembered
_files: dict[Path, OwnFile] = {}


@dataclass(frozen=True)
class OwnFile:
    """A Python file as it was when it was last read."""

    path: Path
    source: bytes
    module: ModuleType


def is_file(path: Path) -> bool:
    """Whether the path leads to a file, whatever was typed as one."""
    try:
        return path.expanduser().is_file()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, a home that nobody has
        return False


def read_file(path: Path) -> OwnFile:
    """A Python file as it is now. WordError, in one line with its place, where there is none or it does not run."""
    path = path.expanduser().absolute()
    if not is_file(path):
        raise WordError(f"no file {path}")
    source = path.read_bytes()
    if path not in _files or _files[path].source != source:
        _files[path] = OwnFile(path, source, run_file(path, source))
    return _files[path]


def run_file(path: Path, source: bytes) -> ModuleType:
    """The text of a file as a module; it may import what lies beside it.

    The module's name is made from the path, so that two files of one name do not collide. It is compiled from the text
    that was read: Python's own cache compares times, and would miss a quick change.

    Raises:
        WordError: it does not run; says at which of its lines.
    """
    name = f"{MODULE}{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent))
    try:
        exec(compile(importlib.util.decode_source(source), str(path), "exec"), vars(module))
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(path)]
        line = error.lineno if isinstance(error, SyntaxError) else (lines or [None])[-1]
        place = path.name if line is None else f"{path.name}:{line}"
        if isinstance(error, SyntaxError):
            message = f"SyntaxError: {error.msg}"
        else:
            message = one_line(error) if isinstance(error, WordError) else named(error)
        raise WordError(f"{place} does not run: {message}") from error
    finally:
        if str(path.parent) in sys.path:
            sys.path.remove(str(path.parent))
    return module


def own_place(error: BaseException) -> str | None:
    """Where a person's own file was at work, as `FILE.py:LINE`, innermost; None where none was."""
    frames = [
        (frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__")).startswith(MODULE)
    ]
    return f"{Path(frames[-1][0]).name}:{frames[-1][1]}" if frames else None


def named(error: BaseException) -> str:
    """A fault of anybody's code in one line: what it is called, and what it says if it says anything."""
    says = one_line(error)
    return f"{type(error).__name__}: {says}" if says else type(error).__name__


@dataclass(frozen=True)
class Socket:
    """A place into which things can be put: `what` they are called, the `group` of their entry points."""

    what: str
    group: str

    def entries(self) -> dict[str, EntryPoint]:
        """Of the packages that are installed."""
        return _entries(self.group)

    def takes(self, text: str) -> bool:
        """Whether a text names a thing of a file or of a package, and none of this one."""
        return IN_A_FILE.fullmatch(text) is not None or text in self.entries()

    def load(self, text: str, built_in: Iterable[str] = ()) -> Callable[..., Any]:
        """The class or function to which `FILE.py:NAME` or an entry point's name leads.

        Raises:
            WordError: there is no such file, name or entry point, it does not run, or it cannot be called.
        """
        thing = self.thing(text, built_in)
        if not callable(thing):
            raise WordError(f"{self.what} {short(text)} must be a class or a function, not {thing!r:.60}")
        return thing

    def thing(self, text: str, built_in: Iterable[str] = ()) -> Any:
        """The same, whatever it is."""
        match = IN_A_FILE.fullmatch(text)
        if match is not None:
            module = read_file(Path(match["file"])).module
            if not hasattr(module, match["name"]):
                raise unknown(f"{self.what} of {Path(match['file']).name}", match["name"], _own_names(module))
            return getattr(module, match["name"])
        if text in self.entries():
            try:
                return self.entries()[text].load()
            except (Exception, SystemExit) as error:  # a package may be anybody's
                raise WordError(
                    f"{self.what} {text!r} of {self.origin(text)} cannot be loaded: {named(error)}"
                ) from error
        raise unknown(self.what, text, [*built_in, *self.entries(), "FILE.py:NAME"])

    def identity(self, text: str) -> str:
        """A hash of the source, of what it imports from beside it, and of the files that a list `FILES` in it names.

        Of an entry point it is that of all Python files of its package, with the version. Nothing is run.
        """
        match = IN_A_FILE.fullmatch(text)
        if match is not None:
            return _file_identity(Path(match["file"]).expanduser())
        if text not in self.entries():
            raise unknown(self.what, text, [*self.entries(), "FILE.py:NAME"])
        entry = self.entries()[text]
        version = entry.dist.version if entry.dist is not None else ""
        digest = hashlib.sha256(f"{entry.value} {version} ".encode())
        try:
            files = _sources(entry.module)
            for file, each in zip(files, remembered_sha256(list(files.values()), LARGE_BYTES), strict=True):
                digest.update(f"{file} {each} ".encode())
        except (ImportError, OSError) as error:
            raise WordError(
                f"{self.what} {text!r} of {self.origin(text)} cannot be read: {one_line(error)}"
            ) from error
        return digest.hexdigest()[:16]

    def origin(self, name: str) -> str:
        """Whose entry point it is: `my-package 1.0 (my_package.mixers:Mean)`."""
        return _origin(self.entries()[name])


def _own_names(module: ModuleType) -> list[str]:
    """What a file defines, without what it imports."""
    public = {name: thing for name, thing in vars(module).items() if not name.startswith("_")}
    return [
        name
        for name, thing in public.items()
        if not isinstance(thing, ModuleType)
        and getattr(thing, "__module__", module.__name__) == module.__name__
    ]


SCANS = Socket("scan", "zigma.scans")
MIXERS = Socket("mixer", "zigma.mixers")
EXTRACTORS = Socket("extractor", "zigma.extractors")
DATA = Socket("data set", "zigma.data")
ORDERINGS = Socket("ordering", "zigma.orderings")
STUDIES = Socket("study", "zigma.studies")


def _file_identity(path: Path) -> str:
    if not is_file(path):
        raise WordError(f"no file {path}")
    source = path.read_bytes()
    digest = hashlib.sha256(source)
    behind = [*_listed_files(path, source), *_imported_files(path)]
    for each in remembered_sha256(behind, LARGE_BYTES):
        digest.update(each.encode())
    return digest.hexdigest()[:16]


def _imported_files(path: Path) -> list[Path]:
    """The Python files beside a file that it imports, and those that they import, wherever in their text."""
    found: dict[Path, None] = {}
    waiting = [path]
    while waiting:
        for name in sorted(_imports(waiting.pop()) - OURS):
            module, package = path.parent / f"{name}.py", path.parent / name
            # as Python does: a package before a module, and a folder without __init__.py after it
            inside = sorted(package.rglob("*.py"))
            first = [] if is_file(package / "__init__.py") else [module] * is_file(module)
            beside = first or inside
            new = [each for each in beside if each not in found and each != path]
            found.update(dict.fromkeys(new))
            waiting += new
    return list(found)


def _imports(path: Path) -> set[str]:
    """First words of the modules that a file imports; none where it cannot be read, which running it will say."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return set()
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def _listed_files(path: Path, source: bytes) -> list[Path]:
    """The files that a file names in `FILES = [...]`, read from its text."""
    try:
        values = [ast.literal_eval(value) for value in _bound_to_files(ast.parse(source).body)]
        if any(isinstance(value, str) for value in values):
            raise ValueError("it is one name")
        listed = [path.parent / Path(each).expanduser() for value in values for each in value]
    except SyntaxError as error:
        raise WordError(f"{path.name}:{error.lineno} does not run: {error.msg}") from error
    except (ValueError, TypeError) as error:
        raise WordError(
            f"{path.name}: FILES must be a list of names of files, written out: {error}"
        ) from error
    for each in listed:
        if not is_file(each):
            raise WordError(f"{path.name} lists {each} in FILES, and there is no such file")
    return listed


def _bound_to_files(body: Iterable[ast.stmt]) -> Iterator[ast.expr]:
    """What a file gives the name FILES; of anything but `FILES = ...` and `FILES: list[str] = ...`, what is refused."""
    for node in body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if not any(isinstance(target, ast.Name) and target.id == "FILES" for target in targets):
            continue
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            raise ValueError("it is changed after it was written")
        if node.value is not None:
            yield node.value


class LeftOut(UserWarning):
    """Of something that others made, such as an installed package, and that cannot be used; programs print one line."""


def leave_out(reason: object) -> None:
    """Say in one line, once, why something that others made is not used: all else still is."""
    warnings.warn(LeftOut(f"{printable(' '.join(str(reason).split()))}; it is left out"), stacklevel=2)


@cache
def _entries(group: str) -> dict[str, EntryPoint]:
    entries: dict[str, EntryPoint] = {}
    for entry in entry_points(group=group):
        if not ENTRY_NAME.fullmatch(entry.name):
            leave_out(
                f"{entry.name!r} of {_origin(entry)} has more in its name than letters, digits and . + - _"
            )
        elif entry.name in entries:
            leave_out(
                f"{entry.name!r} of {_origin(entry)} has the name of that of {_origin(entries[entry.name])}"
            )
        else:
            entries[entry.name] = entry
    return entries


def _origin(entry: EntryPoint) -> str:
    return entry.value if entry.dist is None else f"{entry.dist.name} {entry.dist.version} ({entry.value})"


def _sources(module: str) -> dict[str, Path]:
    """The Python files of the outermost package that a module is in, or its own, by their places in it."""
    outermost, *parts = module.split(".")
    spec = importlib.util.find_spec(outermost)
    if spec is None:
        return {}
    if spec.submodule_search_locations is None:
        return {} if spec.origin is None else {Path(spec.origin).name: Path(spec.origin)}
    folders = [Path(place) for place in spec.submodule_search_locations]
    for part in parts if spec.origin is None else ():  # a namespace holds packages of others, too
        if modules := [place for folder in folders if is_file(place := folder / f"{part}.py")]:
            return {modules[0].name: modules[0]}
        folders = [folder / part for folder in folders if (folder / part).is_dir()]
        if any(is_file(folder / "__init__.py") for folder in folders):
            break
    files = {str(file.relative_to(folder)): file for folder in folders for file in folder.rglob("*.py")}
    return dict(sorted(files.items()))


def in_a_file(text: str) -> Path | None:
    """The file of `FILE.py:NAME`, options behind it or not; None of anything else."""
    match = FROM_A_FILE.match(text)
    return None if match is None else Path(match["file"])


def whole(text: str, beside: Path | None = None) -> str:
    """`FILE.py:NAME` with the whole path, which means the same in any process: of the file `beside` another one, else
    as the command was given. Anything else, and a file that is in neither place, as it is.
    """
    match = FROM_A_FILE.match(text)
    if match is None:
        return text
    for folder in [Path(), *([] if beside is None else [beside.parent])][::-1]:
        if is_file(path := folder / Path(match["file"]).expanduser()):
            return f"{path.absolute()}{match['rest']}"
    return text


def short(text: str) -> str:
    """`FILE.py:NAME` without the folders, as records and tables show it."""
    match = IN_A_FILE.fullmatch(text)
    return text if match is None else f"{Path(match['file']).name}:{match['name']}"

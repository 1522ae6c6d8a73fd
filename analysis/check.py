"""`python -m analysis check`: whether a record backs every table, figure and number that is kept."""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from analysis.derived import Derived
from analysis.figures.make import outdated, read_manifest
from analysis.options import add_results, no_folder
from analysis.quote import Quotes, fill, spans, unmarked
from analysis.records import Records, load
from zigma.common.files import replace_text
from zigma.common.words import WordError, counted

FIGURES = Path("paper_figures")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
NEAR = 1e-6  # relative: other processors add in another order


@dataclass(frozen=True)
class Checked:
    """Something that is kept, and whether the records give it."""

    kind: str  # record, table, claims, figure, number
    what: str
    fault: str = ""  # empty: it is backed
    by: str = ""  # what backs it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    add_results(parser, source="published")  # what is kept is made from what ships
    parser.add_argument("--figures", type=Path, metavar="DIR", help=f"default: {FIGURES}, where there is one")
    parser.add_argument(
        "--document",
        type=no_folder,
        action="append",
        metavar="FILE",
        help="default: README.md, where there is one",
    )
    parser.add_argument(
        "--write", action="store_true", help="first write what stands between the documents' markers anew"
    )


def run(args: argparse.Namespace) -> int:
    """Print a line for each thing that is kept; 1 if one is not backed."""
    documents = args.document or [path for path in [Path("README.md")] if path.is_file()]
    if args.figures is not None and not args.figures.is_dir():
        print(f"there is no folder {args.figures}, so no figure is looked at", file=sys.stderr)
    derived = Derived(load(args.results, args.source), args.results)
    if args.write:
        write_documents(documents, derived)
    checked = list(check(derived, args.figures or FIGURES, documents))
    if not checked:
        print(f"nothing is kept below {args.results}; --source own looks at its own records", file=sys.stderr)
    for item in checked:
        state = f"NOT BACKED: {item.fault}" if item.fault else item.by or "as the records give it"
        print(f"{item.kind:<8} {item.what}: {state}")
    faults = sum(bool(item.fault) for item in checked)
    print(f"{len(checked) - faults} of {len(checked)} backed", file=sys.stderr if faults else sys.stdout)
    return 1 if faults else 0


def check(derived: Derived, figures: Path, documents: Iterable[Path]) -> Iterator[Checked]:
    """Records that are whole, then tables, claims, figures and documents against what follows from them."""
    yield from check_records(derived.records)
    yield from check_tables(derived)
    yield from check_claims(derived)
    yield from check_figures(figures, derived)
    for document in documents:
        yield from check_document(document, derived)


def check_records(records: Records) -> Iterator[Checked]:
    """Every file is a record: reading has held its checksum and its identity against what it holds."""
    yield from (Checked("record", fault.partition(" ")[0], fault) for fault in records.faults)
    if records and not records.faults:
        yield Checked(
            "record", counted(len(records), "record"), by="whole, each with its configuration's identity"
        )


def check_tables(derived: Derived) -> Iterator[Checked]:
    """Each file below `tables/` is what the records give now."""
    kept = sorted(path for path in (derived.results / "tables").glob("*") if path.is_file())
    for stem, paths in groupby(kept, key=lambda path: path.with_suffix("")):
        behind = len(derived.tables[stem.name].records) if stem.name in derived.tables else 0
        by = counted(behind, "record") if behind else "the paper's numbers alone; nothing is recorded"
        formats = list(paths)
        fault = differences(formats, derived.table_files, "numbers", "make-tables --publish")
        yield Checked("table", f"{stem} ({', '.join(path.suffix[1:] for path in formats)})", fault, by)


def check_claims(derived: Derived) -> Iterator[Checked]:
    """`claims.md` and `claims.json` are what the records give now."""
    for path in (derived.results / "claims.md", derived.results / "claims.json"):
        if path.is_file():
            fault = differences([path], derived.claims_files, "verdicts or numbers", "claims --publish")
            yield Checked("claims", str(path), fault, counted(len(derived.records), "record"))


def differences(kept: Sequence[Path], made: Mapping[str, str], what: str, command: str) -> str:
    """How files that are kept differ from those that would be made now (name -> contents); empty if they do not."""
    strange = [path.name for path in kept if path.name not in made]
    other = [path.name for path in kept if path.name in made and not _holds(path, made[path.name])]
    faults = [f"no study makes {', '.join(strange)}: take it away"] if strange else []
    if other:
        faults.append(f"the records give other {what} than {', '.join(other)}: python -m analysis {command}")
    return "; ".join(faults)


def _holds(path: Path, made: str) -> bool:
    try:
        return same(path.read_text(encoding="utf-8"), made)
    except UnicodeDecodeError:
        return False


def check_figures(folder: Path, derived: Derived) -> Iterator[Checked]:
    """Each figure of the manifest is drawn from the records that there are, with the same contents."""
    manifest = read_manifest(folder)
    why = outdated(folder, manifest, derived.pictures(manifest), derived.results) if manifest else {}
    for name, entry in manifest.items():
        drawn = "the code itself" if entry["files"] else "not drawn: no records yet"
        behind = len(entry.get("records", ()))
        yield Checked(
            "figure", f"{folder / name}", why.get(name, ""), counted(behind, "record") if behind else drawn
        )
    named = {file for entry in manifest.values() for file in entry["files"]}
    for path in sorted(folder.glob("*")):
        if path.suffix in (".png", ".svg", ".pdf") and path.name not in named and manifest:
            yield Checked("figure", str(path), "no record and no drawing of the manifest stands behind it")


def check_document(path: Path, derived: Derived) -> Iterator[Checked]:
    """What stands between markers is what the records give, and what looks like a result stands between markers."""
    quotes = Quotes(derived, path.parent)
    document = path.read_text(encoding="utf-8")
    for span in spans(document):
        where = f"{path}:{span.line} {span.source}"
        try:
            current = quotes.of(span.source)
        except WordError as error:
            yield Checked("number", where, str(error))
            continue
        missing = current.strip() in ("—", "")
        fault = "nothing is recorded for it" if missing else ""
        if not same(span.shown, current):
            fault = f"the records give {' '.join(current.split())[:80]!r}: python -m analysis check --write"
        yield Checked("number", where, fault)
    for line, shown in unmarked(document):
        yield Checked(
            "number", f"{path}:{line}", f"stands between no markers <!-- from: ... -->: {shown[:60]!r}"
        )


def write_documents(documents: Iterable[Path], derived: Derived) -> None:
    """Write what stands between the markers of the documents anew; all are made before the first is written."""
    made = {path: fill(path.read_text(encoding="utf-8"), Quotes(derived, path.parent)) for path in documents}
    for path, document in made.items():
        replace_text(path, document)


def same(kept: str, made: str) -> bool:
    """Whether two texts are the same, numbers to 1e-6."""
    if kept == made:
        return True
    if NUMBER.sub("#", kept) != NUMBER.sub("#", made):
        return False
    pairs = zip(NUMBER.findall(kept), NUMBER.findall(made), strict=True)
    return all(math.isclose(float(a), float(b), rel_tol=NEAR, abs_tol=1e-12) for a, b in pairs)

"""What follows from a set of records: tables, evidence on claims, figures. Each is made once, when first asked for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from analysis.claims.evidence import Evidence, evidence
from analysis.claims.show import files
from analysis.figures.picture import Missing, Picture
from analysis.figures.titles import TITLES
from analysis.records import Records
from analysis.tables import build_tables
from analysis.tables.render import rendered
from analysis.tables.values import Table


class Derived:
    """Tables, evidence and pictures of the records of a results folder, and the files that they are written to."""

    def __init__(self, records: Records, results: Path) -> None:
        self.records, self.results = records, results

    @cached_property
    def tables(self) -> dict[str, Table]:
        """Name of its files -> table."""
        return {table.file: table for table in build_tables(self.records)}

    @cached_property
    def evidence(self) -> Evidence:
        """Of every claim."""
        return evidence(self.records)

    @cached_property
    def table_files(self) -> dict[str, str]:
        """Name -> contents of what `make-tables` writes."""
        return rendered(self.tables.values())

    @cached_property
    def claims_files(self) -> dict[str, str]:
        """Name -> contents of what `claims` writes."""
        return files(self.evidence)

    def pictures(self, names: Iterable[str]) -> dict[str, Picture | Missing]:
        """The figures of these names, those that there are."""
        from analysis.figures.catalogue import pictures  # which reads matplotlib

        return pictures([name for name in names if name in TITLES], self.records, self.results)

"""What each table of the paper shows, the paper's numbers beside ours."""

from analysis.tables.study import build_tables, study_table

__all__ = ["build_tables", "study_table"]

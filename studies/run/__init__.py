"""Carry one run out: its record, its lease, how it resumes."""

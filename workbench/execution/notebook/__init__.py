"""Notebooks: read, run cell by cell into outputs and a journal, and kept without secrets."""

"""Rows of quarantine go back: people mend them as a CSV, and landing gets them as files."""

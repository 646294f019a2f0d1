"""Rows that come back from quarantine, and the file in which they do."""

"""Rows in quarantine, and each move of theirs."""

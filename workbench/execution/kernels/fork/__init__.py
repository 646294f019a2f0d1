"""Processes forked from a parent that has a notebook's libraries imported already. Linux only."""

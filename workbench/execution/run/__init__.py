"""Runs: planned, executed stage by stage, skipped where nothing is new, finished and recorded."""

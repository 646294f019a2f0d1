"""Workbench: notebooks that run on schedule, over a data warehouse."""

__version__ = "0.1.0"

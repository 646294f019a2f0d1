"""Workbench: notebooks that run on schedule, over a data warehouse."""

from pathlib import Path

__version__ = "0.1.0"
PACKAGE = Path(__file__).resolve().parent
"""The folder of this package; a checkout's own folder is above it."""

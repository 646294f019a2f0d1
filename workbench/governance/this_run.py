"""The run whose stage this process executes."""

from __future__ import annotations

import os


def this_run() -> str | None:
    """Return the id of the run whose stage this process executes; None if it executes none."""
    return os.environ.get("WORKBENCH_RUN_ID") or None

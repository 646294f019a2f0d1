"""A local store of MLflow that came with its home from another place: its addresses of artifacts follow it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_ADDRESSES = (
    ("experiments", "artifact_location"), ("runs", "artifact_uri"), ("logged_models", "artifact_location"),
    ("model_versions", "source"), ("model_versions", "storage_location"),
)  # fmt: skip


def bring_home(file: Path, artifacts: Path) -> None:
    """Have a home's own store name its own folder of artifacts where it names another home's: MLflow has them absolute.

    A copy of a home would write into the one it was copied from, and a home that was moved would miss its models.
    """
    ours = artifacts.absolute().as_uri()
    if not artifacts.is_dir():
        return
    try:
        with closing(sqlite3.connect(file, timeout=30)) as store, store:
            found = store.execute("SELECT artifact_location FROM experiments").fetchall()
            folders = {location.rpartition("/")[0] for (location,) in found if location}
            for theirs in sorted(folders - {ours}):
                if theirs.startswith("file:") and theirs.endswith(f"/{artifacts.name}"):
                    for table, column in _ADDRESSES:
                        store.execute(
                            f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                            [ours, len(theirs) + 1, len(theirs) + 1, f"{theirs}/"],
                        )
    except sqlite3.OperationalError:
        # It has no such tables yet, or those of another version of MLflow.
        return

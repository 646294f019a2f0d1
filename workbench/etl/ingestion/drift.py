"""Which columns of a file differ from what is declared."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

import duckdb

from workbench.governance.drift import Change

_MOST = 50
"""Columns of one file that are noted; of a file with more, the keys are rather data than names."""


def drift_of(
    added: Sequence[str] = (), *, missing: Iterable[str] = (), changed: Iterable[str] = ()
) -> dict[str, Change]:
    """Return what became of the columns that differ, by their names."""
    found: dict[str, Change] = dict.fromkeys(added, "added") if len(added) <= _MOST else {}
    return found | dict.fromkeys(missing, "missing") | dict.fromkeys(changed, "changed")


def renamed(missing: Iterable[str], others: Sequence[str]) -> str:
    """Say which of the other columns a missing one may be now."""
    near = {name: difflib.get_close_matches(name, others, n=1, cutoff=0.6) for name in missing}
    told = [f"is {name} called {found[0]!r} now?" for name, found in near.items() if found]
    return f" ({' '.join(told)} A map says so)" if told else ""


def changed_columns(connection: duckdb.DuckDBPyConnection, landed: int) -> list[str]:
    """Return the columns for which every row of a file was refused."""
    rows = connection.execute(
        "SELECT column_name FROM (SELECT split_part(unnest(reasons), ':', 1) AS column_name, n FROM refused) AS reasons "
        "WHERE column_name NOT IN ('line', 'batch') GROUP BY column_name HAVING count(DISTINCT n) = ? ORDER BY column_name",
        [landed],
    ).fetchall()
    return [name for (name,) in rows]

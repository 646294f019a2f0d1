"""Which columns of a file differ from what is declared, or from what the files before had."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Sequence

import duckdb

from workbench.etl.ingestion.reading import Rows
from workbench.etl.ingestion.reading.json_lines.lines import inner_list
from workbench.etl.ingestion.shaping import ours
from workbench.governance.drift import Change
from workbench.governance.ledger import Batch
from workbench.schema import Table
from workbench.warehouse import Session

_MOST = 50
"""Columns of one file that are noted; of a file with more, the keys are rather data than names."""
_BEFORE, _LOOKED_AT = 3, 100
_MANY_RECORDS = 100
"""Records that each have keys of their own; in fewer an optional one may be missing by chance."""
_COUNTED = re.compile(r"-[0-9a-f]{12}(?=\.|$)|[a-z]*[0-9][0-9a-z]*")


def drift_of(
    added: Sequence[str] = (),
    *,
    missing: Iterable[str] = (),
    changed: Iterable[str] = (),
    stopped: Iterable[str] = (),
) -> dict[str, Change]:
    """Return what became of the columns that differ, by their names; a name with blanks at its ends is in quotes."""
    found: dict[str, Change] = dict.fromkeys(map(visible, added), "added") if len(added) <= _MOST else {}
    found = found | dict.fromkeys(missing, "missing") | dict.fromkeys(changed, "changed")
    return found | dict.fromkeys(stopped, "stopped")


def visible(name: str) -> str:
    """Return the name of a column, in quotes if it has blanks at its ends: it would look like the declared one without."""
    return name if name == name.strip() else f'"{name}"'


def unlike(connection: duckdb.DuckDBPyConnection, rows: Rows, missing: Sequence[str]) -> str:
    """Say which required columns a file lacks, and where they may be instead."""
    is_json = '"form": "json"' in rows.record_form
    if is_json and not rows.names:
        reasons = connection.execute("SELECT reason, count(*) FROM line_errors GROUP BY 1 ORDER BY 2 DESC, 1")
        found = ", ".join(f"{reason} {count:,}" for reason, count in reasons.fetchall())
        return f"no line of it is a record: {found}" if found else "its records are empty"
    told = f"required column missing: {', '.join(missing)}{_renamed(missing, rows.others)}"
    path = inner_list(connection, missing) if is_json else None
    within = f" (the list {path!r} holds them: a map says unnest: {path}, and whence each column is)"
    return told + within if path else told


def _renamed(missing: Iterable[str], others: Sequence[str]) -> str:
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


def lacking(table: Table, rows: Rows, landed: int) -> str | None:
    """Return the optional columns that a file without a map hasn't got, as JSON; None where its keys don't tell."""
    if rows.is_replay or not landed or ('"form": "json"' in rows.record_form and landed < _MANY_RECORDS):
        return None
    return json.dumps([column.name for column in ours(table) if column.name not in rows.sources])


def stopped(session: Session, batch: Batch) -> list[str]:
    """Return the columns that a file lacks, and that the last files of its kind had.

    Of its kind are those of its dataset with the same name, but for numbers, dates and hashes in it.
    """
    if not batch.lacks or batch.lacks == "[]":
        return []
    rows = session.execute(
        "SELECT uri, lacks FROM ops.batches WHERE dataset = ? AND lacks IS NOT NULL AND withdrawn_at IS NULL "
        f"AND verdict IN ('publish', 'warn') ORDER BY ingested_at DESC LIMIT {_LOOKED_AT}",
        [batch.dataset],
    ).fetchall()
    before = [set(json.loads(lacks)) for uri, lacks in rows if _kind(uri) == _kind(batch.uri)][:_BEFORE]
    if len(before) < _BEFORE:
        return []
    return [name for name in json.loads(batch.lacks) if not any(name in each for each in before)]


def _kind(uri: str) -> str:
    return _COUNTED.sub("#", uri.replace("\\", "/").rpartition("/")[2].lower())

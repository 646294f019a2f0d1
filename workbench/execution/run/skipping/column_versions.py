"""Versions of columns of raw tables: another one as soon as a value came that wasn't there, or a key that was.

Rows of raw are not changed, so values only come, as long as no batch is withdrawn. A key that repeats counts, for of its rows the last one is read. What
was found is kept in ``ops.column_versions``, so that each row is looked at once, whatever the length of its table's past.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from workbench.execution.pipeline.graph import table_of
from workbench.schema import TABLES, quote
from workbench.warehouse.access import infrastructure

if TYPE_CHECKING:
    from workbench.schema import Table
    from workbench.warehouse import Session, Warehouse

_NO_ROWS = "no rows"
_COLUMNS = "column_name, since, seen_until, rows_seen, changes"


@infrastructure()
def column_versions(
    warehouse: Warehouse, names: Collection[str], counts: Mapping[str, int]
) -> dict[str, str]:
    """Return the present version of each column, ``schema.table.column``.

    Args:
        warehouse: with the tables.
        names: columns of tables with a time of ingestion, which only grow.
        counts: rows of their tables, by name.
    """
    if not names:
        return {}
    tables = sorted({table_of(name) for name in names})
    newest = {
        row["name"]: row["newest"]
        for row in warehouse.rows(
            " UNION ALL ".join(
                f"SELECT '{name}' AS name, max(_ingested_at) AS newest FROM {name}" for name in tables
            )
        )
    }
    kept = {row["column_name"]: row for row in warehouse.rows(f"SELECT {_COLUMNS} FROM ops.column_versions")}
    known = {
        name
        for name, row in kept.items()
        if (row["rows_seen"], row["seen_until"]) == (counts.get(table_of(name)), newest.get(table_of(name)))
    }
    found = {name: _version(kept[name]["since"], kept[name]["changes"]) for name in names if name in known}
    found |= {name: _NO_ROWS for name in names if not newest[table_of(name)]}
    for table in tables:
        unknown = sorted(name for name in set(names) - found.keys() if table_of(name) == table)
        if unknown:
            found |= warehouse.run(partial(_look, table=table, names=unknown), repeatable=True)
    return found


def _look(session: Session, *, table: str, names: Sequence[str]) -> dict[str, str]:
    """Look at the rows of a table that came since the last look at some columns, and keep what was found."""
    ((rows, newest),) = session.execute(f"SELECT count(*), max(_ingested_at) FROM {table}").fetchall()
    if newest is None:
        return dict.fromkeys(names, _NO_ROWS)
    places = ", ".join("?" for _ in names)
    kept = {
        row[0]: row[1:]
        for row in session.execute(
            f"SELECT {_COLUMNS} FROM ops.column_versions WHERE column_name IN ({places})", names
        ).fetchall()
    }
    present = datetime.now(UTC).replace(tzinfo=None)
    found = dict.fromkeys(names, (present, 0))
    for until, seen in sorted({(until, seen) for _, until, seen, _ in kept.values()}):
        alike = [name for name in names if name in kept and kept[name][1:3] == (until, seen)]
        news, changed = _news(session, TABLES[table], alike, until)
        # Rows that were seen and are gone again: nobody knows what they stood for.
        if rows - news == seen:
            found |= {name: (kept[name][0], kept[name][3] + (name in changed)) for name in alike}
    session.execute(f"DELETE FROM ops.column_versions WHERE column_name IN ({places})", names)
    session.execute(
        f"INSERT INTO ops.column_versions ({_COLUMNS}) VALUES {', '.join('(?, ?, ?, ?, ?)' for _ in names)}",
        [value for name in names for value in (name, found[name][0], newest, rows, found[name][1])],
    )
    return {name: _version(since, changes) for name, (since, changes) in found.items()}


def _news(
    session: Session, table: Table, names: Sequence[str], until: datetime
) -> tuple[int, Collection[str]]:
    """Return how many rows are new, and the columns in which one has a value that none had before; all if a key came again."""
    new, old = (f"FROM {table.full_name} WHERE _ingested_at {sign} ?" for sign in (">", "<="))
    key = ", ".join(map(quote, table.key))
    first = quote(table.key[0])
    ((news, distinct, *ends),) = session.execute(
        f"SELECT (SELECT count(*) {new}), (SELECT count(*) FROM (SELECT DISTINCT {key} {new}) AS new), "
        f"(SELECT min({first}) {new}), (SELECT max({first}) {new})",
        [until] * 4,
    ).fetchall()
    if not news:
        return 0, ()
    if distinct < news:
        return news, names
    same = " AND ".join(f"old.{quote(name)} = new.{quote(name)}" for name in table.key)
    # New keys mostly come after all that are known: the statistics of the table's parts then tell that none is among them.
    ((known_keys,),) = session.execute(
        f"SELECT count(*) FROM (SELECT DISTINCT {key} {new}) AS new WHERE EXISTS (SELECT 1 "
        f"FROM {table.full_name} AS old WHERE old._ingested_at <= ? AND old.{first} BETWEEN ? AND ? AND {same})",
        [until, until, *ends],
    ).fetchall()
    if known_keys:
        return news, names
    asked = []
    for name in names:
        column = quote(name.rpartition(".")[2])
        asked += [
            f"SELECT count(DISTINCT {column}) {new}",
            f"SELECT count(*) FROM (SELECT DISTINCT {column} {new}) AS new WHERE {column} IN (SELECT {column} {old})",
        ]
    sql = f"SELECT {', '.join(f'({each})' for each in asked)}"
    (values,) = session.execute(sql, [until] * sql.count("?")).fetchall()
    pairs = zip(names, values[::2], values[1::2], strict=True)
    return news, [name for name, there, known in pairs if there > known]


def _version(since: datetime, changes: int) -> str:
    return f"{changes} changes since {since}"

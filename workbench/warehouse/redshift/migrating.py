"""The statements that make a Redshift as declared, from nothing or from an earlier version."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.schema import (
    REPORTS,
    SCHEMAS,
    TABLES,
    Column,
    Table,
    create_table,
    define,
    quote,
    sql_type,
    view_mark,
)
from workbench.warehouse.redshift.connection import RedshiftSession
from workbench.warehouse.upgrade import Difference, Found, compare, is_as_declared

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SCHEMAS = ", ".join(f"'{schema}'" for schema in SCHEMAS)
_COLUMNS = f"""
    SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
    FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname IN ({_SCHEMAS}) ORDER BY a.attnum
"""
_VIEWS = f"""
    SELECT n.nspname, c.relname, d.description
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_description AS d ON d.objoid = c.oid AND d.objsubid = 0
    WHERE n.nspname IN ({_SCHEMAS}) AND c.relkind = 'v'
"""


@dataclass(frozen=True)
class Migration:
    """Statements in order, with the names of the tables they make."""

    statements: tuple[str, ...]
    made: tuple[str, ...]

    @classmethod
    def of(cls, session: RedshiftSession) -> Migration:
        """Work out what is missing or differs from the declarations.

        Raises:
            UsageError: an upgrade would lose data.
        """
        schemas = {row[0] for row in session.execute("SELECT nspname FROM pg_namespace").fetchall()}
        tables = _tables(session)
        declared = {name: table for name, table in TABLES.items() if not table.view}
        missing = [table for table in declared.values() if table.full_name not in tables]
        differences = [
            difference
            for name, table in declared.items()
            if name in tables and (difference := compare(table, tables[name], "redshift", _Looker(session)))
        ]
        altered = [d.table.full_name for d in differences]
        views = {f"{schema}.{name}": mark for schema, name, mark in session.execute(_VIEWS).fetchall()}
        stale = [
            report
            for report in REPORTS
            if views.get(report.full_name) != report.mark or set(report.reads) & set(altered)
        ]
        statements = [f"CREATE SCHEMA IF NOT EXISTS {schema}" for schema in SCHEMAS if schema not in schemas]
        statements += [statement for table in missing for statement in create_table(table, "redshift")]
        # A table can't be altered or dropped under a materialized view.
        statements += [statement for report in stale for statement in report.drop()]
        for difference in differences:
            statements += _upgrade(difference)
        for name, table in TABLES.items():
            if table.view and views.get(name) != view_mark(table):
                # It was a table once.
                statements += [f"DROP TABLE {name}"] if name in tables else []
                statements += create_table(table, "redshift")
        statements += [statement for report in stale for statement in report.create()]
        return cls(tuple(statements), tuple(table.full_name for table in missing))

    def apply(self, session: RedshiftSession) -> None:
        """Run the statements; each that isn't between BEGIN and COMMIT is a transaction of its own.

        A table made anew is so in one transaction. Killed in between, the next run goes on from there.
        """
        try:
            for statement in self.statements:
                session.execute(statement)
        except BaseException:
            with suppress(WorkbenchError):
                session.execute("ROLLBACK")
            raise


def anew(session: RedshiftSession, tables: Sequence[Table], *, always: bool) -> None:
    """Make tables anew that are missing or not as declared, or all; reports over them are gone then."""
    found = _tables(session)
    # A view is made again by what follows, if it is another.
    wrong = [
        table
        for table in tables
        if not table.view
        and (always or not is_as_declared(table, found.get(table.full_name, {}), "redshift"))
    ]
    names = {table.full_name for table in wrong}
    statements = [statement for report in REPORTS if names & set(report.reads) for statement in report.drop()]
    for table in wrong:
        drop = f"DROP TABLE IF EXISTS {table.full_name}"
        statements += ["BEGIN", drop, *create_table(table, "redshift"), "COMMIT"]
    Migration(tuple(statements), ()).apply(session)


class _Looker:
    """Looks for rows that meet a condition."""

    def __init__(self, session: RedshiftSession) -> None:
        self._session = session

    def __call__(self, table: Table, condition: str) -> bool:
        found = self._session.execute(f"SELECT 1 FROM {table.full_name} WHERE {condition} LIMIT 1")
        return found.fetchone() is not None


def _tables(session: RedshiftSession) -> dict[str, dict[str, Found]]:
    tables: dict[str, dict[str, Found]] = {}
    for schema, table, column, kind, required in session.execute(_COLUMNS).fetchall():
        tables.setdefault(f"{schema}.{table}", {})[column] = Found(kind, not required)
    return tables


def _in_place(difference: Difference) -> bool:
    """Whether ALTER TABLE does it: Redshift adds columns, drops them and widens texts, and no more."""
    texts = all(column.kind in ("text", "json", "codes") for column in difference.retyped)
    keys = {difference.table.dist, *difference.table.sort}
    return texts and not (difference.required or difference.optional or keys & set(difference.dropped))


def _upgrade(difference: Difference) -> list[str]:
    table = difference.table
    name = table.full_name
    if difference.empty:
        return ["BEGIN", f"DROP TABLE {name}", *create_table(table, "redshift"), "COMMIT"]
    if not _in_place(difference):
        return _anew(difference)
    return [
        *(
            f"ALTER TABLE {name} ADD COLUMN {define(table, column, 'redshift')}"
            for column in difference.added
        ),
        *(
            f"ALTER TABLE {name} ALTER COLUMN {quote(column.name)} TYPE {sql_type(column, 'redshift')}"
            for column in difference.retyped
        ),
        *(f"ALTER TABLE {name} DROP COLUMN {quote(column)}" for column in difference.dropped),
    ]


def _anew(difference: Difference) -> list[str]:
    """Return a deep copy into a new table of the declared shape, in one transaction."""
    table = difference.table
    old = f"{table.name}__before"
    kept: Iterable[Column] = [column for column in table.columns if column.name in difference.found]
    names = ", ".join(quote(column.name) for column in kept)
    values = ", ".join(f"CAST({quote(column.name)} AS {sql_type(column, 'redshift')})" for column in kept)
    return [
        "BEGIN",
        f"ALTER TABLE {table.full_name} RENAME TO {quote(old)}",
        *create_table(table, "redshift"),
        f"INSERT INTO {table.full_name} ({names}) SELECT {values} FROM {table.schema}.{quote(old)}",
        f"DROP TABLE {table.schema}.{quote(old)}",
        "COMMIT",
    ]

"""Rows that keep the contract, and whose values a warehouse elsewhere can't hold."""

from __future__ import annotations

from dataclasses import replace

import duckdb

from workbench.etl.ingestion.check import Checked
from workbench.etl.ingestion.opened import OpenedFile
from workbench.schema import quote

_LONGEST = 65_535
"""Bytes that the longest text of a column may have in the warehouse; JSON is kept as text there."""


def set_unfit_aside(connection: duckdb.DuckDBPyConnection, opened: OpenedFile, checked: Checked) -> Checked:
    """Refuse the accepted rows whose JSON is too long, or whose texts have a NUL in them."""
    # Elsewhere they were set aside as they were judged.
    if opened.judged or not (count := refuse_unfit(connection, opened)):
        return checked
    return replace(
        checked, accepted=checked.accepted - count, quarantined=checked.quarantined + count, status="partial"
    )


def refuse_unfit(connection: duckdb.DuckDBPyConnection, opened: OpenedFile) -> int:
    """Move such rows from raw to ``refused``, and return how many they are."""
    table = opened.table
    assert opened.rows is not None  # noqa: S101 - nothing is accepted from a file without a byte
    reasons = []
    for column in table.columns:
        if column.kind == "json":
            reasons.append(
                (f"strlen(CAST({quote(column.name)} AS VARCHAR)) > {_LONGEST}", column.name, "too_long")
            )
        if column.kind == "text":
            reasons.append((f"contains({quote(column.name)}, chr(0))", column.name, "nul_byte"))
    cases = ", ".join(f"CASE WHEN {condition} THEN '{name}:{code}' END" for condition, name, code in reasons)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE unfit AS SELECT n, reasons FROM ("
        f"SELECT _row_number AS n, list_filter([{cases}], lambda reason: reason IS NOT NULL) AS reasons "
        f"FROM {table.full_name} WHERE {' OR '.join(condition for condition, _, _ in reasons)})"
    )
    ((count,),) = connection.execute("SELECT count(*) FROM unfit").fetchall()
    if count:
        connection.execute(f"DELETE FROM {table.full_name} WHERE _row_number IN (SELECT n FROM unfit)")
        connection.execute(
            f"INSERT INTO refused SELECT n, record, reasons FROM unfit JOIN {opened.rows.records} USING (n)"
        )
    return int(count)

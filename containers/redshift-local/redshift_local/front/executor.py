"""Does the work that a statement asks for and PostgreSQL can't do, within the transaction that is open."""

from __future__ import annotations

from typing import assert_never

from redshift_local.bulk.copy import copy
from redshift_local.bulk.unload import unload
from redshift_local.context import SessionContext
from redshift_local.errors import SqlError
from redshift_local.operations import Append, Copy, Operation, ResizeColumn, Truncate, Unload
from redshift_local.protocol.backend import Backend
from redshift_local.quoting import literal, quote


async def execute(operation: Operation, session: SessionContext) -> str:
    """Do the work and return the command tag. Raises SqlError."""
    match operation:
        case Copy():
            await copy(operation, session)
            return "COPY"
        case Unload():
            await unload(operation, session)
            return "UNLOAD"
        case Truncate():
            await session.backend.run(f"truncate {operation.table}")
            return "TRUNCATE TABLE"
        case Append():
            await _append(operation, session.backend)
            return "ALTER TABLE APPEND"
        case ResizeColumn():
            await _resize(operation, session.backend)
            return "ALTER TABLE"
        case _:
            assert_never(operation)


async def _append(operation: Append, backend: Backend) -> None:
    arguments = ", ".join(map(literal, (operation.table, operation.source, operation.mode)))
    await backend.run(f"do {literal(f'begin perform redshift_local.append_table({arguments}); end')}")


async def _resize(operation: ResizeColumn, backend: Backend) -> None:
    table, column = operation.table, quote(operation.column)
    found = await backend.rows(
        f"select atttypid = 'varchar'::regtype from pg_attribute where attrelid = {literal(table)}::regclass "
        f"and attname = {literal(operation.column)} and not attisdropped"
    )
    if not found:
        raise SqlError("42703", f'column "{operation.column}" of relation {table} does not exist')
    if found != [["t"]]:
        raise SqlError("0A000", "ALTER COLUMN TYPE is supported only for VARCHAR columns")
    # A bare ALTER TYPE would cut nothing and refuse nothing in bytes: the constraint is checked again by it.
    ((longest,),) = await backend.rows(f"select coalesce(max(octet_length({column})), 0) from {table}")
    if int(longest or 0) > operation.length:
        raise SqlError("22001", f"cannot alter column {column}: it holds values of {longest} bytes")
    await backend.run(f"alter table {table} alter column {column} type varchar({operation.length})")

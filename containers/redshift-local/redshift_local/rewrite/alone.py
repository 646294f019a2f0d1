"""Statements that can't share a transaction: TRUNCATE, which commits, and those that are refused in one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from redshift_local.errors import SqlError, bad_statement
from redshift_local.rewrite.reader import Reader
from redshift_local.rewrite.rewritten import Rewritten
from redshift_local.rewrite.tokens import Token, literal, quote

if TYPE_CHECKING:
    from redshift_local.session import Session


async def _run(sql: str, tag: str, session: Session) -> str:
    await session.backend.run(sql)
    return tag


def truncate(tokens: Sequence[Token]) -> Rewritten:
    """TRUNCATE commits what its transaction has done so far, itself included."""
    reader = Reader(tokens)
    reader.need("truncate")
    reader.take("table")
    table = ".".join(map(quote, reader.qualified_name()))
    reader.end()
    return Rewritten("", local=partial(_run, f"truncate {table}", "TRUNCATE TABLE"), commits=True)


def append(table: str, reader: Reader) -> Rewritten:
    """ALTER TABLE … APPEND FROM moves the rows of another table."""
    reader.need("from")
    source = ".".join(map(quote, reader.qualified_name()))
    mode = next((word for word in ("ignoreextra", "filltarget") if reader.take(word)), "")
    reader.end()
    call = f"perform redshift_local.append_table({literal(table)}, {literal(source)}, {literal(mode)})"
    work = partial(_run, f"do {literal(f'begin {call}; end')}", "ALTER TABLE APPEND")
    return Rewritten("", local=work, alone="ALTER TABLE APPEND")


def alter_type(table: str, column: str, reader: Reader) -> Rewritten:
    """ALTER TABLE … ALTER COLUMN … TYPE changes the length of a VARCHAR, and nothing else."""
    kind = reader.name()
    if kind == "character" and reader.take("varying"):
        kind = "varchar"
    if kind != "varchar":
        raise SqlError(
            "0A000", "target data type is not supported: only the size of a VARCHAR can be changed"
        )
    size = "".join(token.text.lower() for token in reader.parentheses())[1:-1]
    reader.end()
    size = "65535" if size == "max" else size
    if not size.isdigit() or not 1 <= int(size) <= 65535:
        raise bad_statement(f"the length of varchar must be 1 to 65535, not {size}")
    work = partial(_retype, table, column, int(size))
    return Rewritten("", local=work, alone="ALTER TABLE ALTER COLUMN")


async def _retype(table: str, column: str, size: int, session: Session) -> str:
    found = await session.backend.rows(
        f"select atttypid = 'varchar'::regtype from pg_attribute where attrelid = {literal(table)}::regclass "
        f"and attname = {literal(column)} and not attisdropped"
    )
    if not found:
        raise SqlError("42703", f'column "{column}" of relation {table} does not exist')
    if found != [["t"]]:
        raise SqlError("0A000", "ALTER COLUMN TYPE is supported only for VARCHAR columns")
    # A bare ALTER TYPE would cut nothing and refuse nothing in bytes: the constraint is checked again by it.
    (longest,) = (
        await session.backend.rows(f"select coalesce(max(octet_length({quote(column)})), 0) from {table}")
    )[0]
    if int(longest or 0) > size:
        raise SqlError("22001", f"cannot alter column {quote(column)}: it holds values of {longest} bytes")
    await session.backend.run(f"alter table {table} alter column {quote(column)} type varchar({size})")
    return "ALTER TABLE"

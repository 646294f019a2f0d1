"""Changes of a table that PostgreSQL hasn't, or has with another effect: TRUNCATE, APPEND, ALTER COLUMN … TYPE."""

from __future__ import annotations

from collections.abc import Sequence

from redshift_local.errors import SqlError, bad_statement
from redshift_local.lexer.reader import Reader
from redshift_local.lexer.tokens import Token
from redshift_local.operations import Append, ResizeColumn, Truncate
from redshift_local.quoting import quote
from redshift_local.rewrite.columns import MAX_VARCHAR
from redshift_local.rewrite.rewritten import Rewritten


def truncate(tokens: Sequence[Token]) -> Rewritten:
    """TRUNCATE commits what its transaction has done so far, itself included."""
    reader = Reader(tokens)
    reader.need("truncate")
    reader.take("table")
    table = ".".join(map(quote, reader.qualified_name()))
    reader.end()
    return Rewritten("", local=Truncate(table))


def append(table: str, reader: Reader) -> Rewritten:
    """ALTER TABLE … APPEND FROM moves the rows of another table."""
    reader.need("from")
    source = ".".join(map(quote, reader.qualified_name()))
    mode = next((word for word in ("ignoreextra", "filltarget") if reader.take(word)), "")
    reader.end()
    return Rewritten("", local=Append(table, source, mode))


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
    size = str(MAX_VARCHAR) if size == "max" else size
    if not size.isdigit() or not 1 <= int(size) <= MAX_VARCHAR:
        raise bad_statement(f"the length of varchar must be 1 to {MAX_VARCHAR}, not {size}")
    return Rewritten("", local=ResizeColumn(table, column, int(size)))

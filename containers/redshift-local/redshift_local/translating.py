"""Errors of PostgreSQL's in Redshift's words, where Redshift has words of its own."""

from __future__ import annotations

import re

from redshift_local import wire
from redshift_local.errors import SqlError
from redshift_local.wire import Message

# The name of a constraint that holds a column of text to its bytes: sql/bytes.sql makes it.
_BYTES = re.compile(r"redshift_local_bytes_\d+_(varchar|bpchar)_(\d+)")
_KINDS = {"varchar": "character varying", "bpchar": "character"}
_NOT_SERIALIZABLE = "40001"


def as_error(body: bytes) -> SqlError:
    """Return an ErrorResponse as an exception, in Redshift's words."""
    given = wire.fields(body)
    problem = SqlError(given.get("C", "XX000"), given.get("M", ""), given.get("D", ""), given.get("H", ""))
    if found := _BYTES.fullmatch(given.get("n", "")):
        return SqlError("22001", f"value too long for type {_KINDS[found[1]]}({found[2]})")
    if problem.code == _NOT_SERIALIZABLE:
        # PostgreSQL doesn't say which table and which transactions: the numbers are 0.
        return SqlError(
            "XX000",
            "1023",
            detail="Serializable isolation violation on table - 0, transactions forming the cycle are: 0, 0 "
            f"({problem.message})",
        )
    return problem


def in_redshifts_words(message: Message) -> Message:
    """Return an ErrorResponse as Redshift would send it."""
    given = wire.fields(message.body)
    if given.get("C") == _NOT_SERIALIZABLE or _BYTES.fullmatch(given.get("n", "")):
        return wire.error(as_error(message.body), given.get("S", "ERROR"))
    return message

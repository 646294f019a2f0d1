"""Errors of PostgreSQL's in Redshift's words, where Redshift has words of its own."""

from __future__ import annotations

import re

from redshift_local.errors import SqlError
from redshift_local.protocol import wire
from redshift_local.protocol.wire import Message

# The name of a constraint that holds a column of text to its bytes: bytes.sql makes it.
_BYTES = re.compile(r"redshift_local_bytes_\d+_(varchar|bpchar)_(\d+)")
_KINDS = {"varchar": "character varying", "bpchar": "character"}
_NOT_SERIALIZABLE = "40001"


def as_error(body: bytes) -> SqlError:
    """Return an ErrorResponse as an exception, in Redshift's words."""
    given = wire.fields(body)
    code, message, context = given.get("C", "XX000"), given.get("M", ""), given.get("W", "")
    if found := _BYTES.fullmatch(given.get("n", "")):
        too_long = f"value too long for type {_KINDS[found[1]]}({found[2]})"
        return SqlError("22001", too_long, context=context)
    if code == _NOT_SERIALIZABLE:
        # PostgreSQL doesn't say which table and which transactions: the numbers are 0.
        return SqlError(
            "XX000",
            "1023",
            detail="Serializable isolation violation on table - 0, transactions forming the cycle are: 0, 0 "
            f"({message})",
            context=context,
        )
    return SqlError(code, message, given.get("D", ""), given.get("H", ""), context)


def in_redshifts_words(message: Message) -> Message:
    """Return an ErrorResponse as Redshift would send it."""
    given = wire.fields(message.body)
    if given.get("C") == _NOT_SERIALIZABLE or _BYTES.fullmatch(given.get("n", "")):
        return wire.error(as_error(message.body), given.get("S", "ERROR"))
    return message

"""What can go wrong, in a form that a client of the wire protocol can be told."""

from __future__ import annotations


class LocalError(Exception):
    """An error to be answered in one line: a bad call, or PostgreSQL that can't be started."""


class SqlError(Exception):
    """An error of a statement, with its SQLSTATE, a detail and a hint.

    ``context`` is where PostgreSQL was when it found it, such as `COPY t, line 3, column b: "x"`; clients don't get it.
    """

    def __init__(self, code: str, message: str, detail: str = "", hint: str = "", context: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = detail
        self.hint = hint
        self.context = context


def not_imitated(construct: str, hint: str = "") -> SqlError:
    """Return the error for a construct of Redshift's that isn't imitated here (SQLSTATE 0A000)."""
    return SqlError("0A000", f"{construct} is not imitated by the local Redshift", hint=hint)


def bad_statement(message: str, hint: str = "") -> SqlError:
    """Return the error for a statement that Redshift wouldn't take either (SQLSTATE 42601)."""
    return SqlError("42601", message, hint=hint)

"""What the driver's errors mean: a wrong statement, work that failed, or something that another try may mend."""

from __future__ import annotations

import re
import struct
from typing import Any

from redshift_connector.error import Error, InterfaceError, OperationalError

from workbench.errors import UsageError, WorkbenchError, WorkFailed, one_line
from workbench.schema import SCHEMAS, TABLES


class Conflict(WorkFailed):
    """Another transaction was in the way; this one is undone, and can be done again."""


class ConnectionLost(WorkFailed):
    """The connection broke, or there was none; what was not committed is undone."""


class Unreachable(ConnectionLost):
    """There was no connection to begin with, so nothing was done."""


DRIVER_ERRORS = (Error, OSError, EOFError, struct.error, AttributeError, IndexError)
"""What the driver raises; the last ones where a connection breaks in the middle of an answer."""

# Serializable isolation failure and deadlock, as SQL has them; Redshift's own name for the first is 1023.
_CONFLICTS = ("40001", "40P01")
_CONFLICT = re.compile(
    r"\b1023\b|[Ss]erializable isolation violation|could not serialize|concurrent transaction|deadlock detected"
)
_LOST = ("08", "57P")
_WRONG_LOGIN = ("28",)
_NOT_THERE = ("3F000", "42P01")
_OURS = {*SCHEMAS, *TABLES}
_QUOTED = re.compile(r'"([^"]+)"')
_WRONG_STATEMENT = ("0A", "22", "23", "25006", "2B", "34", "3D", "3F", "42")


def translate(error: BaseException, doing: str) -> WorkbenchError:
    """Return the error for a person that an error of the driver's amounts to.

    Args:
        error: the driver's.
        doing: what it was about (``the statement``, ``connecting to …``), for errors that don't tell.
    """
    fields = _fields(error)
    if fields is None:
        if isinstance(error, Error) and not isinstance(error, InterfaceError | OperationalError):
            return UsageError(f"{doing}: {one_line(str(error))}")
        return ConnectionLost(
            f"{doing}: the connection broke: {one_line(str(error)) or type(error).__name__}"
        )
    code, message = str(fields.get("C", "")), str(fields.get("M", ""))
    detail = str(fields.get("D", ""))
    text = one_line(" ".join(part for part in (message, detail) if part))
    if code in _CONFLICTS or is_conflict(f"{message} {detail}"):
        return Conflict(f"{doing}: another transaction was in the way: {text}")
    if code.startswith(_LOST):
        return ConnectionLost(f"{doing}: the connection broke: {text}")
    if code.startswith((*_WRONG_STATEMENT, *_WRONG_LOGIN)):
        hint = one_line(str(fields.get("H", "")))
        if code in _NOT_THERE and _OURS & set(_QUOTED.findall(message)):
            hint = "make it with: workbench init"
        return UsageError(f"{text}{'; ' + hint if hint else ''}")
    return WorkFailed(f"{doing}: {text}")


def is_conflict(message: str) -> bool:
    """Return whether a message of the server's says that another transaction was in the way."""
    return bool(_CONFLICT.search(message))


def _fields(error: BaseException) -> dict[str, Any] | None:
    """Return the fields of a server's error (C the code, M the message, D the detail, H the hint)."""
    if isinstance(error, Error) and error.args and isinstance(error.args[0], dict):
        return error.args[0]
    return None

"""An answer handed on as the server sends it; the driver would keep all of it, as Python's objects.

A cursor of the server's isn't asked for: Redshift lays out the whole answer for one, up to a size that depends on the nodes,
and has none for what isn't a SELECT.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from workbench.errors import UsageError, WorkFailed
from workbench.warehouse.pieces import BYTES, ROWS, Handed, Take
from workbench.warehouse.redshift import retrying
from workbench.warehouse.redshift.address import Address
from workbench.warehouse.redshift.connection import RedshiftSession
from workbench.warehouse.redshift.errors import Conflict, ConnectionLost
from workbench.warehouse.redshift.results import as_table

_FIRST = 512
"""Rows of the first piece."""


def hand_on(address: Address, sql: str, take: Take) -> None:
    """Run one statement in a transaction that only reads; let somebody take its rows, piece after piece.

    It is tried again as others are where nothing was handed on yet. A decimal without a scale of its own has as many digits
    after the point as the values of its piece need.

    Raises:
        UsageError: the statement is wrong, or returns no rows.
        WorkFailed: it failed.
    """
    handed = Handed(take)

    def once() -> None:
        try:
            with retrying.transaction(address, read_only=True) as session:
                _read(session, sql, handed)
        except _MENDS as error:
            if handed.any:
                raise WorkFailed(f"{error}; these are not all rows") from None
            raise

    retrying.again(once, _MENDS)


_MENDS = (Conflict, ConnectionLost, retrying.Undecided)


def _read(session: RedshiftSession, sql: str, handed: Handed) -> None:
    def give(rows: list[Any]) -> None:
        handed(as_table(session.described, rows))

    session.keep_times_as_text()
    rows = _Rows(give)
    try:
        session.execute_into(sql, rows)
    except _NotTaken as error:
        raise error.reason from None
    if not session.described:
        raise UsageError("the statement returns no rows")
    if rows or not handed.any:
        give(list(rows))


class _NotTaken(BaseException):
    """Carries what ``take`` raised through the driver, who has a meaning of its own for some errors."""

    def __init__(self, reason: BaseException) -> None:
        super().__init__()
        self.reason = reason


class _Rows(deque[Any]):
    """Rows to which the driver adds, and which are given away whenever they are enough for a piece."""

    def __init__(self, give: Callable[[list[Any]], None]) -> None:
        super().__init__()
        self._give, self._most, self._size = give, _FIRST, 0

    def append(self, row: Any, /) -> None:
        super().append(row)
        self._size += sum(len(value) for value in row if isinstance(value, str))
        if len(self) < self._most and self._size < BYTES:
            return
        rows = list(self)
        self.clear()
        self._most, self._size = ROWS, 0
        try:
            self._give(rows)
        except BaseException as error:
            raise _NotTaken(error) from error

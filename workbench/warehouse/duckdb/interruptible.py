"""Ctrl-C while DuckDB works on a statement: its client doesn't always look whether a signal has come."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

from workbench.errors import UsageError
from workbench.waiting import result_of

if TYPE_CHECKING:
    import pyarrow

T = TypeVar("T")

_AGAIN = 0.05
"""Seconds after which a statement is interrupted again: it may not have begun yet."""


def ask(connection: duckdb.DuckDBPyConnection, work: Callable[[], T]) -> T:
    """Do work on a connection in a thread while this one waits for what it returns, or for Ctrl-C, which ends it.

    Signals come to the main thread alone; others do the work themselves.

    Raises:
        KeyboardInterrupt: it was ended.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    answer: Future[T] = Future()
    context = copy_context()

    def do() -> None:
        try:
            answer.set_result(context.run(work))
        except BaseException as error:
            answer.set_exception(error)

    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    try:
        return result_of(answer)
    except KeyboardInterrupt:
        while thread.is_alive():
            connection.interrupt()
            thread.join(_AGAIN)
        raise
    finally:
        thread.join()


def table_of(relation: duckdb.DuckDBPyRelation | None) -> pyarrow.Table:
    """Return the rows of a relation.

    Raises:
        UsageError: there is none, for the statement returns no rows.
    """
    if relation is None:
        raise UsageError("the statement returns no rows")
    return relation.to_arrow_table()


def dictionaries_of(found: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return the rows that a connection has found."""
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

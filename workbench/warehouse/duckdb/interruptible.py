"""Ctrl-C while DuckDB works on a statement: its client doesn't always look whether a signal has come."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

import duckdb

from workbench.errors import UsageError

if TYPE_CHECKING:
    import pyarrow

_AGAIN = 0.05
"""Seconds after which a statement is interrupted again: it may not have begun yet."""


def ask(connection: duckdb.DuckDBPyConnection, sql: str) -> pyarrow.Table:
    """Run a statement in a thread while this one waits for its rows, or for Ctrl-C, which ends it.

    Raises:
        UsageError: it returns no rows.
        KeyboardInterrupt: it was ended.
    """
    answer: Future[pyarrow.Table] = Future()

    def work() -> None:
        try:
            relation = connection.sql(sql)
            if relation is None:
                raise UsageError("the statement returns no rows")
            answer.set_result(relation.to_arrow_table())
        except BaseException as error:
            answer.set_exception(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        return answer.result()
    except KeyboardInterrupt:
        while thread.is_alive():
            connection.interrupt()
            thread.join(_AGAIN)
        raise
    finally:
        thread.join()

"""How much memory the engine may use while it takes in files: the same for a small file and for a large one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import duckdb

from workbench.settings import get_settings

_PER_THREAD = 128
"""Megabytes that a thread of the engine needs to get on with its work."""


@contextmanager
def bounded(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Keep the engine within ``WORKBENCH_INGEST_MEMORY``, whatever it reads: what doesn't fit goes to disk."""
    most = get_settings().ingest_memory
    ((threads,),) = connection.execute("SELECT current_setting('threads')").fetchall()
    # What the engine holds already may be more than that; it then stays as it is.
    with suppress(duckdb.OutOfMemoryException):
        connection.execute(f"SET memory_limit = '{most}MB'")
    connection.execute(f"SET threads = {max(1, min(int(threads), most // _PER_THREAD))}")
    # A column of a row group may be larger than that; it is read page by page.
    connection.execute("SET disable_parquet_prefetching = true")
    try:
        yield
    finally:
        # The connection may be of no more use; the settings are its file's, as long as that is open.
        with suppress(duckdb.Error):
            connection.execute("RESET memory_limit")
            connection.execute("RESET threads")
            connection.execute("RESET disable_parquet_prefetching")

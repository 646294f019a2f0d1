"""How dbt, called in this process, gets at a DuckDB file that this process has open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.libraries.seldom import seldom
from workbench.warehouse.dbt import Target, environment


@seldom
@contextmanager
def reached(path: Path) -> Iterator[Target]:
    """Let dbt reach the file, of which the caller holds a connection, as long as the context is open."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.duckdb.credentials import DuckDBCredentials

    derived = DuckDBCredentials.path_derived_database_name
    # It takes the path for a URL, and what follows a # in it for a fragment.
    name = staticmethod(lambda path: derived(Path(path).name if path else path))
    with environment({"WORKBENCH_DUCKDB_PATH": str(path)}):
        DuckDBCredentials.path_derived_database_name = name
        try:
            yield Target("duckdb", "target")
        finally:
            DuckDBCredentials.path_derived_database_name = staticmethod(derived)
            # dbt-duckdb keeps the database open in the class, beyond the invocation.
            kept, DuckDBConnectionManager._ENV = DuckDBConnectionManager._ENV, None
            if kept is not None:
                kept.close()

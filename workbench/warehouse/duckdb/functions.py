"""Which of DuckDB's functions only read."""

from __future__ import annotations

import duckdb

from workbench.warehouse.read_only import Calls, does_more

# Functions that give another answer each time, but do nothing else.
_HARMLESS = (
    "random", "uuid", "gen_random_uuid", "uuidv4", "uuidv7", "current_query", "current_query_id",
    "current_connection_id", "current_transaction_id", "stats", "vector_type", "error",
)  # fmt: skip
_TABLES = ("range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree", "summary")
_ABOUT = ("duckdb_", "pragma_", "icu_", "pg_")


def hold_to_reading(connection: duckdb.DuckDBPyConnection, calls: Calls) -> None:
    """Check that a statement's functions only read, by what the engine itself knows of them.

    Raises:
        UsageError: one has effects, or makes a table of something else than is known.
    """
    if not calls.names:
        return
    kinds = connection.execute(
        "SELECT function_name, function_type, bool_or(has_side_effects) FROM duckdb_functions() "
        "WHERE lower(function_name) IN (SELECT unnest(?)) GROUP BY ALL",
        [sorted(calls.names)],
    ).fetchall()
    for name, kind, has_effects in kinds:
        if kind in ("table", "pragma"):
            refused = name.lower() in calls.tables and not name.startswith(_ABOUT) and name not in _TABLES
        else:
            refused = bool(has_effects) and name not in _HARMLESS
        if refused:
            raise does_more(str(name))

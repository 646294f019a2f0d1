"""What psycopg is told: times in UTC, and what Python has no date for comes as text."""

from __future__ import annotations

from typing import Any


def prepare(connection: Any) -> None:
    """Prepare a new connection: a day such as infinity, or a time such as 24:00, fails no other row."""
    import psycopg
    from psycopg.types import datetime as loaders

    def tolerant(loader: type[Any]) -> type[Any]:
        def load(self: Any, data: Any) -> Any:
            try:
                return loader.load(self, data)
            except (psycopg.DataError, OverflowError, ValueError):
                return bytes(data).decode()

        return type(loader.__name__, (loader,), {"load": load})

    for name, loader in (
        ("date", loaders.DateLoader),
        ("time", loaders.TimeLoader),
        ("timetz", loaders.TimetzLoader),
        ("timestamp", loaders.TimestampLoader),
        ("timestamptz", loaders.TimestamptzLoader),
        ("interval", loaders.IntervalLoader),
    ):
        connection.adapters.register_loader(name, tolerant(loader))
    with connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
        cursor.execute("SET default_transaction_read_only = on")
    connection.commit()

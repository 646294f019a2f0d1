"""What drivers of PostgreSQL are told: times in UTC, JSON in its own words, and what Python has no date for as text."""

from __future__ import annotations

from typing import Any

from workbench.sources.pulls.database.typed import Json, decoded

_NO_CHARACTER = "22021"
"""The code of PostgreSQL's error of bytes that are none of the characters of an encoding."""


def prepare(driver: str, connection: Any) -> None:
    """Prepare a new connection of a driver: a day such as infinity, or a time such as 24:00, fails no other row."""
    if driver == "psycopg":
        _prepare_psycopg(connection)
    elif driver == "psycopg2":
        _prepare_psycopg2(connection)


def _prepare_psycopg(connection: Any) -> None:
    import psycopg
    from psycopg.types import datetime as loaders

    def tolerant(loader: type[Any]) -> type[Any]:
        def load(self: Any, data: Any) -> Any:
            try:
                return loader.load(self, data)
            except (psycopg.DataError, OverflowError, ValueError):
                return bytes(data).decode()

        return type(loader.__name__, (loader,), {"load": load})

    class TextLoader(psycopg.types.string.TextLoader):
        def load(self, data: Any) -> Any:
            return str(data, self._encoding) if self._encoding else decoded(bytes(data))

    class JsonLoader(TextLoader):
        def load(self, data: Any) -> Any:
            return Json(super().load(data))

    # A database of SQL_ASCII doesn't know how its texts are encoded: as text they come only if we say how.
    if connection.info.encoding == "ascii":
        for kind in (0, "bpchar", "name", "text", "varchar", '"char"'):
            connection.adapters.register_loader(kind, TextLoader)
    for name, loader in (
        ("date", loaders.DateLoader),
        ("time", loaders.TimeLoader),
        ("timetz", loaders.TimetzLoader),
        ("timestamp", loaders.TimestampLoader),
        ("timestamptz", loaders.TimestamptzLoader),
        ("interval", loaders.IntervalLoader),
    ):
        connection.adapters.register_loader(name, tolerant(loader))
    for name in ("json", "jsonb"):
        connection.adapters.register_loader(name, JsonLoader)
    with connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
        cursor.execute("SET default_transaction_read_only = on")
    connection.commit()


def _prepare_psycopg2(connection: Any) -> None:
    import psycopg2
    from psycopg2 import extensions

    def tolerant(own: Any) -> Any:
        def cast(text: str | None, cursor: Any) -> Any:
            # It takes infinity for the last day of the year 9999, and 24:00 for the beginning of a day.
            if text is None or "infinity" in text or text.startswith("24:"):
                return text
            try:
                return own(text, cursor)
            except (psycopg2.Error, OverflowError, ValueError):
                return text

        return extensions.new_type(own.values, own.name, cast)

    def as_bytes(text: str | None, cursor: Any) -> bytes | None:
        return None if text is None else bytes(psycopg2.BINARY(text, cursor))

    def as_json(text: str | None, _: Any) -> Json | None:
        return None if text is None else Json(text)

    for name in ("DATE", "TIME", "PYDATETIME", "PYDATETIMETZ", "INTERVAL"):
        extensions.register_type(tolerant(getattr(extensions, name)), connection)
    for oid, array, name, cast in (
        (17, 1001, "BYTEA", as_bytes),
        (114, 199, "JSON", as_json),
        (3802, 3807, "JSONB", as_json),
    ):
        one = extensions.new_type((oid,), name, cast)
        extensions.register_type(one, connection)
        extensions.register_type(extensions.new_array_type((array,), f"{name}ARRAY", one), connection)
    # Of a transaction, not of the session: it is what Redshift takes, too.
    connection.readonly = True
    with connection.cursor() as cursor:
        cursor.execute("SET timezone TO 'UTC'")
    connection.commit()


def advice(error: Any) -> str:
    """Return what to do about an error of a driver, as the end of a sentence; empty if it isn't about how texts are encoded."""
    code = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    if not isinstance(error, UnicodeError) and code != _NO_CHARACTER:
        return ""
    return "; say in the url how its texts are encoded, as ?client_encoding=latin1"

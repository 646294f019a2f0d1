"""A schema of its own for each test, and a short way to ask."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
import redshift_connector

from ..conftest import Connect, error_of

Ask = Callable[..., list[list[Any]]]
Refused = Callable[[str], tuple[str, str]]


@pytest.fixture
def connection(connect: Connect) -> redshift_connector.Connection:
    """A connection whose statements are committed one by one, in a schema of its own that comes first on its path."""
    opened = connect()
    opened.autocommit = True
    schema = f"test_{uuid.uuid4().hex[:12]}"
    cursor = opened.cursor()
    cursor.execute(f"CREATE SCHEMA {schema}")
    cursor.execute(f"SET search_path TO {schema}")
    return opened


@pytest.fixture
def schema(connection: redshift_connector.Connection) -> str:
    """The name of the test's schema."""
    cursor = connection.cursor()
    cursor.execute("SELECT current_schema()")
    return str(cursor.fetchone()[0])


@pytest.fixture
def ask(connection: redshift_connector.Connection) -> Ask:
    """Run a statement and return its rows, if it has any."""

    def ask(sql: str, *values: Any) -> list[list[Any]]:
        cursor = connection.cursor()
        cursor.execute(sql, values)
        return list(cursor.fetchall()) if cursor.description else []

    return ask


@pytest.fixture
def refused(ask: Ask) -> Refused:
    """Run a statement that must fail and return the SQLSTATE and the message."""

    def refused(sql: str) -> tuple[str, str]:
        with pytest.raises(redshift_connector.ProgrammingError) as raised:
            ask(sql)
        return error_of(raised)

    return refused

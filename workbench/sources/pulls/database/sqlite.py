"""What a driver of SQLite is told: a text that is no UTF-8, which SQLite takes from anybody, fails no other row."""

from __future__ import annotations

from typing import Any

from workbench.sources.pulls.database.typed import decoded


def prepare(_: str, connection: Any) -> None:
    """Prepare a new connection of a driver."""
    connection.text_factory = decoded

"""Cursors of every kind: none goes past a row, and one that is of no use any more is noticed."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import Any

import pytest

from tests.sources.pulls.conftest import Project
from workbench.sources.pulls.positions import Position


def run(project: Project, *statements: str) -> None:
    """Change the till's database, which is one of SQLite."""
    with sqlite3.connect(project.folder / "till.db") as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def till(cursor: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    """The declaration of its table of stores."""
    database = {"url": "sqlite:///till.db", "table": "stores"}
    found = {"database": database, "dataset": "stores", "key": ["store_id"], **more}
    return found if cursor is None else {**found, "cursor": cursor}


@pytest.mark.parametrize(
    ("first", "late"),
    [
        ("2026-01-02 10:05", "2026-01-02 10:05"),
        ("2026-01-02 10:05:00", "2026-01-02 10:05"),
        ("2026-01-02T10:05:30.25", "2026-01-02T10:05:30.25"),
        ("2026-01-02T10:05Z", "2026-01-02T10:05Z"),
        ("2026-01-02T10:05:00.5Z", "2026-01-02T10:05:00.5Z"),
        ("2026-01-02 10:05:00+02:00", "2026-01-02 10:05:00+02:00"),
        ("2026-01-02", "2026-01-02"),
        ("2026-01-02 00:00:00", "2026-01-02"),
    ],
)
def test_a_row_of_the_very_moment_of_the_cursor_lands(first: str, late: str, project: Project) -> None:
    run(project, "CREATE TABLE stores (store_id TEXT, updated_at TEXT)")
    run(project, f"INSERT INTO stores VALUES ('S1', '2025-12-31'), ('S2', '{first}')")
    project.declare(till=till({"column": "updated_at", "lag": "0s"}))
    assert project.pull("till").landed == 2
    run(project, f"INSERT INTO stores VALUES ('S3', '{late}')")
    outcome = project.pull("till")
    assert (outcome.said, outcome.read, outcome.landed) == (2, 2, 1)
    assert project.pull("till").landed == 0


def test_an_api_is_asked_for_a_time_as_its_records_have_it() -> None:
    for value, asked in (
        ("2026-01-02T10:05Z", "2026-01-02T10:05Z"),
        ("2026-01-02T10:05:00.250+02:00", "2026-01-02T10:05:00.000+02:00"),
        ("2026-01-02 00:00:00", "2026-01-02 00:00:00"),
        ("2026-01-02", "2026-01-02"),
    ):
        assert Position("text", value).back(timedelta(), as_written=True).shown == asked

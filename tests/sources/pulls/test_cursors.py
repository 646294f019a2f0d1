"""Cursors of every kind: none goes past a row, and one that is of no use any more is noticed."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import Any

import pytest

from tests.sources.pulls.api import Api
from tests.sources.pulls.conftest import Project, rest, stores
from workbench.errors import UsageError
from workbench.etl.pull import places
from workbench.settings import get_settings
from workbench.sources.pulls.positions import Position
from workbench.sources.pulls.reading import read_sources
from workbench.sources.pulls.trying import try_source


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


@pytest.mark.parametrize(
    ("value", "lag", "words"),
    [
        ("20260102100900", "2h", "cursor.lag: no lag can be taken off texts as '20260102100900'"),
        ("20260102100900", 500, "cursor.lag: no lag can be taken off texts"),
        ("31/12/2025", "1d", "cursor.column: days as '31/12/2025' don't sort by time"),
        ("1.2.2026 10:00", None, "cursor.column: days as '1.2.2026 10:00' don't sort by time"),
    ],
)
def test_a_text_that_is_no_time_is_refused_rather_than_its_lag_ignored(
    value: str, lag: Any, words: str, project: Project
) -> None:
    run(project, "CREATE TABLE stores (store_id TEXT, updated_at TEXT)")
    run(project, f"INSERT INTO stores VALUES ('S1', NULL), ('S2', '{value}')")
    project.declare(till=till({"column": "updated_at", **({} if lag is None else {"lag": lag})}))
    with pytest.raises(UsageError, match=words):
        try_source(read_sources(get_settings())["till"], get_settings(), places(project.warehouse).check)
    with pytest.raises(UsageError, match=words):
        project.pull("till")
    assert [row[0] for row in project.ledger()] == ["failed"]
    project.declare(till=till({"column": "updated_at", "lag": 0}))
    if value.isdigit():
        assert project.pull("till").landed == 2


def test_texts_that_only_look_like_days_are_a_cursor(project: Project) -> None:
    run(project, "CREATE TABLE stores (store_id TEXT, updated_at TEXT)")
    project.declare(till=till({"column": "updated_at"}))
    for value in ("1.2.345", "12.12.12.4", "26-01-02 10:00"):
        run(project, f"INSERT INTO stores VALUES ('{value}', '{value}')")
        assert project.pull("till").landed == 1


@pytest.mark.parametrize(
    ("values", "asked"),
    [
        ([1767225600.5, 1767225790.5, 1767225785.5], "1767225730.5"),
        (["1767225600", "1767225790", "1767225785"], "1767225730"),
        ([9.5, "100", 99], "40"),
    ],
)
def test_the_lag_is_taken_off_numbers_with_points_and_in_quotes(
    values: list[Any], asked: str, api: Api, project: Project
) -> None:
    first, newest, late = ({**each, "rev": v} for each, v in zip(stores(1, 3), values, strict=True))
    api.records = [first, newest]
    cursor = {"column": "rev", "parameter": "from", "lag": 60}
    project.declare(shop=rest(api, "/link", paging={"kind": "link"}, cursor=cursor))
    assert project.pull("shop").landed == 2
    # What an earlier version kept was a text.
    change = "UPDATE ops.pulls SET cursor_after = replace(cursor_after, 'number', 'text')"
    project.warehouse.run(lambda session: session.execute(change))
    api.records = [newest, late]
    assert project.pull("shop").landed == 1
    assert [each.get("from") for each in api.asked] == [None, asked]
    assert project.ledger("cursor_after")[-1] == (f"number {values[1]}",)

"""Clients as they are published, in an environment of their own: awswrangler and SQLAlchemy."""

from __future__ import annotations

import pytest

from .conftest import Run

FIRST = [[1, "a", 1.5], [2, "b", None]]
APPENDED = [[1, "a", 1.5], [2, "B", 2.0], [2, "b", None], [3, "c", 3.0]]
UPSERTED = [[1, "a", 1.5], [2, "B", 2.0], [3, "c", 3.0]]


def test_awswrangler_writes_frames_in_every_mode(run: Run) -> None:
    assert run("wrangling.py", "frames") == [FIRST, APPENDED, FIRST, UPSERTED, FIRST, FIRST, FIRST]


def test_awswrangler_copies_and_unloads_through_s3(run: Run) -> None:
    parts = ["name=B", "name=a", "name=c"]
    assert run("wrangling.py", "files") == [FIRST, APPENDED, FIRST, UPSERTED, UPSERTED, parts]


@pytest.mark.parametrize("driver", ["redshift_connector", "psycopg2"])
def test_sqlalchemy_makes_tables_and_keeps_transactions(run: Run, driver: str) -> None:
    rows = [[1, "A"], [2, None]]
    assert run("alchemy.py", f"work/{driver}") == [rows, True, [["KEY(id)", "id"]], [[2]], [True, False]]


@pytest.mark.parametrize("driver", ["redshift_connector", "psycopg2"])
def test_sqlalchemy_sees_what_is_there(run: Run, driver: str) -> None:
    columns = [["id", "BIGINT", False], ["name", "VARCHAR(8)", True], ["paid", "NUMERIC(8, 2)", True]]
    assert run("alchemy.py", f"reflection/{driver}") == [True, True, columns, [["1", "a", "1.5"]]]

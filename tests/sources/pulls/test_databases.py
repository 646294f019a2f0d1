"""Databases: a row that is committed late is taken once, types are kept, and nothing there is ever written."""

from __future__ import annotations

import os
import sqlite3
from decimal import Decimal
from typing import Any

import pyarrow.parquet
import pytest

from tests.postgres import PASSWORD
from tests.sources.pulls.conftest import Project, Till
from workbench.errors import UsageError, WorkFailed
from workbench.settings import get_settings
from workbench.sources.pulls.database.typed import table_of


def values(first: int, last: int, hour: int = 10, name: str = "x") -> str:
    """A statement that adds stores, one a minute."""
    rows = ", ".join(
        f"('S{n:02}', '2026-01-02 {hour:02}:{n:02}:00', '{name}')" for n in range(first, last + 1)
    )
    return f"INSERT INTO stores VALUES {rows};"


def test_each_row_lands_once_however_late_it_was_committed(till: Till, project: Project) -> None:
    project.declare(till=till.source(cursor={"column": "updated_at", "lag": "30m"}, rows_a_file=8))
    till.run(values(1, 20))
    outcome = project.pull("till")
    assert (outcome.said, outcome.read, outcome.landed, len(outcome.files)) == (20, 20, 20, 3)
    assert str(outcome.cursor)[:16].replace("T", " ") == "2026-01-02 10:20"
    for change, read, landed in (
        (values(21, 21, 9), 20, 0),  # it is before the lag
        (
            "INSERT INTO stores VALUES ('S30', '2026-01-02 10:05:30', 'late'), ('S31', NULL, 'without a time');",
            22,
            2,
        ),
        ("UPDATE stores SET name = 'renamed' WHERE store_id = 'S07';", 22, 1),
        ("UPDATE stores SET name = 'x' WHERE store_id = 'S07';", 22, 1),
        ("DELETE FROM stores WHERE store_id IN ('S30', 'S31');", 20, 0),
        (values(40, 41, 11), 22, 2),
        ("DELETE FROM stores;", 0, 0),
    ):
        till.run(change)
        outcome = project.pull("till")
        assert (outcome.said, outcome.read, outcome.landed) == (read, read, landed), change
        assert project.pull("till").landed == 0
    assert project.ingest()["rows_landed"] == 26
    counts = project.warehouse.rows("SELECT count(DISTINCT store_id) AS n FROM raw.stores")
    assert counts == [{"n": 23}]
    # What lies before the lag is taken when it is asked for, as a whole or from a time on.
    till.run(values(21, 21, 9) + "INSERT INTO stores VALUES ('S22', '2026-01-02 11:41:00', 'y');")
    assert project.pull("till", since="2026-01-02 09:00:00").landed == 2
    # Rows before the lag aren't known any more: read again, they are repeats.
    assert project.pull("till", full=True).landed == 1
    assert project.ingest()["rows_duplicate"] == 1


def test_a_word_among_times_hides_no_later_row(project: Project) -> None:
    path = project.folder / "till.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE stores (store_id TEXT, updated_at TEXT)")
        connection.execute("INSERT INTO stores VALUES ('S1', 'n/a'), ('S2', '2026-01-02 10:00:00')")
    project.declare(till={
        "database": {"url": "sqlite:///till.db", "table": "stores"}, "dataset": "stores", "key": ["store_id"],
        "cursor": {"column": "updated_at"},
    })  # fmt: skip
    assert project.pull("till").landed == 2
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO stores VALUES ('S3', '2026-01-03 10:00:00')")
    assert (project.pull("till").landed, project.pull("till").landed) == (1, 0)


def test_a_map_that_does_not_fit_is_told_without_the_file_between(project: Project) -> None:
    with sqlite3.connect(project.folder / "till.db") as connection:
        connection.execute("CREATE TABLE stores (id TEXT, at TEXT)")
        connection.execute("INSERT INTO stores VALUES ('S1', '2026-01-02 10:00:00')")
    (project.folder / "m.yaml").write_text("dataset: stores\ncolumns: {store_id: id, updated_at: at}\n")
    project.declare(
        till={"database": {"url": "sqlite:///till.db", "table": "stores"}, "map": "m.yaml", "key": ["id"]}
    )
    with pytest.raises(UsageError, match=r"^source till: map, column 'updated_at': 'at' is a column of"):
        project.pull("till")


def test_a_full_reading_lands_what_changed(till: Till, project: Project) -> None:
    project.declare(
        till=till.source(
            database={"query": "SELECT store_id, updated_at, name || ':a %' AS name FROM stores -- all"}
        )
    )
    till.run(values(1, 9))
    assert project.pull("till").landed == 9
    till.run(values(10, 10) + "UPDATE stores SET name = 'z' WHERE store_id = 'S01';")
    outcome = project.pull("till")
    assert (outcome.said, outcome.read, outcome.repeated, outcome.landed) == (10, 10, 8, 2)
    till.run("DELETE FROM stores;")
    project.declare(till=till.source(database={"count": False}))
    outcome = project.pull("till")
    assert (outcome.said, outcome.landed) == (None, 0)
    project.ingest()
    names = project.warehouse.rows("SELECT name FROM raw.stores WHERE store_id = 'S01' ORDER BY _ingested_at")
    assert sorted(row["name"] for row in names) == ["x:a %", "z:a %"]


def test_what_is_wrong_is_told_without_a_secret(
    till: Till, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    till.run(values(1, 3))
    for source, words in (
        (till.source(database={"table": "nowhere"}), "nowhere"),
        (till.source(cursor={"column": "updatedat"}), "updatedat"),
        (till.source(key=["id"]), "key: unknown column 'id'"),
    ):
        project.declare(till=source)
        with pytest.raises((WorkFailed, UsageError), match=words) as caught:
            project.pull("till")
        assert "\n" not in str(caught.value) and "SELECT" not in str(caught.value)
    if till.kind == "postgres":
        for password in ("wr0ng-s3cret", PASSWORD):
            port = "&port=1" if password == PASSWORD else ""
            monkeypatch.setenv("TILL_PASSWORD", password)
            monkeypatch.setenv(
                "TILL_URL",
                f"postgresql+psycopg://reader:{password.replace('/', '%2F').replace('@', '%40')}@/x?host=/nowhere",
            )
            for url in (till.url + port, "env:TILL_URL"):
                project.declare(till=till.source(database={"url": url}))
                with pytest.raises(WorkFailed) as caught:
                    project.pull("till")
                assert caught.value.__context__ is None
                everything = str(caught.value) + repr(project.ledger("*"))
                assert password not in everything and "p%40ss" not in everything
        monkeypatch.setenv("TILL_URL", "no url at all")
        with pytest.raises(UsageError, match="url: it is no SQLAlchemy URL"):
            project.pull("till")
    assert project.landed() == [] and {row[0] for row in project.ledger()} == {"failed"}


def test_numbers_beside_a_text_are_plain_decimals() -> None:
    rows = [(1e-07,), (2.5e16,), (3,), ("n/a",), (Decimal("1E+3"),), (float("inf"),)]
    found = table_of(["price"], rows)["price"].to_pylist()
    assert found == ["0.0000001", "25000000000000000", "3", "n/a", "1000", "inf"]


def test_types_are_kept_and_odd_values_fail_no_others(
    project: Project, postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILL_PASSWORD", PASSWORD)
    url = f"postgresql+psycopg://reader:{{env:TILL_PASSWORD}}@/postgres?host={postgres.socket.parent}"
    postgres.run(
        """
        DROP TABLE IF EXISTS odd;
        CREATE TABLE odd (id int, price numeric(12, 4), big numeric, at timestamptz, day date, ok boolean, body bytea,
            doc jsonb, no text, "Größe" double precision, area numeric, opens time, shuts timetz, span interval);
        INSERT INTO odd VALUES
            (1, 1.10, 1e60, '2026-01-02 10:00:00.5+02', '2026-01-02', true, 'text', '{"a": [1]}', NULL, 0.5, 1.5, '09:00', '09:00+01',
                '1 day'),
            (2, NULL, 'NaN', 'infinity', '-infinity', NULL, decode('ff00', 'hex'), '"x"', NULL, 'NaN',
                'NaN', '24:00', '24:00+01', '9999999 years');
        GRANT SELECT ON odd TO reader;
        """
    )
    project.declare(odd={"database": {"url": url, "table": "odd"}, "dataset": "stores"})
    assert project.pull("odd").landed == 2
    (file,) = (get_settings().landing / "stores").glob("*.parquet")
    table = pyarrow.parquet.read_table(file)
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds == {
        "id": "int64", "price": "decimal128(5, 4)", "big": "string", "at": "string", "day": "string", "ok": "bool",
        "body": "string", "doc": "string", "no": "string", "Größe": "double", "area": "string", "opens": "string", "shuts": "string", "span": "string",
    }  # fmt: skip
    one, two = table.to_pylist()
    assert (str(one["price"]), one["at"], one["doc"]) == (
        "1.1000",
        "2026-01-02 08:00:00.500000+00:00",
        '{"a": [1]}',
    )
    assert (two["at"], two["day"], two["body"], two["big"]) == ("infinity", "-infinity", "\\xff00", "NaN")
    assert (one["opens"], two["opens"], two["shuts"]) == ("09:00:00", "24:00:00", "24:00:00+01")
    assert (one["span"], two["span"]) == ("1 day, 0:00:00", "9999999 years")
    columns = (
        [Decimal("Infinity"), Decimal("1.5"), None],
        [Decimal("sNaN")],
        [Decimal("-Infinity"), Decimal("NaN")],
    )
    texts = [table_of(["area"], [[each] for each in values]).column("area").to_pylist() for values in columns]
    assert texts == [["Infinity", "1.5", None], ["sNaN"], ["-Infinity", "NaN"]]
    with pytest.raises(WorkFailed, match="read-only"):
        project.declare(odd={"database": {"url": url, "query": "SELECT nextval('s')"}, "dataset": "stores"})
        postgres.run("CREATE SEQUENCE IF NOT EXISTS s; GRANT ALL ON SEQUENCE s TO reader;")
        project.pull("odd")
    assert os.environ["TILL_PASSWORD"] == PASSWORD

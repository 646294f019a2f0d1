"""Words and values of databases: a query runs as it was written, and what it yields lands with all that it is."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import date
from typing import Any

import pyarrow.parquet
import pytest

from tests.postgres import PASSWORD
from tests.sources.pulls.conftest import Project
from workbench.errors import UsageError, WorkFailed
from workbench.settings import get_settings
from workbench.sources.pulls.database.typed import decoded
from workbench.sources.pulls.positions import Position
from workbench.sources.pulls.rows import hashed

DRIVERS = ["psycopg", "psycopg2"]
Url = Callable[..., str]


@pytest.fixture
def url(postgres: Any, monkeypatch: pytest.MonkeyPatch) -> Url:
    """The URL of PostgreSQL, by the name of a driver and that of a database."""
    monkeypatch.setenv("TILL_PASSWORD", PASSWORD)

    def told(driver: str, database: str = "postgres") -> str:
        pytest.importorskip(driver)
        host = postgres.socket.parent
        return f"postgresql+{driver}://reader:{{env:TILL_PASSWORD}}@/{database}?host={host}"

    return told


def landed(dataset: str = "stores") -> list[dict[str, Any]]:
    """The rows of all files of Parquet in landing, in the order of their numbers."""
    files = (get_settings().landing / dataset).glob("*.parquet")
    rows = [row for file in files for row in pyarrow.parquet.read_table(file).to_pylist()]
    return sorted(rows, key=lambda row: str(row["store_id"]))


@pytest.mark.parametrize("driver", DRIVERS)
def test_words_of_a_query_and_of_names_are_taken_as_they_are(
    project: Project, postgres: Any, url: Url, driver: str
) -> None:
    postgres.run(
        """
        DROP TABLE IF EXISTS "pct%t:x";
        CREATE TABLE "pct%t:x" (store_id int, "p%:a" int, a int[]);
        INSERT INTO "pct%t:x" VALUES (1, 10, '{1,2,3}'), (2, 5000, '{4,5,6}');
        GRANT SELECT ON "pct%t:x" TO reader;
        """
    )
    query = r"""SELECT *, a[:2] AS part, E'C\\:x' AS path, 'at :9 %(since)s 5%% :a' AS said, 7 % 4 AS rest FROM "pct%t:x" """
    for more in ({"table": "pct%t:x"}, {"query": query}):
        database = {"url": url(driver), **more}
        project.declare(
            till={
                "database": database,
                "dataset": "stores",
                "key": ["store_id"],
                "cursor": {"column": "p%:a"},
            }
        )
        project.pull("till", full=True)
        # From a cursor on, a value goes with the statement.
        again = project.pull("till")
        assert (again.said, again.read, again.landed) == (1, 1, 0)
    (row,) = [row for row in landed() if row["store_id"] == 1 and "part" in row]
    assert (row["part"], row["path"], row["said"], row["rest"]) == (
        "[1, 2]",
        r"C\:x",
        "at :9 %(since)s 5%% :a",
        3,
    )


def test_words_of_a_query_of_sqlite_are_taken_as_they_are(project: Project) -> None:
    with sqlite3.connect(project.folder / "till.db") as connection:
        connection.execute('CREATE TABLE stores (store_id INTEGER, "p%:a?" INTEGER)')
        connection.execute("INSERT INTO stores VALUES (1, 10), (2, 5000)")
    query = r"""SELECT *, 'C\:x :9 ? 5%% ' AS said FROM stores"""
    database = {"url": "sqlite:///till.db", "query": query}
    project.declare(till={"database": database, "dataset": "stores", "cursor": {"column": "p%:a?"}})
    assert (project.pull("till").read, project.pull("till").read) == (2, 1)
    assert {row["said"] for row in landed()} == {r"C\:x :9 ? 5%% "}


@pytest.mark.parametrize("driver", DRIVERS)
def test_json_keeps_its_digits(project: Project, postgres: Any, url: Url, driver: str) -> None:
    document = '{"e": 0.1, "p": 12345678901234567.89, "ä": [1.10, null]}'
    query = f"""
        SELECT 1 AS store_id, '{document}'::json AS a, '{document}'::jsonb AS b, ARRAY['{document}'::json, NULL] AS c,
            ARRAY['{document}'::jsonb, '"x"'] AS d, '"x"'::jsonb AS e, NULL::json AS f, '{{1.5,NaN}}'::float8[] AS g
    """
    source = {"database": {"url": url(driver), "query": query}, "dataset": "stores", "key": ["store_id"]}
    project.declare(till=source)
    project.pull("till")
    assert project.pull("till").repeated == 1
    assert landed() == [
        {
            "store_id": 1, "a": document, "b": document, "c": f"[{document}, null]", "d": f'[{document}, "x"]',
            "e": '"x"', "f": None, "g": '[1.5, "NaN"]',
        }
    ]  # fmt: skip


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_row_is_known_by_what_its_values_are(
    project: Project, postgres: Any, url: Url, driver: str
) -> None:
    query = """
        SELECT 1 AS store_id, 'text'::bytea AS a, ARRAY[decode('ff', 'hex')] AS b, 'infinity'::timestamptz AS c, '24:00'::time AS d,
            '0044-03-15 BC'::date AS e, '2026-01-02 10:00+02'::timestamptz AS f, '9999999 years'::interval AS g
    """
    source = {"database": {"url": url(driver), "query": query}, "dataset": "stores"}
    project.declare(till=source)
    assert (project.pull("till").landed, project.pull("till").landed) == (1, 0)
    (row,) = landed()
    assert {**row, "f": str(row["f"])[:16]} == {
        "store_id": 1, "a": "text", "b": r'["\\xff"]', "c": "infinity", "d": "24:00:00", "e": "0044-03-15 BC",
        "f": "2026-01-02 08:00", "g": "9999999 years",
    }  # fmt: skip
    project.declare(till={**source, "database": {**source["database"], "query": "SELECT nextval('n')"}})
    postgres.run("CREATE SEQUENCE IF NOT EXISTS n; GRANT ALL ON SEQUENCE n TO reader;")
    with pytest.raises(WorkFailed, match="read-only"):
        project.pull("till")


def test_no_hash_is_of_a_place_in_memory() -> None:
    data = b"\xff\x00"
    assert hashed([data]) == hashed([memoryview(data)]) == hashed([bytearray(data)])
    assert hashed({"b", "a", "c"}) == hashed({"c", "a", "b"}) != hashed({"a", "b"})
    assert hashed({date(2026, 1, 1): data}) == hashed({date(2026, 1, 1): memoryview(data)})
    for value in (object(), [iter(())]):
        with pytest.raises(UsageError, match=r"a value of type \w+ has no text that is its content; cast it"):
            hashed(value)


def odd_stores(project: Project, source: dict[str, Any]) -> list[dict[str, Any]]:
    """Pull stores of which the second has a name that is no UTF-8, ingest them, and return those that were taken in."""
    project.declare(till={"dataset": "stores", "key": ["store_id"], "cursor": {"column": "city"}, **source})
    outcome = project.pull("till")
    assert (outcome.read, outcome.landed, project.pull("till").landed, outcome.cursor) == (3, 3, 0, "C")
    counts = project.ingest()
    assert (counts["rows_accepted"], counts["rows_quarantined"]) == (2, 1)
    (refused,) = project.warehouse.rows("SELECT record, reasons FROM ops.quarantine")
    assert (refused["reasons"], json.loads(refused["record"])["name"]) == (["line:not_utf8"], "M\\xFC")
    return project.warehouse.rows("SELECT store_id, name, city, _extra FROM raw.stores ORDER BY store_id")


def test_a_text_that_is_no_utf_8_stops_no_other(project: Project) -> None:
    with sqlite3.connect(project.folder / "till.db") as connection:
        connection.execute(
            "CREATE TABLE stores (store_id TEXT, name TEXT, city TEXT, updated_at TEXT, odd TEXT)"
        )
        connection.execute(
            "INSERT INTO stores VALUES ('S1', 'Käse', 'A', '2026-01-02', 1), ('S2', CAST(x'4dfc' AS TEXT), 'B', "
            "'2026-01-02', 2), ('S3', 'x', 'C', '2026-01-02', CAST(x'41fc' AS TEXT))"
        )
    one, three = odd_stores(project, {"database": {"url": "sqlite:///till.db", "table": "stores"}})
    assert (one["name"], json.loads(one["_extra"])) == ("Käse", {"odd": "1"})
    assert (three["name"], json.loads(three["_extra"])) == ("x", {"odd": "A\\xFC"})
    assert Position.of(decoded(b"M\xfc")) is None


def test_a_database_that_knows_no_encoding_tells_its_texts(project: Project, postgres: Any, url: Url) -> None:
    postgres.run("DROP DATABASE IF EXISTS bytes")
    postgres.run("CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    postgres.run(
        r"""
        CREATE TABLE stores (store_id char(2), name text, city varchar(9), updated_at date, tags text[], doc jsonb);
        INSERT INTO stores VALUES ('S1', 'K\303\244se', 'A', '2026-01-02', '{\303\244}', '{"a": "\303\244"}'),
            ('S2', 'M\374', 'B', '2026-01-02', NULL, NULL), ('S3', 'x', 'C', '2026-01-02', '{\374}', 'null');
        GRANT SELECT ON stores TO reader;
        """,
        "bytes",
    )
    database = {"url": url("psycopg", "bytes"), "table": "stores"}
    one, three = odd_stores(project, {"database": database})
    assert (one["name"], json.loads(one["_extra"])) == ("Käse", {"tags": '["ä"]', "doc": '{"a": "ä"}'})
    assert (three["name"], json.loads(three["_extra"])) == ("x", {"tags": r"[\x22\xFC\x22]", "doc": "null"})
    for driver, more, words in (
        ("psycopg2", "", "can't decode byte"),
        ("psycopg2", "&client_encoding=utf8", "0xfc"),
        ("psycopg", "&client_encoding=utf8", "0xfc"),
    ):
        project.declare(
            till={"database": {**database, "url": url(driver, "bytes") + more}, "dataset": "stores"}
        )
        with pytest.raises(WorkFailed, match=f"{words}.*; say in the url how .*client_encoding=latin1"):
            project.pull("till")
    for driver in DRIVERS:
        latin = {**database, "url": url(driver, "bytes") + "&client_encoding=latin1"}
        project.declare(till={"database": latin, "dataset": "stores"})
        assert project.pull("till").read == 3
    assert "Mü" in {row["name"] for row in landed()}

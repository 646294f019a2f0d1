"""MERGE, UPDATE and DELETE by another table, and QUALIFY."""

from __future__ import annotations

import pytest

from .conftest import Ask, Refused


@pytest.fixture
def tables(ask: Ask) -> None:
    """A target and a source with one id in common."""
    ask("CREATE TABLE target (id int, name varchar(9))")
    ask("CREATE TABLE source (id int, name varchar(9))")
    ask("INSERT INTO target VALUES (1, 'one'), (2, 'old')")
    ask("INSERT INTO source VALUES (2, 'new'), (3, 'three')")


ALL = "SELECT * FROM target ORDER BY 1, 2"


def test_merge_updates_and_inserts(ask: Ask, tables: None) -> None:
    ask(
        "MERGE INTO target USING source ON target.id = source.id WHEN MATCHED THEN UPDATE SET name = source.name "
        "WHEN NOT MATCHED THEN INSERT VALUES (source.id, source.name)"
    )
    assert ask(ALL) == [[1, "one"], [2, "new"], [3, "three"]]


def test_merge_deletes_and_inserts(ask: Ask, tables: None) -> None:
    ask(
        "MERGE INTO target USING source AS s ON target.id = s.id WHEN MATCHED THEN DELETE "
        "WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, nvl(s.name, '?'))"
    )
    assert ask(ALL) == [[1, "one"], [3, "three"]]


def test_merge_removes_duplicates(ask: Ask, tables: None) -> None:
    ask("INSERT INTO target VALUES (2, 'older')")
    ask("MERGE INTO target USING source ON target.id = source.id REMOVE DUPLICATES")
    assert ask(ALL) == [[1, "one"], [2, "new"], [3, "three"]]


def test_two_rows_for_one_are_an_error(ask: Ask, refused: Refused, tables: None) -> None:
    ask("INSERT INTO source VALUES (2, 'newer')")
    assert (
        refused(
            "MERGE INTO target USING source ON target.id = source.id WHEN MATCHED THEN UPDATE SET name = source.name "
            "WHEN NOT MATCHED THEN INSERT VALUES (source.id, source.name)"
        )[0]
        == "21000"
    )
    assert ask(ALL) == [[1, "one"], [2, "old"]]


@pytest.mark.parametrize(
    "rest",
    [
        "AS t USING source ON t.id = source.id REMOVE DUPLICATES",
        "USING source ON target.id = source.id WHEN MATCHED THEN DELETE",
        "USING source ON target.id = source.id WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED THEN INSERT VALUES (1, 'a')",
    ],
    ids=["an alias of the target", "one branch alone", "DO NOTHING"],
)
def test_forms_that_only_postgresql_knows_are_refused(refused: Refused, tables: None, rest: str) -> None:
    assert refused(f"MERGE INTO target {rest}")[0] == "42601"


def test_update_and_delete_by_another_table(ask: Ask, tables: None) -> None:
    ask("UPDATE target SET name = source.name FROM source WHERE target.id = source.id")
    ask("DELETE FROM target USING source WHERE target.id = source.id + 1 - 1 AND source.name = 'new'")
    assert ask(ALL) == [[1, "one"]]


QUALIFIED = [
    ("SELECT * FROM t QUALIFY row_number() OVER (PARTITION BY g ORDER BY n DESC) = 1 ORDER BY g DESC", [[2, 5], [1, 2]]),
    ("SELECT g, n AS m FROM t WHERE n > 1 QUALIFY rank() OVER (PARTITION BY g ORDER BY m) = 1 ORDER BY m LIMIT 1", [[1, 2]]),
    ("SELECT g, row_number() OVER (ORDER BY n) AS place FROM t QUALIFY place = 3", [[2, 3]]),
    ("SELECT t.*, u.s FROM t JOIN u ON t.g = u.g QUALIFY row_number() OVER (ORDER BY t.n DESC) = 1", [[2, 5, "b"]]),
    ("SELECT count(*) FROM (SELECT * FROM (SELECT g, n FROM t) AS s QUALIFY row_number() OVER (ORDER BY n) < 3) AS q", [[2]]),
    ("WITH q AS (SELECT g, max(n) AS n FROM t GROUP BY g QUALIFY rank() OVER (ORDER BY max(n)) = 1) SELECT * FROM q", [[1, 2]]),
    ("SELECT n AS qualify FROM t WHERE n = 5", [[5]]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "wanted"), QUALIFIED, ids=[query for query, _ in QUALIFIED])
def test_qualify_filters_by_window_functions(ask: Ask, query: str, wanted: list[list[object]]) -> None:
    ask("CREATE TABLE t (g int, n int)")
    ask("CREATE TABLE u (g int, s varchar(3))")
    ask("INSERT INTO t VALUES (1, 1), (1, 2), (2, 5), (2, 3)")
    ask("INSERT INTO u VALUES (1, 'a'), (2, 'b')")
    assert ask(query) == wanted


def test_qualify_makes_tables_too(ask: Ask) -> None:
    ask("CREATE TABLE t (g int, n int)")
    ask("INSERT INTO t VALUES (1, 1), (1, 2)")
    ask(
        "CREATE TABLE latest AS SELECT g, n FROM t QUALIFY row_number() OVER (PARTITION BY g ORDER BY n DESC) = 1"
    )
    assert ask("SELECT * FROM latest") == [[1, 2]]


def test_a_form_of_qualify_that_is_not_imitated_says_so(ask: Ask, refused: Refused) -> None:
    ask("CREATE TABLE t (n int)")
    code, message = refused("SELECT DISTINCT n FROM t QUALIFY row_number() OVER (ORDER BY n) = 1")
    assert (code, "QUALIFY with SELECT DISTINCT" in message) == ("0A000", True)

"""Which tables a statement reads and writes, in either engine's words."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from workbench.schema import Dialect
from workbench.warehouse import statements
from workbench.warehouse.access import without_values
from workbench.warehouse.statements import Statements, full_names, tables_of

BOTH: tuple[Dialect, ...] = ("duckdb", "redshift")
Case = tuple[tuple[Dialect, ...], str, set[str], set[str], set[str]]
CASES: list[Case] = [
    (BOTH, "SELECT * FROM raw.stores AS s JOIN core.dim_store AS d ON d.store_id = s.store_id",
     {"raw.stores", "core.dim_store"}, set(), set()),
    (BOTH, 'SELECT * FROM "warehouse"."core"."DIM_STORE"', {"core.dim_store"}, set(), set()),
    (BOTH, "SELECT 1 WHERE EXISTS (SELECT 1 FROM raw.stores) AND 2 IN (SELECT n FROM sales_daily)",
     {"raw.stores", "sales_daily"}, set(), set()),
    (BOTH, "INSERT INTO core.dim_store (store_id) SELECT store_id FROM raw.stores",
     {"raw.stores"}, {"core.dim_store"}, set()),
    (BOTH, "UPDATE ops.alerts SET is_open = false FROM raw.stores", {"raw.stores"}, {"ops.alerts"}, set()),
    (BOTH, "DELETE FROM raw.stores USING core.dim_store WHERE stores.store_id = dim_store.store_id",
     {"core.dim_store"}, {"raw.stores"}, set()),
    (BOTH, "DELETE FROM raw.stores", set(), {"raw.stores"}, set()),
    (BOTH, "MERGE INTO raw.stores USING core.dim_store AS d ON stores.store_id = d.store_id "
     "WHEN MATCHED THEN DELETE", {"core.dim_store"}, {"raw.stores"}, set()),
    (BOTH, "TRUNCATE raw.stores", set(), {"raw.stores"}, set()),
    (BOTH, "CREATE TABLE marts.mine AS SELECT * FROM raw.stores", {"raw.stores"}, {"marts.mine"}, set()),
    (BOTH, "CREATE TEMP TABLE sales_daily AS SELECT * FROM raw.stores", {"raw.stores"}, set(), {"sales_daily"}),
    (BOTH, "DROP TABLE IF EXISTS marts.mine", set(), {"marts.mine"}, set()),
    (BOTH, "ALTER TABLE raw.stores ADD COLUMN x INTEGER", set(), {"raw.stores"}, set()),
    (BOTH, "COPY raw.stores FROM 'there' ", set(), {"raw.stores"}, set()),
    # A WITH hides a table of its name, but not in its own text, and not after it.
    (BOTH, "WITH s AS (SELECT * FROM raw.stores), t AS (SELECT * FROM s) SELECT * FROM t", {"raw.stores"}, set(), set()),
    (BOTH, "WITH sales_daily AS (SELECT * FROM sales_daily) SELECT * FROM sales_daily", {"sales_daily"}, set(), set()),
    (BOTH, "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT * FROM n",
     set(), set(), set()),
    (BOTH, "SELECT * FROM (WITH sales_daily AS (SELECT 1) SELECT * FROM sales_daily) AS a, sales_daily",
     {"sales_daily"}, set(), set()),
    (BOTH, "WITH s AS (SELECT * FROM raw.stores) SELECT * FROM core.s", {"raw.stores", "core.s"}, set(), set()),
    (BOTH, "BEGIN; INSERT INTO raw.stores SELECT * FROM core.dim_store; COMMIT", {"core.dim_store"}, {"raw.stores"}, set()),
    # None of these touches a row.
    (BOTH, "EXPLAIN SELECT * FROM raw.stores", set(), set(), set()),
    (BOTH, "COMMENT ON TABLE raw.stores IS 'x'", set(), set(), set()),
    (("redshift",), "LOCK ops.batches", set(), set(), set()),
    (("redshift",), "VACUUM raw.stores", set(), set(), set()),
    (("redshift",), "REFRESH MATERIALIZED VIEW marts.mv_top_products", set(), set(), set()),
    (("redshift",), "GRANT SELECT ON raw.stores TO somebody", set(), set(), set()),
    (("duckdb",), "DESCRIBE SELECT * FROM raw.stores", set(), set(), set()),
    (("duckdb",), "PRAGMA table_info('raw.stores')", set(), set(), set()),
    # What only one engine says.
    (("duckdb",), "FROM raw.stores", {"raw.stores"}, set(), set()),
    (("duckdb",), "SUMMARIZE raw.stores", {"raw.stores"}, set(), set()),
    (("duckdb",), "COPY raw.stores TO 'there.csv'", {"raw.stores"}, set(), set()),
    (("duckdb",), "COPY (SELECT * FROM raw.stores) TO 'there.csv' (FORMAT csv)", {"raw.stores"}, set(), set()),
    (("duckdb",), "EXPLAIN ANALYZE SELECT * FROM raw.stores", {"raw.stores"}, set(), set()),
    (("duckdb",), "INSERT INTO raw.stores BY NAME SELECT * FROM read_csv('a.csv')", set(), {"raw.stores"}, set()),
    (("redshift",), "COPY raw.stores (a) FROM 's3://b/c/' IAM_ROLE default FORMAT AS PARQUET", set(), {"raw.stores"}, set()),
    (("redshift",), "SELECT * INTO TEMP s FROM raw.stores", {"raw.stores"}, set(), {"s"}),
    (("redshift",), "CREATE TABLE #s AS SELECT * FROM raw.stores", {"raw.stores"}, set(), {"#s"}),
    (("redshift",), "ALTER TABLE raw.stores APPEND FROM staging.new", set(), {"raw.stores", "staging.new"}, set()),
    (("redshift",), "DECLARE c CURSOR FOR SELECT * FROM raw.stores", {"raw.stores"}, set(), set()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("dialect", "sql", "reads", "writes", "made"),
    [(dialect, sql, *rest) for dialects, sql, *rest in CASES for dialect in dialects],
)
def test_a_statement_tells_its_tables(
    dialect: Dialect, sql: str, reads: set[str], writes: set[str], made: set[str]
) -> None:
    for text in (sql, without_values(sql)):
        found = tables_of(text, dialect)
        assert found.understood
        assert (set(found.reads), set(found.writes), set(found.made)) == (reads, writes, made)


@pytest.mark.parametrize("sql", ["CALL core.tidy()", "SELEKT * FROM raw.stores", "SELECT (((", "'"])
@pytest.mark.parametrize("dialect", BOTH)
def test_what_is_not_understood_is_no_error(sql: str, dialect: Dialect) -> None:
    found = tables_of(sql, dialect)
    assert not found.understood and not found.reads and not found.writes


def test_names_are_found_as_the_engines_find_them() -> None:
    assert full_names(frozenset({"sales_daily", "dim_store", "stores", "raw.stores"})) == {
        "marts.sales_daily", "core.dim_store", "raw.stores",
    }  # fmt: skip
    assert full_names(frozenset({"sales_daily"}), made=frozenset({"sales_daily"})) == set()
    assert full_names(frozenset({"information_schema.columns", "pg_class"})) == set()
    assert full_names(frozenset({"marts.mine"})) == {"marts.mine"}
    # A report stands for the table that it sums up, by whichever of its names.
    for name in ("top_products", "marts.top_products", "marts.mv_top_products"):
        assert full_names(frozenset({name})) == {"core.fact_transactions"}


def test_neither_values_nor_comments_are_kept() -> None:
    sql = """
        SELECT "it's", 'it''s', $$ so's this $$, 12.5e3, x1 -- don't
        /* 'nor' "this" */ FROM raw.stores WHERE name = 'secret' AND n > 7
        AND day > date_trunc('month', now()) - INTERVAL '7 days' AND id IN (SELECT id FROM rows_0123456789abcdef0123456789abcdef)
    """
    found = without_values(sql)
    assert found == without_values(
        sql.replace("secret", "other").replace("12.5e3", "1").replace("89abcdef", "77777777")
    )
    assert "secret" not in found and "so's" not in found and "don't" not in found and "nor" not in found
    assert '"it\'s"' in found and "x1" in found
    assert tables_of(found, "duckdb").reads == {"raw.stores", "rows_x"}


def test_a_statement_is_parsed_once_and_known_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cache" / "statements.jsonl"
    sql = "INSERT INTO core.dim_store SELECT * FROM raw.stores"
    first = Statements(path).tables(sql, "duckdb")
    assert Statements(path).tables("CALL core.tidy()", "duckdb").understood is False
    assert len(path.read_text().splitlines()) == 1
    path.write_text('not json\n["k"]\n' + path.read_text() + '["torn')
    # Whoever parsed now would fail: there is no parser.
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    statements._tables_of.cache_clear()
    assert Statements(path).tables(sql, "duckdb") == first
    assert first.writes == {"core.dim_store"} and first.reads == {"raw.stores"}

"""Late-binding views and materialized views."""

from __future__ import annotations

from decimal import Decimal

from .conftest import Ask, Refused


def test_a_late_binding_view_survives_its_table_and_takes_up_the_new_one(
    ask: Ask, refused: Refused, schema: str
) -> None:
    ask("CREATE TABLE t (id int)")
    ask("INSERT INTO t VALUES (1)")
    ask(f"CREATE VIEW late AS SELECT * FROM {schema}.t WITH NO SCHEMA BINDING")
    assert ask("SELECT * FROM late") == [[1]]
    ask("DROP TABLE t")
    assert refused("SELECT * FROM late")[0] == "42P01"
    ask("CREATE TABLE t (id bigint, name varchar(9), amount decimal(8, 2))")
    ask("INSERT INTO t VALUES (5000000000, 'new', 1.5)")
    assert ask("SELECT * FROM late") == [[5000000000, "new", Decimal("1.50")]]


def test_a_late_binding_view_may_come_before_its_table(ask: Ask, refused: Refused, schema: str) -> None:
    ask(f"CREATE VIEW early AS SELECT n, n * 2 AS twice FROM {schema}.coming WITH NO SCHEMA BINDING")
    assert refused("SELECT * FROM early")[0] == "42P01"
    ask("CREATE TABLE coming AS SELECT 4 AS n")
    assert ask("SELECT twice FROM early") == [[8]]


def test_a_late_binding_view_is_swapped_by_renaming_as_dbt_does(ask: Ask, schema: str) -> None:
    ask("CREATE TABLE a (n int)")
    ask("INSERT INTO a VALUES (1)")
    ask(f"CREATE VIEW v AS SELECT n FROM {schema}.a WITH NO SCHEMA BINDING")
    ask(f"CREATE VIEW v_new (m) AS SELECT n + 1 FROM {schema}.a WITH NO SCHEMA BINDING")
    ask("ALTER TABLE v RENAME TO v_old")
    ask("ALTER TABLE v_new RENAME TO v")
    ask("DROP VIEW IF EXISTS v_old CASCADE")
    assert ask("SELECT m FROM v") == [[2]]
    ask(f"CREATE OR REPLACE VIEW v AS SELECT 'x' AS s, n FROM {schema}.a WITH NO SCHEMA BINDING")
    assert ask("SELECT * FROM v") == [["x", 1]]
    assert ask(
        f"SELECT column_name FROM svv_columns WHERE table_schema = '{schema}' AND table_name = 'v' ORDER BY ordinal_position"
    ) == [["s"], ["n"]]


def test_a_bound_view_holds_its_table(ask: Ask, refused: Refused) -> None:
    ask("CREATE TABLE t (n int)")
    ask("CREATE VIEW bound AS SELECT n FROM t")
    assert refused("DROP TABLE t")[0] == "2BP01"
    ask("DROP TABLE t CASCADE")
    assert refused("SELECT * FROM bound")[0] == "42P01"


def test_a_wrong_query_makes_no_late_binding_view(refused: Refused) -> None:
    assert refused("CREATE VIEW v AS SELECT FROM FROM t WITH NO SCHEMA BINDING")[0] == "42601"


def test_a_materialized_view_answers_what_it_held_when_it_was_refreshed(ask: Ask, schema: str) -> None:
    ask("CREATE TABLE t (g int, n int)")
    ask("INSERT INTO t VALUES (1, 2)")
    ask(
        "CREATE MATERIALIZED VIEW mv BACKUP NO DISTSTYLE KEY DISTKEY (g) SORTKEY (g) AUTO REFRESH YES "
        "AS SELECT g, sum(n) AS total FROM t GROUP BY g"
    )
    ask("INSERT INTO t VALUES (1, 3)")
    assert ask("SELECT total FROM mv") == [[2]]
    ask("REFRESH MATERIALIZED VIEW mv")
    assert ask("SELECT total FROM mv") == [[5]]
    where = f"schema_name = '{schema}' AND name = 'mv'"
    assert ask(f"SELECT autorefresh FROM svv_mv_info WHERE {where}") == [["t"]]
    assert ask(f"SELECT autorefresh FROM stv_mv_info WHERE schema = '{schema}' AND name = 'mv'") == [["t"]]
    assert ask(f"SELECT diststyle, sortkey1 FROM svv_table_info WHERE \"schema\" = '{schema}' AND \"table\" = 'mv'") == [
        ["KEY(g)", "g"]
    ]  # fmt: skip
    ask("ALTER MATERIALIZED VIEW mv AUTO REFRESH NO")
    assert ask(f"SELECT autorefresh FROM svv_mv_info WHERE {where}") == [["f"]]
    ask("DROP MATERIALIZED VIEW mv")
    assert ask(f"SELECT * FROM svv_mv_info WHERE {where}") == []

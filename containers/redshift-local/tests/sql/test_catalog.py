"""What the system views answer of that which was declared."""

from __future__ import annotations

import pytest

from .conftest import Ask, Refused


@pytest.fixture
def tables(ask: Ask) -> None:
    """Tables of every design."""
    ask(
        "CREATE TABLE keyed (id bigint NOT NULL ENCODE az64, day date ENCODE raw SORTKEY, name varchar(40) ENCODE zstd) "
        "DISTSTYLE KEY DISTKEY (id)"
    )
    ask("CREATE TABLE everywhere (n int) DISTSTYLE ALL COMPOUND SORTKEY (n)")
    ask("CREATE TABLE even (a int, b int) DISTSTYLE EVEN INTERLEAVED SORTKEY (a, b)")
    ask("CREATE TABLE automatic (n int)")
    ask("CREATE TABLE made DISTKEY (id) SORTKEY (id, day) AS SELECT id, day FROM keyed")


def test_svv_table_info_has_the_design(ask: Ask, schema: str, tables: None) -> None:
    assert ask(
        'SELECT "table", diststyle, sortkey1, sortkey_num, sortkey1_enc, max_varchar, encoded FROM svv_table_info '
        f"WHERE \"schema\" = '{schema}' ORDER BY 1"
    ) == [
        ["automatic", "AUTO(ALL)", "AUTO(SORTKEY)", 0, None, None, "N"],
        ["even", "EVEN", "INTERLEAVED", 2, None, None, "N"],
        ["everywhere", "ALL", "n", 1, None, None, "N"],
        ["keyed", "KEY(id)", "day", 1, "raw", 40, "Y"],
        ["made", "KEY(id)", "id", 2, None, None, "N"],
    ]  # fmt: skip


def test_pg_table_def_has_each_column(ask: Ask, schema: str, tables: None) -> None:
    columns = 'SELECT "column", type, encoding, distkey, sortkey, "notnull" FROM pg_table_def '
    assert ask(f"{columns} WHERE schemaname = '{schema}' AND tablename = 'keyed'") == [
        ["id", "bigint", "az64", True, 0, True],
        ["day", "date", "raw", False, 1, False],
        ["name", "character varying(40)", "zstd", False, 0, False],
    ]
    assert ask(f"{columns} WHERE tablename = 'even'") == [
        ["a", "integer", "none", False, 1, False], ["b", "integer", "none", False, -2, False],
    ]  # fmt: skip
    ask("SET search_path TO public")
    assert ask(f"{columns} WHERE schemaname = '{schema}'") == []


def test_what_alter_changes_is_answered(ask: Ask, schema: str, refused: Refused, tables: None) -> None:
    for change in ("ALTER DISTKEY n", "ALTER SORTKEY (n)", "ALTER COLUMN n ENCODE delta"):
        ask(f"ALTER TABLE automatic {change}")
    found = f"FROM svv_table_info WHERE \"schema\" = '{schema}' AND \"table\" = 'automatic'"
    assert ask(f"SELECT diststyle, sortkey1, sortkey1_enc {found}") == [["KEY(n)", "n", "delta"]]
    ask("ALTER TABLE automatic ALTER DISTSTYLE ALL")
    ask("ALTER TABLE automatic ALTER SORTKEY NONE")
    assert ask(f"SELECT diststyle, sortkey1, sortkey_num {found}") == [["ALL", "AUTO(SORTKEY)", 0]]
    assert refused("ALTER TABLE automatic ALTER DISTKEY nothing")[0] == "42703"


def test_a_design_goes_with_its_table(ask: Ask, schema: str, tables: None) -> None:
    ask("DROP TABLE keyed CASCADE")
    ask("CREATE TABLE keyed (id bigint)")
    assert ask(f"SELECT diststyle FROM svv_table_info WHERE \"schema\" = '{schema}' AND \"table\" = 'keyed'") == [
        ["AUTO(ALL)"]
    ]  # fmt: skip


def test_tables_and_columns_are_listed_wherever_clients_look(ask: Ask, schema: str, tables: None) -> None:
    ask("COMMENT ON TABLE keyed IS 'By key'")
    assert ask(f"SELECT table_type, remarks FROM svv_all_tables WHERE schema_name = '{schema}' AND table_name = 'keyed'") == [
        ["TABLE", "By key"]
    ]  # fmt: skip
    assert ask(f"SELECT count(*) FROM svv_tables WHERE table_schema = '{schema}'") == [[5]]
    for view, place, column in (
        ("svv_columns", "table_schema", "data_type"),
        ("svv_all_columns", "schema_name", "data_type"),
        ("svv_redshift_columns", "schema_name", "encoding"),
        ("information_schema.columns", "table_schema", "data_type"),
    ):
        found = ask(
            f"SELECT column_name, {column} FROM {view} WHERE {place} = '{schema}' AND table_name = 'keyed' "
            "ORDER BY ordinal_position"
        )
        assert [name for name, _ in found] == ["id", "day", "name"]
        assert found[0][1] in ("bigint", "az64")
    assert [schema] in ask("SELECT schema_name FROM svv_all_schemas")


def test_show_lists_schemas_tables_and_columns(ask: Ask, schema: str, tables: None) -> None:
    assert [schema] == [row[1] for row in ask(f"SHOW SCHEMAS FROM DATABASE dev LIKE '{schema}'")]
    assert [row[2] for row in ask(f"SHOW TABLES FROM SCHEMA dev.{schema} LIKE 'e%'")] == [
        "even",
        "everywhere",
    ]
    assert [row[3] for row in ask(f"SHOW COLUMNS FROM TABLE dev.{schema}.keyed")] == ["id", "day", "name"]


def test_the_internals_are_not_listed(ask: Ask) -> None:
    assert ask("SELECT * FROM svv_all_tables WHERE schema_name = 'redshift_local'") == []

"""How tables are laid out on Redshift: each choice has its reason, and the server has it as declared."""

from __future__ import annotations

import re

import pytest

from tests.redshift import Cluster
from workbench.schema import REPORTS, SCHEMAS, TABLES, Table, create_table, encoding
from workbench.warehouse import Warehouse

ALL = sorted((table for table in TABLES.values() if not table.view), key=lambda table: table.full_name)
# The types that AZ64 takes, by the documentation of Redshift; ZSTD takes all.
AZ64 = {"SMALLINT", "INTEGER", "BIGINT", "DECIMAL", "DATE", "TIMESTAMP", "TIMESTAMPTZ"}
DEFINED = re.compile(r'^    "(\w+)" ([A-Z ]+?)(?:\([\d,]+\))?(?: NOT NULL)? ENCODE (\w+),?$', re.MULTILINE)


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.full_name)
def test_the_layout_of_a_table_has_its_reason(table: Table) -> None:
    assert len(table.why.split()) > 3
    assert table.sort
    assert set(table.sort) <= set(table.column_names)
    assert table.dist in ("all", "even") or table.column(table.dist).required


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.full_name)
def test_each_column_is_compressed_as_fits_its_type(table: Table) -> None:
    (create, *_) = create_table(table, "redshift")
    found = DEFINED.findall(create)
    assert [name for name, *_ in found] == list(table.column_names)
    for name, sql_type, compression in found:
        best = "AZ64" if sql_type in AZ64 else "ZSTD"
        assert compression == ("RAW" if name == table.sort[0] else best), name


def test_the_server_has_every_table_as_declared(
    redshift_warehouse: Warehouse, cluster: Cluster, redshift_database: str
) -> None:
    with cluster.session(redshift_database) as session:
        session.execute(f"SET search_path TO {', '.join(SCHEMAS)}")
        rows = session.execute(
            'SELECT schemaname, tablename, "column", encoding, distkey, sortkey FROM pg_table_def '
            f"WHERE schemaname IN ({', '.join(repr(schema) for schema in SCHEMAS)})"
        ).fetchall()
        styles = dict(
            session.execute('SELECT "schema" || \'.\' || "table", diststyle FROM svv_table_info').fetchall()
        )
    found = {(f"{schema}.{table}", column): values for schema, table, column, *values in rows}
    for table in ALL:
        wanted = {"all": "ALL", "even": "EVEN"}.get(table.dist, f"KEY({table.dist})")
        assert styles[table.full_name] == wanted
        for column in table.columns:
            compression, is_dist, place = found[table.full_name, column.name]
            raw = encoding(table, column) == "RAW"
            assert compression.lower() in (("raw", "none") if raw else (encoding(table, column).lower(),))
            assert is_dist == (column.name == table.dist)
            assert place == (table.sort.index(column.name) + 1 if column.name in table.sort else 0)


def test_reports_are_kept_by_materialized_views_that_refresh_by_themselves(
    redshift_warehouse: Warehouse, cluster: Cluster, redshift_database: str
) -> None:
    with cluster.session(redshift_database) as session:
        views = dict(
            session.execute("SELECT schema_name || '.' || name, autorefresh FROM svv_mv_info").fetchall()
        )
    assert set(views) == {report.materialized_name for report in REPORTS}
    assert set(views.values()) <= {"true", "t"}

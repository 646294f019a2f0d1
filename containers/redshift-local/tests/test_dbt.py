"""dbt through its unmodified adapter: this repository's project, and one with every kind of model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redshift_connector

from redshift_local import Address, RedshiftLocal

from .conftest import connect_to

ROOT = Path(__file__).parents[3]
pytest.importorskip("dbt.adapters.redshift", reason="dbt-redshift isn't installed: pip install dbt-redshift")

PROJECT = {
    "dbt_project.yml": "name: every\nversion: '1.0'\nconfig-version: 2\nprofile: every\nflags: {send_anonymous_usage_stats: false}\n",
    "profiles.yml": """
every:
  target: redshift
  outputs:
    redshift: {type: redshift, host: "{{ env_var('RS_HOST') }}", port: "{{ env_var('RS_PORT') | as_number }}",
      user: "{{ env_var('RS_USER') }}", password: "{{ env_var('RS_PASSWORD') }}", dbname: dev, schema: every, threads: 4}
""",
    "seeds/numbers.csv": "n,word\n1,one\n2,two\n",
    "models/wide.sql": "{{ config(materialized='table', dist='n', sort=['n', 'word']) }}\n"
    "select n, word {% if var('more', false) %}, n * 10 as ten {% endif %} from {{ ref('numbers') }}",
    "models/late.sql": "{{ config(materialized='view', bind=false) }} select * from {{ ref('wide') }}",
    "models/bound.sql": "{{ config(materialized='view') }} select word from {{ ref('numbers') }}",
    "models/grown.sql": "{{ config(materialized='incremental', unique_key='n', incremental_strategy='delete+insert') }}\n"
    "select n, getdate() as at from {{ ref('wide') }}",
    "models/merged.sql": "{{ config(materialized='incremental', unique_key='n', incremental_strategy='merge') }}\n"
    "select n, word from {{ ref('wide') }}",
    "models/kept.sql": "{{ config(materialized='materialized_view', auto_refresh=true, dist='even') }}\n"
    "select count(*) as words from {{ ref('numbers') }}",
    "models/tests.yml": "version: 2\nmodels: [{name: late, columns: [{name: n, data_tests: [unique, not_null]}]}]\n",
    "snapshots/history.yml": "snapshots: [{name: history, relation: ref('numbers'), config: {schema: every, unique_key: n, "
    "strategy: check, check_cols: all}}]\n",
}


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[Address]:
    """A server for dbt alone."""
    with RedshiftLocal(folder / "dbt") as running:
        yield running


def _dbt(address: Address, project: Path, state: Path, *arguments: str) -> list[dict[str, Any]]:
    """Run dbt and return what became of each node."""
    names = {
        "HOST": address.host,
        "PORT": str(address.port),
        "USER": address.user,
        "PASSWORD": address.password,
    }
    given = {
        f"{prefix}_{name}": value for prefix in ("RS", "WORKBENCH_REDSHIFT") for name, value in names.items()
    }
    given |= {"WORKBENCH_REDSHIFT_DATABASE": address.database, "SSL_CERT_FILE": str(address.ca)}
    done = subprocess.run(
        [
            Path(sys.executable).parent / "dbt", "--no-send-anonymous-usage-stats", "--no-version-check", "--no-use-colors",
            *arguments, "--project-dir", project, "--profiles-dir", project, "--target", "redshift",
            "--target-path", state / "target", "--log-path", state / "logs",
        ],
        env={**os.environ, **given}, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    return list(json.loads((state / "target/run_results.json").read_text())["results"])


def test_every_declared_table_is_made_and_has_its_design(address: Address) -> None:
    schema = pytest.importorskip("workbench.schema")
    _declare(address)
    connection = connect_to(address)
    cursor = connection.cursor()
    for table in (each for each in schema.TABLES.values() if not each.view):
        cursor.execute(
            'SELECT diststyle, sortkey_num FROM svv_table_info WHERE "schema" = %s AND "table" = %s',
            (table.schema, table.name),
        )
        dist = table.dist.upper() if table.dist in ("all", "even") else f"KEY({table.dist})"
        assert cursor.fetchall() == ([dist, len(table.sort)],), table.full_name
        cursor.execute(
            "SELECT column_name, is_nullable, remarks FROM svv_columns WHERE table_schema = %s AND table_name = %s "
            "ORDER BY ordinal_position",
            (table.schema, table.name),
        )
        assert [tuple(row) for row in cursor.fetchall()] == [
            (column.name, "YES" if column.nullable else "NO", column.comment) for column in table.columns
        ], table.full_name
    connection.close()


def test_the_projects_models_are_built_and_tested(address: Address, tmp_path: Path) -> None:
    _declare(address)
    connection = connect_to(address)
    cursor = connection.cursor()
    cursor.execute("SELECT count(*) FROM raw.stores")
    if cursor.fetchone() == [0]:
        _land(cursor)
    connection.commit()
    results = _dbt(address, ROOT / "dbt", tmp_path, "build")
    assert {one["status"] for one in results} <= {"success", "pass"}
    cursor.execute(
        "SELECT f.transaction_id, f.quantity, f.net_amount_reporting, f.store_name FROM marts.retail_sales AS f ORDER BY 1"
    )
    rows = [[str(value) for value in row] for row in cursor.fetchall()]
    assert rows == [["t1", "2.0000", "9.0000", "New name"], ["t2", "-1.0000", "-5.0000", "New name"]]
    cursor.execute("SELECT name, valid_to < '9999-01-01', is_current FROM core.dim_store ORDER BY valid_from")
    assert [list(row) for row in cursor.fetchall()] == [["Old name", True, False], ["New name", False, True]]
    connection.close()


def _declare(address: Address) -> None:
    """Make the tables that the package declares."""
    schema = pytest.importorskip("workbench.schema")
    ddl = pytest.importorskip("workbench.schema.ddl")
    connection = connect_to(address)
    cursor = connection.cursor()
    for statement in ddl.create_schemas():
        cursor.execute(statement)
    for table in schema.TABLES.values():
        for statement in schema.create_table(table, "redshift"):
            cursor.execute(statement)
    connection.commit()
    connection.close()


def _land(cursor: redshift_connector.Cursor) -> None:
    """Put two versions of a store and two sales into raw."""
    landed = ("batch", "2024-05-01 00:00:00")
    for number, (name, at) in enumerate((("Old name", "2024-01-01"), ("New name", "2024-02-01")), 1):
        cursor.execute(
            "INSERT INTO raw.stores (store_id, updated_at, name, _batch_id, _row_number, _ingested_at) "
            "VALUES ('s1', %s, %s, %s, %s, %s)",
            (at, name, landed[0], number, landed[1]),
        )
    for number, (sale, quantity, price) in enumerate((("t1", 2, "4.50"), ("t2", -1, "5.00")), 1):
        cursor.execute(
            "INSERT INTO raw.transactions (transaction_id, line_number, transaction_timestamp, product_id, store_id, quantity, "
            "unit_price, currency, _batch_id, _row_number, _ingested_at) "
            "VALUES (%s, 1, '2024-03-01 10:00:00', 'p1', 's1', %s, %s, 'USD', %s, %s, %s)",
            (sale, quantity, price, landed[0], number, landed[1]),
        )


def test_every_kind_of_model_is_built_and_built_again(address: Address, tmp_path: Path) -> None:
    for name, text in PROJECT.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    state = tmp_path / "state"
    connection = connect_to(address)
    connection.autocommit = True
    cursor = connection.cursor()
    first = _dbt(address, tmp_path, state, "build")
    assert {one["status"] for one in first} <= {"success", "pass"}
    cursor.execute("SELECT * FROM every.late ORDER BY n")
    assert cursor.fetchall() == ([1, "one"], [2, "two"])
    cursor.execute(
        "SELECT diststyle, sortkey1 FROM svv_table_info WHERE \"schema\" = 'every' AND \"table\" = 'wide'"
    )
    assert cursor.fetchall() == (["KEY(n)", "n"],)
    connection.close()
    # The table beneath the late-binding view is made anew, with a column more; the incremental ones are added to.
    second = _dbt(address, tmp_path, state, "build", "--vars", "{more: true}")
    assert {one["status"] for one in second} <= {"success", "pass"}
    third = _dbt(address, tmp_path, state, "run", "--select", "kept", "--full-refresh")
    assert [one["status"] for one in third] == ["success"]
    connection = connect_to(address)
    cursor = connection.cursor()
    cursor.execute("SELECT * FROM every.late ORDER BY n")
    assert cursor.fetchall() == ([1, "one", 10], [2, "two", 20])
    cursor.execute(
        "SELECT (SELECT count(*) FROM every.grown), (SELECT count(*) FROM every.merged), words FROM every.kept"
    )
    assert cursor.fetchall() == ([2, 2, 2],)
    cursor.execute("SELECT count(*), count(dbt_valid_to) FROM every_every.history")
    assert cursor.fetchall() == ([2, 0],)
    connection.close()

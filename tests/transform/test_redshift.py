"""The same models on a local Redshift, through dbt-redshift: the same tables as on DuckDB, and whole or not at all."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.parity import differences
from tests.redshift import Cluster
from tests.transform.conftest import Built
from tests.transform.feed import land_everything
from tests.transform.test_days import check_healing
from workbench import transform
from workbench.schema import TABLES
from workbench.transform import MODELS
from workbench.warehouse import Warehouse, connect
from workbench.warehouse.redshift import Address, RedshiftWarehouse

BUILD = "from workbench import transform; transform.build()"


@dataclass(frozen=True)
class Remote:
    """A database in which the feed has landed and was built once, the home it was built in, and what was said."""

    database: str
    home: Path
    result: transform.TransformResult


@pytest.fixture(scope="module")
def remote(cluster: Cluster, redshift_database: str, tmp_path_factory: pytest.TempPathFactory) -> Remote:
    home = tmp_path_factory.mktemp("remote") / "home"
    # Where dbt's statements are known, a build leaves nothing in it.
    home.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(home))
        for key, value in cluster.settings(redshift_database).items():
            patch.setenv(key, value)
        land_everything(connect())
        return Remote(redshift_database, home, transform.build())


@pytest.fixture
def filled(
    remote: Remote, cluster: Cluster, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Warehouse]:
    """A copy of all that, for one test."""
    shutil.copytree(remote.home, home)
    with cluster.database(remote.database) as name:
        for key, value in cluster.settings(name).items():
            monkeypatch.setenv(key, value)
        yield connect()


def test_every_table_has_the_rows_that_it_has_on_duckdb(
    built: Built, remote: Remote, filled: Warehouse
) -> None:
    result = remote.result
    assert [each.rows for each in result.models] == [each.rows for each in built.result.models]
    assert len(result.tests) == len(built.result.tests)
    found = [each for table in MODELS.values() for each in differences(table, built.warehouse, filled)]
    assert found == []
    assert filled.counts("marts.retail_sales")["marts.retail_sales"] > 10


def test_a_table_of_another_shape_is_made_anew_and_reports_over_it_come_back(filled: Warehouse) -> None:
    before = filled.query("SELECT sales_date, store_id, lines FROM marts.sales_by_store ORDER BY 1, 2")
    filled.execute("ALTER TABLE core.dim_store ADD COLUMN colour VARCHAR(8)")
    filled.execute("DROP TABLE core.fact_transactions CASCADE")
    transform.build()
    columns = filled.query("SELECT * FROM core.dim_store").column_names
    assert tuple(columns) == TABLES["core.dim_store"].column_names
    after = filled.query("SELECT sales_date, store_id, lines FROM marts.sales_by_store ORDER BY 1, 2")
    assert before.num_rows > 0 and after.equals(before)


@pytest.mark.soak
def test_damaged_days_come_out_as_a_whole_build_makes_them(filled: Warehouse) -> None:
    check_healing(filled)


def test_killed_in_the_middle_it_leaves_whole_tables(filled: Warehouse) -> None:
    names = [table.full_name for table in MODELS.values()]
    whole = filled.counts(*names)
    for seconds in (3.0, 4.5):
        process = subprocess.Popen([sys.executable, "-c", BUILD], start_new_session=True)
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert filled.counts(*names) == whole
    transform.build()
    assert filled.counts(*names) == whole


@pytest.mark.parametrize(
    ("url", "variables"),
    [
        (
            "redshift+iam://ana@shop/sales?region=eu-central-1",
            {
                "METHOD": "iam",
                "CLUSTER": "shop",
                "USER": "ana",
                "SERVERLESS": "False",
                "REGION": "eu-central-1",
            },
        ),
        (
            "redshift+iam://shop/sales?serverless=on",
            {"METHOD": "iam", "WORKGROUP": "shop", "SERVERLESS": "True", "CLUSTER": ""},
        ),
        (
            "redshift://ana@cluster.example:5440/sales?ssl=off",
            {"METHOD": "database", "HOST": "cluster.example", "PORT": "5440", "SSLMODE": "disable"},
        ),
    ],
    ids=["cluster", "serverless", "password"],
)
def test_dbt_is_told_how_to_log_in(url: str, variables: dict[str, str], tmp_path: Path) -> None:
    address = Address.parse(url, "a password")
    with RedshiftWarehouse(address).dbt_target() as target:
        given = {name: os.environ[f"WORKBENCH_REDSHIFT_{name}"] for name in variables}
        assert target.name == "redshift" and given == variables
        if address.iam and not address.serverless:
            # dbt reads its profile, and so checks the credentials, before it does anything.
            _parse(tmp_path)
    assert "WORKBENCH_REDSHIFT_SSLMODE" not in os.environ


def _parse(folder: Path) -> None:
    subprocess.run(
        [
            Path(sys.executable).parent / "dbt", "--quiet", "--no-send-anonymous-usage-stats", "parse",
            "--project-dir", "dbt", "--profiles-dir", "dbt", "--target", "redshift", "--target-path", folder,
            "--log-path", folder,
        ],
        check=True, timeout=600,
    )  # fmt: skip

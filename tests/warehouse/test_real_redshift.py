"""The contract of the engine, held by a Redshift of your own: ``pytest -m real_redshift``.

``WORKBENCH_TEST_REDSHIFT_URL`` names a database that may be written to and emptied; the settings of the engine
(``WORKBENCH_REDSHIFT_PASSWORD``, ``WORKBENCH_REDSHIFT_S3``, ``WORKBENCH_REDSHIFT_IAM_ROLE``) are read as ever. Every
declared table in it is emptied, so the database's name has to begin with ``test`` or ``workbench_test``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.warehouse import test_bulk, test_contract
from workbench.etl.ingest import ingest
from workbench.sources.files import land
from workbench.warehouse import Warehouse, connect
from workbench.warehouse.redshift import RedshiftWarehouse

pytestmark = pytest.mark.real_redshift

# Read as the tests are collected: each test begins with clean settings.
_SETTINGS = {
    name: value
    for name, value in os.environ.items()
    if name.startswith(("WORKBENCH_REDSHIFT_", "WORKBENCH_TEST_REDSHIFT_"))
}


@pytest.fixture
def either(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """The Redshift that the environment names, every table of it empty."""
    url = _SETTINGS.get("WORKBENCH_TEST_REDSHIFT_URL")
    if not url:
        pytest.skip("set WORKBENCH_TEST_REDSHIFT_URL to redshift://user@host:port/test…")
    for name, value in _SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WORKBENCH_WAREHOUSE_URL", url)
    warehouse = connect(create=True)
    assert isinstance(warehouse, RedshiftWarehouse)
    name = warehouse.address.database
    assert name.startswith(("test", "workbench_test")), (
        f"{name} might be somebody's: its name must begin with test"
    )
    filled = [name for name, rows in warehouse.counts().items() if rows]
    for name in filled:
        warehouse.execute(f"DELETE FROM {name}")
    yield warehouse


@pytest.fixture
def redshift_warehouse(either: Warehouse) -> Warehouse:
    """The same."""
    return either


test_every_declared_table_is_there_and_empty = test_contract.test_every_declared_table_is_there_and_empty
test_rows_come_back_with_their_exact_types = test_contract.test_rows_come_back_with_their_exact_types
test_few_rows_and_many_arrive_alike = test_contract.test_few_rows_and_many_arrive_alike
test_a_list_of_codes_is_a_list = test_contract.test_a_list_of_codes_is_a_list
test_a_frame_has_floats_and_moments = test_contract.test_a_frame_has_floats_and_moments
test_parameters_are_bound = test_contract.test_parameters_are_bound
test_names_are_looked_for_in_marts_then_core = test_contract.test_names_are_looked_for_in_marts_then_core
test_a_transaction_is_undone_by_an_error = test_contract.test_a_transaction_is_undone_by_an_error
test_several_tables_are_filled_together = test_contract.test_several_tables_are_filled_together_or_not_at_all
test_a_query_writes_nothing = test_contract.test_a_query_writes_nothing
test_an_unknown_column_is_one_clear_line = test_contract.test_an_unknown_column_is_one_clear_line
test_work_is_done_in_one_transaction = test_contract.test_work_is_done_in_one_transaction
test_maintenance_keeps_every_row = test_contract.test_maintenance_keeps_every_row
test_a_text_too_long_in_an_account_is_cut = test_bulk.test_a_text_too_long_in_an_account_is_cut


def test_rows_come_back_alike_by_the_driver_and_through_s3(either: Warehouse) -> None:
    either.append("raw.fraud_labels", test_bulk.labels(3000))
    sql = "SELECT * FROM raw.fraud_labels ORDER BY transaction_id"
    by_s3, by_driver = (either.query(sql, unload=way) for way in (True, False))
    assert by_s3.equals(by_driver)


def test_ingestions_at_once_double_nothing(either: Warehouse, tmp_path: Path) -> None:
    header = "store_id,updated_at,name"
    for name in "abc":
        (tmp_path / f"{name}.csv").write_text(
            f"{header}\n{name},2024-01-01T00:00:00Z,x\nsame,2024-01-01T00:00:00Z,x\n,,\n"
        )
        land(str(tmp_path / f"{name}.csv"), "stores")
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda _: ingest(either), range(3)))
    assert sum(len(result.batches) for result in results) == 3
    assert either.counts("raw.stores", "ops.quarantine", "ops.batches") == {
        "raw.stores": 6, "ops.quarantine": 3, "ops.batches": 3,
    }  # fmt: skip

"""A batch that is withdrawn: everything is as if its file had never landed, and nothing of it is lost."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.etl.sending_back.withdrawing import FIRST, STEPS, WRONG, build_first, content, raw, run, take
from workbench.errors import UsageError
from workbench.etl.customers import identify_people, standardize_customers
from workbench.etl.ingest import ingest
from workbench.execution import RunOptions, run_pipeline
from workbench.governance.filled import require_filled
from workbench.governance.ledger import find, recent
from workbench.governance.readers import READERS
from workbench.governance.withdrawal import restore, take_out, withdraw
from workbench.schema import DATASETS
from workbench.settings import get_settings
from workbench.transform.compiled import Project
from workbench.warehouse import Session, Warehouse, connect


@pytest.fixture(scope="module")
def first_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[str]]]:
    """DuckDB's file with the first deliveries, built once, and what they were built to."""
    folder = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_HOME", str(folder / "home"))
        patch.delenv("WORKBENCH_WAREHOUSE_URL", raising=False)
        warehouse = connect(create=True)
        built = build_first(warehouse, folder)
        warehouse.execute("CHECKPOINT")
    return folder / "home" / "warehouse.duckdb", built


@pytest.fixture
def first(
    warehouse: Warehouse, home: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> dict[str, list[str]]:
    """What the first deliveries were built to in this test's warehouse."""
    if not warehouse.is_embedded:
        return build_first(warehouse, tmp_path)
    file, built = request.getfixturevalue("first_file")
    shutil.copy(file, home / "warehouse.duckdb")
    shutil.copytree(file.parent / "landing", home / "landing", dirs_exist_ok=True)
    return dict(built)


@pytest.mark.parametrize(
    "either", ["duckdb", pytest.param("redshift", marks=pytest.mark.soak)], indirect=True
)
def test_what_was_built_with_a_batch_forgets_it_and_gets_it_back(
    warehouse: Warehouse, tmp_path: Path, first: dict[str, list[str]]
) -> None:
    landed = raw(warehouse)
    wrong = take(warehouse, tmp_path, WRONG, "wrong")
    run(warehouse)
    built, both = content(warehouse), raw(warehouse)
    same = {name for name, rows in built.items() if rows == first[name]}
    # One reading a series has no gaps, nothing was brought back, and all lines are of one day.
    assert same == {
        "core.dim_time", "core.dim_date", "marts.measurement_gaps", "marts.late_lines", "core.return_lines",
        "staging.receipt_matches", "staging.purchase_matches",
    }  # fmt: skip
    for dataset, batch in wrong.items():
        done = withdraw(warehouse, batch.batch_id, "not ours", "ann")
        assert (done.rows, done.batch.rows_withdrawn) == (batch.rows_accepted, batch.rows_accepted), dataset
        assert (done.batch.withdrawn_by, done.batch.withdrawn_why) == ("ann", "not ours")
    run(warehouse)
    assert content(warehouse) == first and raw(warehouse) == landed
    # The files lie there still, and are known.
    again = ingest(warehouse)
    assert (again.batches, again.known_files) == ((), 2 * len(DATASETS)) and not again.warnings
    for batch in wrong.values():
        assert restore(warehouse, batch.batch_id, "ours after all", "bob").batch == batch
    run(warehouse)
    assert content(warehouse) == built and raw(warehouse) == both
    audited = warehouse.query(
        "SELECT actor, action, object FROM ops.audit_log ORDER BY happened_at"
    ).to_pylist()
    moves = [(row["actor"], row["action"], row["object"]) for row in audited]
    ids = [batch.batch_id for batch in wrong.values()]
    assert moves == [
        *(("ann", "withdraw batch", batch) for batch in ids), *(("bob", "restore batch", batch) for batch in ids),
    ]  # fmt: skip


# Those whose batches a stage's Python reads, too; the others' are withdrawn by tests/transform/test_incremental_property.py.
# The statements are the same on Redshift, where each build takes three times as long.
@pytest.mark.parametrize(
    ("either", "dataset"),
    [
        pytest.param("duckdb", "transactions", marks=pytest.mark.soak), ("duckdb", "customers"),
        pytest.param("duckdb", "products", marks=pytest.mark.soak),
        pytest.param("redshift", "customers", marks=pytest.mark.soak),
    ],
    indirect=["either"],
)  # fmt: skip
def test_a_batch_of_one_dataset_is_forgotten_by_what_read_it(
    warehouse: Warehouse, tmp_path: Path, first: dict[str, list[str]], dataset: str
) -> None:
    wrong = take(warehouse, tmp_path, {dataset: WRONG[dataset]}, "wrong")
    run(warehouse)
    withdraw(warehouse, wrong[dataset].batch_id, "not ours", "ann")
    # Rows that land between are taken in beside.
    later = {"stores": "store_id,updated_at,name\nS5,2024-01-02T00:00:00Z,Five\n"}
    take(warehouse, tmp_path, later, "later")
    run(warehouse)
    found = content(warehouse)
    assert found.pop("core.dim_store") != first.pop("core.dim_store")
    assert found == first


def test_all_that_landed_can_be_withdrawn(warehouse: Warehouse, first: dict[str, list[str]]) -> None:
    for batch in recent(warehouse, 100):
        withdraw(warehouse, batch.batch_id, "a trial", "ann")
    run(warehouse)
    found = content(warehouse)
    assert {name for name, rows in found.items() if rows} == {"core.dim_time"}
    require_filled(warehouse, "core.fact_transactions")


def test_a_step_that_had_read_what_was_withdrawn_meanwhile_is_done_again(
    warehouse: Warehouse, tmp_path: Path, first: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = take(warehouse, tmp_path, {"customers": WRONG["customers"]}, "wrong")["customers"]
    read = warehouse.query

    def query(sql: str, parameters: Sequence[Any] = (), **options: Any) -> Any:
        found = read(sql, parameters, **options)
        if "_recency" in sql:
            withdraw(warehouse, wrong.batch_id, "not ours", "ann")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(warehouse, "query", query)
        standardize_customers(warehouse)
    identify_people(warehouse)
    run(warehouse)
    assert content(warehouse) == first


class _Broken:
    """A session that breaks off before one of its statements."""

    def __init__(self, session: Session, after: int) -> None:
        self._session, self.left = session, after

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        if not self.left:
            raise InterruptedError
        self.left -= 1
        return self._session.execute(sql, parameters)


def test_a_withdrawal_that_is_broken_off_leaves_everything(warehouse: Warehouse, tmp_path: Path) -> None:
    batch = take(warehouse, tmp_path, FIRST, "first")["transactions"]

    def everything() -> list[Any]:
        names = ("ops.batches", "ops.audit_log", "staging.touched", "withdrawn.transactions")
        return [raw(warehouse), *(warehouse.query(f"SELECT * FROM {name}").to_pylist() for name in names)]

    before, statements = everything(), 0
    while True:

        def work(session: Session, after: int = statements) -> None:
            take_out(_Broken(session, after), batch.batch_id, "not ours", "ann")

        try:
            warehouse.run(work)
        except InterruptedError:
            assert everything() == before, statements
            statements += 1
        else:
            break
    assert statements > 10 and everything() != before


def test_what_cannot_be_withdrawn_is_said(warehouse: Warehouse, tmp_path: Path) -> None:
    batches = take(warehouse, tmp_path, FIRST | {"stores": "store_id,name\nS1,Main\n"}, "first")
    with pytest.raises(UsageError, match="unknown batch"):
        withdraw(warehouse, "0" * 64, "why", "ann")
    with pytest.raises(UsageError, match="say why"):
        withdraw(warehouse, batches["events"].batch_id, " ", "ann")
    with pytest.raises(UsageError, match=r"none to withdraw \(rejected\)"):
        withdraw(warehouse, batches["stores"].batch_id, "why", "ann")
    with pytest.raises(UsageError, match="isn't withdrawn"):
        restore(warehouse, batches["events"].batch_id, "why", "ann")
    withdraw(warehouse, batches["events"].batch_id, "sent by mistake", "ann")
    with pytest.raises(
        UsageError, match="by ann: sent by mistake; put it back with: workbench batches restore"
    ):
        withdraw(warehouse, batches["events"].batch_id, "why", "bob")


def test_the_same_content_under_another_name_is_told(warehouse: Warehouse, tmp_path: Path) -> None:
    batch = take(warehouse, tmp_path, {"stores": FIRST["stores"]}, "first")["stores"]
    withdraw(warehouse, batch.batch_id, "not ours", "ann")
    folder = get_settings().landing / "stores"
    (folder / "again.csv").write_text(FIRST["stores"])
    result = ingest(warehouse)
    assert not result.batches
    (warning,) = result.warnings
    assert warning.startswith("again.csv has the content of a batch that was withdrawn")
    assert batch.batch_id[:12] in warning
    with warehouse.transaction() as session:
        found = find(session, batch.batch_id)
    assert found and found.withdrawn_at


def test_every_model_that_reads_raw_is_told(warehouse: Warehouse) -> None:
    nodes, _ = Project(get_settings(), warehouse).statements()
    reading = {
        (name.removeprefix("raw."), node.name)
        for node in nodes
        if node.kind == "model"
        for name in node.reads
        if name.startswith("raw.")
    }
    assert reading == {(dataset, reader.model) for dataset, readers in READERS.items() for reader in readers}


# What a stage may touch is told of its statements, which both engines are given.
@pytest.mark.soak
@pytest.mark.parametrize("either", ["duckdb"], indirect=True)
def test_stages_that_look_for_moved_batches_touch_what_their_maps_say(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    take(warehouse, tmp_path, FIRST, "first")
    wrong = take(warehouse, tmp_path, WRONG, "wrong")
    strict = RunOptions(strict=True, without=("pull", "data_quality", "report"))
    assert run_pipeline("retail_etl", options=strict).error is None
    for move in (withdraw, restore):
        for batch in wrong.values():
            move(warehouse, batch.batch_id, "not ours", "ann")
        run = run_pipeline("retail_etl", options=strict)
        assert {"customers", "products"} <= {
            stage.name for stage in run.stages if stage.state == "succeeded"
        }, run.error
        assert run.error is None


def test_tables_that_somebody_emptied_are_filled_again(warehouse: Warehouse, tmp_path: Path) -> None:
    take(warehouse, tmp_path, FIRST, "first")
    run(warehouse)

    def held() -> dict[str, list[str]]:
        return {
            name: sorted(map(repr, warehouse.query(f"SELECT * FROM {name}").to_pylist())) for name in STEPS
        }

    before = held()
    assert all(before.values())
    # What people are known by is made of the first.
    for emptied in (STEPS[:1], STEPS[1:]):
        for name in emptied:
            warehouse.execute(f"DELETE FROM {name}")
        run(warehouse)
        assert held() == before

"""What every engine does alike: the same rows, the same types, all or nothing."""

from __future__ import annotations

import datetime as dt
from contextlib import ExitStack
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

from tests.answers import read
from workbench.errors import UsageError, WorkbenchError
from workbench.schema import TABLES
from workbench.warehouse import Warehouse

MOMENT = dt.datetime(2024, 2, 29, 23, 59, 59, 123456)


def sale(number: int, **changed: object) -> dict[str, object]:
    row: dict[str, object] = {
        "transaction_id": f"T{number}", "line_number": number, "transaction_timestamp": MOMENT, "customer_id": None,
        "product_id": "P'1", "store_id": "S\\1 ü€", "quantity": Decimal("1.5000"), "unit_price": Decimal("2.123456"),
        "discount_amount": None, "currency": "EUR", "channel": "", "line_status": None,
        "original_transaction_id": None, "_has_zone": None, "_extra": '{"a": 1}', "_batch_id": "b",
        "_row_number": number, "_ingested_at": MOMENT,
    }  # fmt: skip
    return {**row, **changed}


def refusal(batch: str, *reasons: str) -> dict[str, object]:
    return {
        "batch_id": batch, "dataset": "transactions", "row_number": 1, "record": "x", "reasons": list(reasons),
        "run_id": None, "quarantined_at": MOMENT,
        "form": None,
    }  # fmt: skip


def test_every_declared_table_is_there_and_empty(either: Warehouse) -> None:
    assert either.counts() == dict.fromkeys(TABLES, 0)
    assert either.plan() == []
    assert either.initialize() == []


def test_rows_come_back_with_their_exact_types(either: Warehouse) -> None:
    rows = pa.Table.from_pylist([sale(1), sale(2, discount_amount=Decimal("-0.0001"))])
    assert either.append("raw.transactions", rows) == 2
    found = either.query("SELECT * FROM raw.transactions ORDER BY line_number")
    kinds = {name: str(found.schema.field(name).type) for name in found.column_names}
    assert kinds["quantity"] == "decimal128(18, 4)"
    assert kinds["unit_price"] == "decimal128(18, 6)"
    assert kinds["transaction_timestamp"] == "timestamp[us]"
    assert kinds["line_number"] == "int64"
    first, second = found.to_pylist()
    assert {**first, "_extra": None} == {**sale(1), "_extra": None}
    assert second["discount_amount"] == Decimal("-0.0001")


@pytest.mark.parametrize("count", [3, 2000])
def test_few_rows_and_many_arrive_alike(either: Warehouse, count: int) -> None:
    rows = pa.Table.from_pylist([sale(number) for number in range(count)])
    assert either.replace("raw.transactions", rows) == count
    assert either.replace("raw.transactions", rows) == count
    found = either.query("SELECT * FROM raw.transactions ORDER BY line_number").to_pylist()
    assert [{**row, "_extra": None} for row in found] == [{**row, "_extra": None} for row in rows.to_pylist()]


@pytest.mark.parametrize("counts", [(), (0,), (0, 2, 0, 1), (0, 0, 2000)])
def test_a_stream_is_read_to_its_end(either: Warehouse, counts: tuple[int, ...]) -> None:
    whole = pa.Table.from_pylist([sale(number) for number in range(max(sum(counts), 1))])
    ends = [sum(counts[: place + 1]) for place in range(len(counts))]
    parts = [whole.slice(end - count, count) for end, count in zip(ends, counts, strict=True)]
    # A slice of no rows is no batch.
    batches = [batch for part in parts for batch in part.to_batches() or [empty(whole)]]
    with either.prepare(
        "raw.transactions", pa.RecordBatchReader.from_batches(whole.schema, batches)
    ) as staged:
        assert staged.rows == sum(counts)
        assert either.run(staged.load) == sum(counts)
    found = either.query("SELECT line_number FROM raw.transactions ORDER BY line_number")
    assert found.column(0).to_pylist() == list(range(sum(counts)))


def empty(rows: pa.Table) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=rows.schema)


def test_a_list_of_codes_is_a_list(either: Warehouse) -> None:
    rows = pa.Table.from_pylist([refusal("a", "quantity:zero", "currency:unknown"), refusal("b")])
    either.append("ops.quarantine", rows)
    found = either.query("SELECT batch_id, reasons FROM ops.quarantine ORDER BY batch_id").to_pylist()
    assert [row["reasons"] for row in found] == [["quantity:zero", "currency:unknown"], []]


def test_a_frame_has_floats_and_moments(either: Warehouse) -> None:
    either.append("raw.transactions", pd.DataFrame([sale(1)]))
    frame = either.frame(
        "SELECT quantity, transaction_timestamp, CAST(transaction_timestamp AS DATE) AS day, line_number, currency "
        "FROM raw.transactions"
    )
    assert frame["quantity"].dtype == "float64"
    assert str(frame["transaction_timestamp"].dtype) == "datetime64[us]"
    assert str(frame["day"].dtype).startswith("datetime64")
    assert frame["line_number"].dtype == "int64"
    assert frame["currency"].tolist() == ["EUR"]


def test_a_column_that_may_be_empty_needn_t_be_given(either: Warehouse) -> None:
    given = {name: value for name, value in sale(1).items() if name not in ("channel", "_has_zone", "_extra")}
    either.append("raw.transactions", pd.DataFrame([given]))
    either.append("raw.transactions", pa.Table.from_pylist([given | {"line_number": 2}]))
    with either.prepare("raw.transactions", pa.Table.from_pylist([given]).slice(0, 0)) as none:
        assert none.rows == 0
    found = either.query(
        "SELECT line_number, channel, _has_zone, _extra, store_id FROM raw.transactions ORDER BY 1"
    )
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        (n, None, None, None, "S\\1 ü€") for n in (1, 2)
    ]
    for wrong in ({**given, "chanel": "web"}, {name: given[name] for name in given if name != "store_id"}):
        with pytest.raises(Exception, match=r"channel|store_id"):
            either.append("raw.transactions", pd.DataFrame([wrong]))


def test_parameters_are_bound(either: Warehouse) -> None:
    either.append("raw.transactions", pa.Table.from_pylist([sale(1), sale(2)]))
    found = either.query(
        "SELECT line_number FROM raw.transactions WHERE product_id = ? AND line_number > ?", ["P'1", 1]
    )
    assert found.to_pylist() == [{"line_number": 2}]


def test_names_are_looked_for_in_marts_then_core(either: Warehouse) -> None:
    assert either.query("SELECT count(*) AS n FROM retail_sales").to_pylist() == [{"n": 0}]
    assert either.query("SELECT count(*) AS n FROM dim_store").to_pylist() == [{"n": 0}]


def test_a_transaction_is_undone_by_an_error(either: Warehouse) -> None:
    with pytest.raises(ZeroDivisionError), either.transaction() as session:
        session.execute(
            "INSERT INTO ops.lineage (run_id, source, target, recorded_at) VALUES ('r', 'a', 'b', ?)",
            [MOMENT],
        )
        _ = 1 / 0
    assert either.counts("ops.lineage") == {"ops.lineage": 0}


def _add(warehouse: Warehouse, rows: dict[str, pa.Table]) -> None:
    with ExitStack() as stack:
        prepared = [stack.enter_context(warehouse.prepare(table, some)) for table, some in rows.items()]
        warehouse.run(lambda session: [each.load(session) for each in prepared])


def test_several_tables_are_filled_together_or_not_at_all(either: Warehouse) -> None:
    move = {"run_id": "r", "source": "a", "target": "b", "recorded_at": MOMENT}
    good = pa.Table.from_pylist([move])
    bad = pa.Table.from_pylist([{**move, "run_id": None}], schema=good.schema)
    request = {"request_id": "q", "pipeline": "p", "run_id": "r", "finished_at": MOMENT}
    with pytest.raises(Exception, match=r"(?i)null"):
        _add(either, {"ops.requests": pa.Table.from_pylist([request]), "ops.lineage": bad})
    assert set(either.counts("ops.requests", "ops.lineage").values()) == {0}
    _add(either, {"ops.requests": pa.Table.from_pylist([request]), "ops.lineage": good})
    assert set(either.counts("ops.requests", "ops.lineage").values()) == {1}


def test_a_query_writes_nothing(either: Warehouse) -> None:
    with pytest.raises(Exception, match=r"(?i)read.only|no rows"):
        either.query("DELETE FROM ops.lineage")
    with pytest.raises(UsageError, match="only"):
        read(either, "DELETE FROM ops.lineage")
    assert read(either, "SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_an_unknown_column_is_one_clear_line(either: Warehouse) -> None:
    with pytest.raises(Exception, match="nothing") as raised:
        either.query("SELECT nothing FROM retail_sales")
    if isinstance(raised.value, WorkbenchError):
        assert "\n" not in str(raised.value)


def test_a_declared_table_is_wanted(either: Warehouse) -> None:
    with pytest.raises(UsageError, match=r"did you mean 'raw\.transactions'"):
        either.append("raw.transaction", pa.Table.from_pylist([sale(1)]))


def test_work_is_done_in_one_transaction(either: Warehouse) -> None:
    with either.prepare("raw.transactions", pa.Table.from_pylist([sale(1), sale(2)])) as staged_rows:
        assert staged_rows.rows == 2

        def work(session: object) -> int:
            session.execute("DELETE FROM raw.transactions")  # type: ignore[attr-defined]
            return staged_rows.load(session)  # type: ignore[arg-type]

        assert either.run(work, repeatable=True) == 2
    assert either.counts("raw.transactions") == {"raw.transactions": 2}


def test_maintenance_keeps_every_row(either: Warehouse) -> None:
    either.append("raw.transactions", pa.Table.from_pylist([sale(1)]))
    assert either.maintain()
    assert either.counts("raw.transactions") == {"raw.transactions": 1}

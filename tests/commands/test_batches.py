"""``workbench batches``, called as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands.test_warehouse import Call, refused
from workbench.etl.ingest import ingest
from workbench.sources.files import land
from workbench.warehouse import Warehouse


@pytest.fixture
def batch(either: Warehouse, sales: Path) -> str:
    """The id of a batch with one good row and two bad ones, on either engine."""
    land(str(sales), "transactions")
    (taken,) = ingest(either).batches
    return taken.batch_id


def test_the_ledger_is_listed(call: Call, batch: str, sales: Path) -> None:
    head, row = call("batches", "list").out.splitlines()
    assert head.split()[2:] == [
        "file",
        "taken",
        "in,",
        "UTC",
        "landed",
        "accepted",
        "quarantined",
        "repeats",
        "status",
    ]
    cells = row.split()
    assert (cells[0], cells[1], cells[-5:]) == (batch[:12], "transactions", ["3", "1", "2", "0", "partial"])
    assert cells[2].startswith(sales.stem)
    (listed,) = json.loads(call("batches", "list", "--json", "--dataset", "transactions").out)
    assert (listed["batch_id"], listed["rows_accepted"], listed["withdrawn_at"]) == (batch, 1, None)
    assert json.loads(call("batches", "list", "--json", "--dataset", "events").out) == []
    refused(call("batches", "list", "--dataset", "transaction"), "did you mean 'transactions'?")


def test_a_batch_is_withdrawn_and_restored(call: Call, either: Warehouse, batch: str) -> None:
    answer = call("batches", "withdraw", batch[:8], "--because", "sent by mistake", "--by", "ann")
    assert answer.status == 0, answer.err
    first, then = answer.out.splitlines()
    assert first.endswith(": 1 row out of raw.transactions; they are kept in withdrawn.transactions")
    assert then.endswith("workbench run retail_etl")
    assert either.counts("raw.transactions", "withdrawn.transactions") == {
        "raw.transactions": 0, "withdrawn.transactions": 1,
    }  # fmt: skip
    shown = dict(line.split(": ", 1) for line in call("batches", "show", batch[:8]).out.splitlines())
    assert shown["batch_id"] == batch
    assert (shown["withdrawn_by"], shown["withdrawn_why"], shown["rows_withdrawn"]) == (
        "ann",
        "sent by mistake",
        "1",
    )
    assert call("batches", "list").out.split()[-1] == "withdrawn"
    again = call("batches", "withdraw", batch, "--because", "again")
    refused(again, "by ann: sent by mistake", f"workbench batches restore {batch[:12]}")
    told = json.loads(call("batches", "restore", batch, "--json").out)
    assert (told["rows"], told["batch"]["withdrawn_at"], told["told"]["fact_transactions"]) == (1, None, 1)
    assert either.counts("raw.transactions") == {"raw.transactions": 1}
    refused(call("batches", "restore", batch), "isn't withdrawn")


def test_every_line_is_accounted_for(call: Call, either: Warehouse, batch: str) -> None:
    answer = call("batches", "ledger")
    head, row = answer.out.splitlines()
    assert answer.status == 0 and head.split()[-3:] == ["facts", "adds", "up"]
    # A good line that waits to be built, and two in quarantine.
    assert row.split() == ["transactions", "1", "3", "2", "1", "0", "1", "0", "0", "0", "1", "0", "yes"]
    either.execute("DELETE FROM raw.transactions")
    answer = call("batches", "ledger")
    assert answer.status == 1 and answer.out.splitlines()[1].endswith("no, by 1")
    (told,) = json.loads(call("batches", "ledger", "--json").out)
    assert (told["dataset"], told["raw"], told["lost"]) == ("transactions", 0, 1)


def test_who_withdraws_is_known(call: Call, batch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "zoe")
    told = json.loads(call("batches", "withdraw", batch, "--reason", "why", "--json").out)
    assert told["batch"]["withdrawn_by"] == "zoe"


def test_what_is_no_batch_is_said(call: Call, batch: str) -> None:
    for arguments in (["show", "zz"], ["withdraw", "zz", "--reason", "why"], ["restore", "zz"]):
        refused(call("batches", *arguments), "unknown batch", batch[:12])
    refused(call("batches", "show", ""), "ID is empty; say which")
    assert call("batches", "withdraw", batch).status == 2
    refused(call("batches", "withdraw", batch, "--reason", ""), "say why")


def test_several_batches_that_begin_alike_are_named(call: Call, warehouse: Warehouse) -> None:
    for end in ("1", "2"):
        warehouse.execute(
            "INSERT INTO ops.batches BY NAME SELECT ? AS batch_id, 'events' AS dataset, 'x' AS uri, 0 AS rows_landed, "
            "0 AS rows_accepted, 0 AS rows_quarantined, 0 AS rows_duplicate, 'empty' AS status, now()::TIMESTAMP AS "
            "ingested_at",
            ["ab" + end * 62],
        )
    refused(call("batches", "show", "ab"), "2 batches begin with 'ab'", "ab1111111111", "ab2222222222")


def test_nothing_landed_is_said(call: Call, warehouse: Warehouse) -> None:
    assert call("batches", "list").out.startswith("Nothing was taken in yet")


def test_a_warehouse_of_an_earlier_version_is_told_apart(call: Call, warehouse: Warehouse) -> None:
    warehouse.execute("ALTER TABLE ops.batches DROP COLUMN withdrawn_at")
    refused(call("batches", "list"), "workbench init")
    call("init")
    assert call("batches", "list").status == 0

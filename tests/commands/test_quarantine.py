"""``workbench quarantine``, and ``batches withdraw`` and ``restore`` of what it sent back."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commands.test_warehouse import LINES, Call, batch, refused
from workbench.etl.ingest import ingest
from workbench.sources.files import land
from workbench.warehouse import Warehouse

__all__ = ["batch"]


def test_what_is_withdrawn_is_put_back_or_sent_back_anew(
    call: Call, warehouse: Warehouse, sales: Path, tmp_path: Path
) -> None:
    land(str(sales), "transactions")
    ingest(warehouse)
    mended = tmp_path / "mend.csv"
    assert call("quarantine", "export", str(mended), "--reason", "not_a_number").status == 0
    mended.write_text(mended.read_text().replace(",many,2.50,EUR\n", ",3,2.50,EUR\n"))
    replay = ("quarantine", "replay", str(mended), "--json")
    ((first,), _) = json.loads(call(*replay).out).values()
    name = first["batch"]["batch_id"]
    assert "put it back with" not in call("quarantine", "replay", str(mended)).out
    assert call("batches", "withdraw", name, "--reason", "wrong").status == 0
    for arguments in (replay, (*replay, "--dry-run")):
        again = call(*arguments)
        assert again.status == 2 and f"workbench batches restore {name[:12]}" in again.err
        assert json.loads(again.out)["replayed"][0]["withdrawn"] == name
    assert call(*replay, "--because", "it was three").status == 0
    refused(call("batches", "restore", name), "1 row of it was sent back again meanwhile")
    assert warehouse.rows("SELECT quantity FROM raw.transactions WHERE transaction_id = 'T3'") == [
        {"quantity": 3}
    ]


def test_quarantine_sums_up_each_batch(call: Call, batch: str) -> None:
    (row,) = json.loads(call("quarantine", "--json").out)
    assert row["batch"] == batch[:12]
    assert (row["dataset"], row["rows"]) == ("transactions", 2)
    assert row["reasons"] == "quantity:not_a_number 1, quantity:zero 1"
    assert "quantity:zero 1" in call("quarantine").out
    (zero,) = json.loads(call("quarantine", "--batch", row["batch"], "--reason", "zero", "--json").out)
    assert (zero["rows"], zero["reasons"]) == (1, "quantity:zero 1")
    assert call("quarantine", "--dataset", "stores").out == "no such row in quarantine\n"
    refused(call("quarantine", "--dataset", "stores", "show"), "--dataset stands behind show")


def test_quarantine_shows_rows_as_they_came_by_the_start_of_a_batch_id(call: Call, batch: str) -> None:
    rows = json.loads(call("quarantine", "show", batch[:6], "--json").out)
    assert [row["reasons"] for row in rows] == ["quantity:zero", "quantity:not_a_number"]
    assert [row["record"] for row in rows] == LINES[1:]
    one = json.loads(call("quarantine", "show", batch, "--limit", "1", "--json").out)
    assert one == rows[:1]
    refused(call("quarantine", "show", "zzz"), "unknown batch 'zzz'", batch[:12])
    # A script's variable that is empty doesn't mean all rows.
    for empty in (("--batch", ""), ("--dataset", ""), ("--reason", " ")):
        assert call("quarantine", "close", *empty, "--since", "2020-01-01", "--because", "tests").status == 2
        assert call("quarantine", "replay", *empty).status == 2
    assert len(json.loads(call("quarantine", "show", batch, "--status", "open", "--json").out)) == len(rows)


def test_an_empty_quarantine_says_so(call: Call, warehouse: Warehouse) -> None:
    assert call("quarantine").out == "nothing is in quarantine\n"
    assert json.loads(call("quarantine", "--json").out) == []

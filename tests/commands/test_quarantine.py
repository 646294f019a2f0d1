"""``workbench quarantine replay``, and ``batches withdraw`` and ``restore`` of what it sent back."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commands.test_warehouse import Call
from workbench.etl.ingest import ingest
from workbench.sources.files import land
from workbench.warehouse import Warehouse


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
    refused = call("batches", "restore", name)
    assert refused.status == 2 and "1 row of it was sent back again meanwhile" in refused.err
    assert warehouse.rows("SELECT quantity FROM raw.transactions WHERE transaction_id = 'T3'") == [
        {"quantity": 3}
    ]

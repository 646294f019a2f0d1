"""What ``workbench load --dry-run`` says of a file that it doesn't load."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.commands.test_warehouse import Call
from workbench.etl.ingest import ingest
from workbench.governance.withdrawal import withdraw
from workbench.sources.files import land
from workbench.warehouse import Warehouse


def test_a_dry_run_says_what_a_file_is_and_lands_nothing(call: Call, tmp_path: Path, home: Path) -> None:
    header = "Transaction_ID;line_number;transaction_timestamp;product_id;store_id;quantity;unit_price;currency;colour"
    rows = "T1;1;2024-01-01 10:00;P1;Düren;2;2.50;EUR;rot\nT2;1;2024-01-01;P1;S1;x;2.50;EUR;\n"
    (tmp_path / "s.csv").write_bytes(f"Sales of May\n\n{header}\n{rows}".encode("cp1252"))
    asked = ("load", str(tmp_path / "s.csv"), "--dataset", "transactions", "--dry-run")
    answer = call(*asked)
    assert answer.status == 0
    for told in (
        "s.csv: CSV, CP1252, delimited by semicolons, header in line 3",
        "2 rows: 1 accepted, 1 to quarantine",
        "read as windows-1252, told by looking; 2 lines above the header left out: Sales of May; kept in _extra: colour",
        "row 2: quantity:not_a_number: T2;1;2024-01-01;P1;S1;x;2.50;EUR;",
    ):
        assert told in answer.out
    (trial,) = json.loads(call(*asked, "--json").out)
    assert trial["columns"]["transaction_id"] == "Transaction_ID"
    assert trial["columns"]["channel"] is None
    assert trial["accepted"][0]["store_id"] == "Düren"
    (tmp_path / "page.csv").write_text("<html><body>login")
    for more in ([], ["--dry-run"]):
        refused = call("load", str(tmp_path / "page.csv"), "--dataset", "transactions", *more)
        assert refused.status == 2
        assert "it is a page in HTML" in refused.err
    assert not (home / "landing").exists()


def test_a_dry_run_of_a_file_without_rows_says_which_columns_it_has(call: Call, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("store_id,updated_at\n")
    pq.write_table(
        pa.table({name: pa.array([], pa.string()) for name in ("store_id", "updated_at")}),
        tmp_path / "s.parquet",
    )
    for name in ("s.csv", "s.parquet"):
        answer = call("load", str(tmp_path / name), "--dataset", "stores", "--dry-run")
        assert answer.status == 0
        assert "updated_at   updated_at" in answer.out and "0 rows: 0 accepted, 0 to quarantine" in answer.out


def test_a_dead_link_in_a_folder_is_warned_of(call: Call, tmp_path: Path, home: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/s.csv").write_text("store_id,updated_at\nS1,2024-01-01\n")
    (tmp_path / "in/dead.csv").symlink_to(tmp_path / "gone.csv")
    (tmp_path / "in/loop.csv").symlink_to("loop.csv")
    for source in (str(tmp_path / "in"), f"{tmp_path}/in/*.csv"):
        for more in (["--dry-run"], []):
            answer = call("load", source, "--dataset", "stores", *more)
            assert answer.status == 0
            assert (
                f"warning: {tmp_path}/in/dead.csv leads nowhere: it is a link to {tmp_path}/gone.csv"
                in answer.err
            )
            assert f"warning: {tmp_path}/in/loop.csv leads nowhere: it is a link to loop.csv" in answer.err
            assert "1 row: 1 accepted" in answer.out or "landed: stores" in answer.out


@pytest.mark.parametrize(("good", "bad"), [(10, 20), (0, 25)])
def test_a_dry_run_says_what_is_wrong_with_the_rows_of_a_file_of_which_too_many_are(
    call: Call, tmp_path: Path, good: int, bad: int
) -> None:
    header = (
        "transaction_id,line_number,transaction_timestamp,product_id,store_id,quantity,unit_price,currency\n"
    )
    times = [*["2024-01-01"] * good, *["1.5.2024"] * bad]
    rows = [f"T{n},1,{time},P1,S1,1,2.50,EUR\n" for n, time in enumerate(times, 1)]
    (tmp_path / "s.csv").write_text(header + "".join(rows))
    answer = call("load", str(tmp_path / "s.csv"), "--dataset", "transactions", "--dry-run")
    assert answer.status == 2
    assert "s.csv would be refused whole" in answer.err
    said = answer.out.splitlines()
    assert f"{good + bad} rows: 0 accepted, {good + bad} to quarantine" in said
    assert f"  {bad} transaction_timestamp:invalid" in said
    first = good + 1
    assert f"  row {first}: transaction_timestamp:invalid: T{first},1,1.5.2024,P1,S1,1,2.50,EUR" in said


def test_a_dry_run_knows_what_was_taken_in_or_withdrawn(
    call: Call, warehouse: Warehouse, sales: Path
) -> None:
    dry = ("load", str(sales), "--dataset", "transactions", "--dry-run")
    assert "it would add nothing" not in call(*dry).out
    land(str(sales), "transactions")
    (batch,) = ingest(warehouse).batches
    name = batch.batch_id[:12]
    assert f"as batch {name}: it would add nothing\n" in call(*dry).out
    withdraw(warehouse, batch.batch_id, "not ours", "ann")
    (trial,) = json.loads(call(*dry, "--json").out)
    assert trial["known"].endswith(f"workbench batches restore {name}")

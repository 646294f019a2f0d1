"""Rows that come back from quarantine: mended or as they are, once each, and accounted for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.etl.lines import HEADER, line, take
from workbench.errors import UsageError
from workbench.etl.ingest import ingest
from workbench.etl.mending import match, read_csv, write_csv
from workbench.etl.replay import Replay, replay
from workbench.governance.accounts import lines
from workbench.governance.quarantine import Filter, Refused, close, find
from workbench.governance.withdrawal import withdraw
from workbench.sources.files import land
from workbench.warehouse import Warehouse


def send(warehouse: Warehouse, folder: Path, changes: dict[str, str], **options: object) -> list[Replay]:
    """Export all open rows, mend their text, and send them back."""
    rows = find(warehouse, Filter())
    path = folder / "mended.csv"
    with path.open("w", newline="") as file:
        write_csv(rows, file)
    text = path.read_text()
    for before, after in changes.items():
        assert before in text
        head, _, body = text.partition("\n")
        text = head + "\n" + body.replace(before, after)
    path.write_text(text)
    given = read_csv(path)
    return replay(warehouse, rows, match(rows, given), by="ann", **options)  # type: ignore[arg-type]


def raw(warehouse: Warehouse) -> set[tuple[str, int, str]]:
    found = warehouse.rows("SELECT transaction_id, line_number, quantity FROM raw.transactions")
    return {(row["transaction_id"], row["line_number"], str(row["quantity"]).rstrip("0.")) for row in found}


def status(warehouse: Warehouse) -> list[tuple[int, str, str | None]]:
    return [(row.row_number, row.status, row.why) for row in find(warehouse, Filter(status=None))]


def test_mended_rows_go_in_once(warehouse: Warehouse, tmp_path: Path) -> None:
    bad = [line(transaction_id="T2", quantity="two"), line(transaction_id="T3") + ",x", line(transaction_id="T4", quantity="0")]
    batch = take(warehouse, tmp_path, "\n".join([HEADER, line(), *bad]) + "\n")
    assert (batch.rows_accepted, batch.rows_quarantined) == (1, 3)
    (tried,) = send(warehouse, tmp_path, {",two,": ",2,"}, dry_run=True)
    assert tried.batch and tried.batch.rows_accepted == 1 and raw(warehouse) == {("T1", 1, "2")}
    assert tried.reasons == {"line:too_many_columns": 1, "quantity:zero": 1}
    (done,) = send(warehouse, tmp_path, {",two,": ",2,"})
    assert done.batch and (done.batch.rows_landed, done.batch.rows_accepted) == (3, 1)
    assert raw(warehouse) == {("T1", 1, "2"), ("T2", 1, "2")}
    again = find(warehouse, Filter())
    assert [row.batch_id for row in again] == [done.batch.batch_id] * 2
    assert {(row.first_batch_id, row.first_row_number) for row in again} == {(batch.batch_id, 3), (batch.batch_id, 4)}
    assert {row.status for row in find(warehouse, Filter(status=None)) if row.batch_id == batch.batch_id} == {"replayed"}
    (account,) = lines(warehouse)
    assert (account.landed, account.accepted, account.quarantined, account.lost) == (7, 2, 5, 0)

"""Every file is an island: what is wrong with one is recorded with it and stops no other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.etl.lines import GOOD, HEADER, line
from workbench.etl.ingest import ingest
from workbench.settings import Settings
from workbench.sources.files import land
from workbench.sources.landing import FetchedFile, FolderLanding, LandedFile
from workbench.warehouse import Warehouse


def put(settings: Settings, name: str, content: str | bytes, mapping: str | None = None) -> Path:
    """Drop a file into landing, as somebody does who doesn't use ``workbench load``."""
    path = settings.landing / "transactions" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if mapping is not None:
        path.with_name(name + ".map.yaml").write_text(mapping)
    return path


def test_files_that_cannot_be_taken_in_are_refused_each_with_its_reason(
    warehouse: Warehouse, settings: Settings
) -> None:
    put(settings, "a.parquet", b"PAR1" + b"\0" * 60 + b"PAR1")
    put(settings, "b.csv.gz", b"\x1f\x8b" + b"x" * 50)
    put(settings, "c.csv", f"{HEADER}\n{GOOD}\n", "dataset: [")
    put(settings, "d.csv", f"{HEADER}\n{GOOD}\n", "dataset: stores\ncolumns: {store_id: a, updated_at: b}")
    put(settings, "z.csv", f"{HEADER}\n{GOOD}\n")
    result = ingest(warehouse)
    status = {Path(batch.uri).name: batch.status for batch in result.batches}
    assert status.pop("z.csv") == "loaded"
    assert set(status.values()) == {"rejected"} and len(status) == 4
    reasons = warehouse.query("SELECT record, reasons FROM ops.quarantine").to_pylist()
    assert {Path(row["record"]).name[0]: row["reasons"] for row in reasons} == {
        "a": ["file:unreadable"], "b": ["file:unreadable"], "c": ["map:invalid"], "d": ["map:invalid"],
    }  # fmt: skip
    assert warehouse.counts("raw.transactions", "ops.alerts") == {"raw.transactions": 1, "ops.alerts": 4}
    again = ingest(warehouse)
    assert again.batches == () and again.counts["files_refused"] == 4
    assert any(
        "c.csv was refused whole before and still lies in landing: map " in told for told in again.warnings
    )


def test_a_file_that_changes_or_goes_while_it_is_read_is_left_for_the_next_run(
    warehouse: Warehouse, settings: Settings
) -> None:
    for name in ("a", "b", "c"):
        put(settings, f"{name}.csv", f"{HEADER}\n{line(transaction_id=name)}\n")

    class Disturbed(FolderLanding):
        """Two of its files change or go as soon as their batches are known."""

        @contextmanager
        def fetch(self, file: LandedFile) -> Iterator[FetchedFile]:
            with super().fetch(file) as fetched:
                if file.name == "a.csv":
                    fetched.path.write_text(f"{HEADER}\n{line(transaction_id='other')}\n{GOOD}\n")
                if file.name == "b.csv":
                    fetched.path.unlink()
                yield fetched

    result = ingest(warehouse, Disturbed(settings.landing))
    assert [Path(batch.uri).name for batch in result.batches] == ["c.csv"]
    assert ["changed while" in told or "can't be read for now" in told for told in result.left] == [
        True,
        True,
    ]
    put(settings, "b.csv", f"{HEADER}\n{line(transaction_id='b')}\n")
    assert sorted(batch.rows_accepted for batch in ingest(warehouse).batches) == [1, 2]
    assert warehouse.counts("raw.transactions", "ops.quarantine") == {
        "raw.transactions": 4,
        "ops.quarantine": 0,
    }


@pytest.mark.parametrize("column", ["transaction_timestamp", "updated_at", "rate_date", "labelled_at"])
def test_a_time_before_the_first_plausible_day_is_set_aside(
    warehouse: Warehouse, tmp_path: Path, column: str
) -> None:
    dataset, head, row = {
        "transaction_timestamp": ("transactions", HEADER, GOOD.replace("2024-01-01T10:00:00Z", "{}")),
        "updated_at": ("stores", "store_id,updated_at", "S1,{}"),
        "rate_date": ("exchange_rates", "rate_date,currency,units_per_eur", "{},USD,1"),
        "labelled_at": ("fraud_labels", "transaction_id,is_fraud,labelled_at", "T1,true,{}"),
    }[column]
    days = ["0000-06-01", "0001-01-01", "1017-06-01", "1899-12-31", "1900-01-01", "9999-12-31"]
    (tmp_path / "a.csv").write_text("\n".join([head, *map(row.format, days)]))
    land(str(tmp_path / "a.csv"), dataset)
    (batch,) = ingest(warehouse).batches
    assert (batch.rows_accepted, batch.rows_quarantined) == (1, 5)
    rows = warehouse.query("SELECT row_number, reasons FROM ops.quarantine ORDER BY 1").to_pylist()
    early, late = [f"{column}:too_early"], [f"{column}:in_future"]
    assert [row["reasons"] for row in rows] == [early, early, early, early, late]


def test_the_first_plausible_day_is_a_setting_for_each_dataset(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_EARLIEST", "1800-01-01, transactions=2015-01-01")
    (tmp_path / "t.csv").write_text(
        f"{HEADER}\n{line(transaction_timestamp='2014-12-31T23:59:59Z')}\n{GOOD}\n"
    )
    land(str(tmp_path / "t.csv"), "transactions")
    (tmp_path / "s.csv").write_text("store_id,updated_at\nS1,1799-12-31\nS1,1800-01-01\n")
    land(str(tmp_path / "s.csv"), "stores")
    assert [batch.rows_accepted for batch in ingest(warehouse).batches] == [1, 1]

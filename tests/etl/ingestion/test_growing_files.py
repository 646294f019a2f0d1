"""A file that somebody still writes waits; one that broke off long ago is refused, and says so."""

from __future__ import annotations

import gzip
import io
import os
import threading
import time
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.etl.lines import GOOD, HEADER, line
from workbench.etl.ingest import ingest
from workbench.settings import Settings
from workbench.sources.files import land
from workbench.warehouse import Warehouse

CSV = f"{HEADER}\n{GOOD}\n".encode()
ROW = dict(zip(HEADER.split(","), GOOD.split(","), strict=True))


def cut_short() -> dict[str, bytes]:
    parquet, archive = io.BytesIO(), io.BytesIO()
    pq.write_table(pa.Table.from_pylist([ROW] * 50), parquet)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.csv", CSV * 9)
    return {
        "a.csv.gz": gzip.compress(CSV)[:-9],
        "a.csv.zst": pa.compress(CSV * 99, codec="zstd", asbytes=True)[:-4],
        "a.zip": archive.getvalue()[:-30],
        "a.parquet": parquet.getvalue()[:-20],
        "a.json": b'[{"transaction_id": "T1"},',
        "zeros.csv": bytes(4096),
    }


def test_a_file_that_breaks_off_waits_while_it_is_new(
    warehouse: Warehouse, settings: Settings, tmp_path: Path
) -> None:
    folder = settings.landing / "transactions"
    folder.mkdir(parents=True)
    for name, content in cut_short().items():
        (folder / name).write_bytes(content)
    first = ingest(warehouse)
    assert not first.batches
    assert len(first.left) == len(cut_short())
    assert all(
        "breaks off, as a half-written file does; a later run takes it in" in told for told in first.left
    )
    # One is finished by its writer, and the others are left lying.
    (folder / "a.csv.gz").write_bytes(gzip.compress(CSV))
    for name in list(cut_short())[1:]:
        os.utime(folder / name, (time.time() - 61, time.time() - 61))
    # One that was put there had an end, so it is damaged however new it is.
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(CSV * 2)[:-9])
    land(str(tmp_path / "b.csv.gz"), "transactions")
    second = ingest(warehouse)
    assert not second.left
    assert sorted(batch.status for batch in second.batches) == ["loaded"] + ["rejected"] * 6
    assert all("cut short" in str(batch.message) for batch in second.batches if batch.status == "rejected")


def test_a_file_that_grows_is_left_and_taken_in_once_it_is_whole(
    warehouse: Warehouse, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_LANDING_LOOK", "2")
    folder = settings.landing / "transactions"
    folder.mkdir(parents=True)
    (tmp_path / "put.csv").write_bytes(CSV)
    land(str(tmp_path / "put.csv"), "transactions")
    stop = threading.Event()

    def write() -> None:
        with (folder / "grows.csv").open("ab") as file:
            file.write(f"{HEADER}\n".encode())
            number = 0
            while not stop.wait(0.05):
                number += 1
                file.write(line(transaction_id=f"G{number}").encode() + b"\n")
                file.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while not (folder / "grows.csv").exists() or not (folder / "grows.csv").stat().st_size:
            time.sleep(0.01)
        first = ingest(warehouse)
    finally:
        stop.set()
        writer.join()
    assert [Path(batch.uri).name[:4] for batch in first.batches] == ["put-"]
    assert [told.rpartition("/")[2] for told in first.left] == [
        "grows.csv is still written; a later run takes it in"
    ]
    (whole,) = ingest(warehouse).batches
    assert whole.rows_accepted == (folder / "grows.csv").read_bytes().count(b"\n") - 1

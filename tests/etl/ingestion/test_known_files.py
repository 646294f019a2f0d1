"""A file that the ledger knows by its address, size and times isn't read again, and none is taken for another."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.etl.lines import GOOD, HEADER, line
from workbench.etl.ingest import ingest
from workbench.settings import Settings
from workbench.sources.landing import Unavailable, open_landing
from workbench.warehouse import Warehouse

_opened: list[Path] | None = None


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _opened is not None and isinstance(arguments[0], str | os.PathLike):
        _opened.append(Path(arguments[0]))


# A hook of the interpreter's can't be taken out again; it hears every file that Python opens, by whatever name.
sys.addaudithook(_hear)


@contextmanager
def opened(folder: Path) -> Iterator[set[str]]:
    """Yield the names below a folder of the files that are opened meanwhile; complete once it has ended."""
    global _opened
    names: set[str] = set()
    _opened = []
    try:
        yield names
    finally:
        names.update(path.name for path in _opened if path.is_relative_to(folder))
        _opened = None


def put(settings: Settings, name: str, *rows: str) -> Path:
    path = settings.landing / "transactions" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEADER, *rows]))
    return path


def wait(folder: Path) -> None:
    """Wait until no file of a folder could have been written within the tick in which it is read."""
    latest = max(path.stat().st_ctime_ns for path in folder.rglob("*"))
    while time.time_ns() - latest < 2_100_000_000:
        time.sleep(0.05)


def test_no_byte_of_a_known_file_is_read_again_whatever_happens_to_others(
    warehouse: Warehouse, settings: Settings
) -> None:
    folder = settings.landing
    names = ("stays", "renamed", "copied", "touched", "replaced", "disguised", "mapped", "refused")
    paths = {name: put(settings, f"{name}.csv", line(transaction_id=name)) for name in names}
    mapping = "dataset: transactions\ncolumns: {transaction_id: transaction_id, line_number: line_number, "
    mapping += "transaction_timestamp: transaction_timestamp, product_id: product_id, store_id: store_id, "
    mapping += "quantity: quantity, unit_price: unit_price, currency: currency"
    beside = paths["mapped"].with_name("mapped.csv.map.yaml")
    beside.write_text(mapping + "}")
    paths["refused"].write_text("no,header\n1,2\n")
    wait(folder)
    with opened(folder) as read:
        assert len(ingest(warehouse).batches) == 8
    assert read == {f"{name}.csv" for name in names} | {beside.name}
    with opened(folder) as read:
        again = ingest(warehouse)
    assert read == set()
    assert (again.batches, again.known_files) == ((), 8)
    assert "refused.csv was refused whole before" in again.refused_before[0]

    paths["renamed"].rename(folder / "transactions/new_name.csv")
    shutil.copy2(paths["copied"], folder / "transactions/copy.csv")
    os.utime(paths["touched"])
    before = paths["disguised"].stat()
    paths["replaced"].write_text("\n".join([HEADER, line(transaction_id="replaceD")]))
    paths["disguised"].write_text("\n".join([HEADER, line(transaction_id="disguiseD")]))
    os.utime(paths["disguised"], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert paths["disguised"].stat().st_size == before.st_size
    beside.write_text(mapping + ", channel: channel}")
    wait(folder)
    with opened(folder) as read:
        changed = ingest(warehouse)
    assert read == {
        "new_name.csv", "copy.csv", "touched.csv", "replaced.csv", "disguised.csv", "mapped.csv", beside.name,
    }  # fmt: skip
    assert sorted(Path(batch.uri).name for batch in changed.batches) == [
        "disguised.csv", "mapped.csv", "replaced.csv",
    ]  # fmt: skip
    assert changed.known_files == 6
    with opened(folder) as read:
        assert ingest(warehouse).known_files == 9
    assert read == set()


def test_a_file_that_was_just_written_is_not_trusted_by_its_times(settings: Settings) -> None:
    """Within a tick of the clock a file may change again and look the same."""
    landing = open_landing()
    for attempt in range(20):
        path = put(settings, "a.csv", line(transaction_id=f"T{attempt}"))
        (file,) = landing.files()
        with landing.fetch(file) as fetched:
            if time.time_ns() - path.stat().st_ctime_ns < 2_000_000_000:
                assert not fetched.steady
                break
    else:
        pytest.fail("the machine takes two seconds to read a line")
    wait(settings.landing)
    with landing.fetch(file) as fetched:
        assert fetched.steady


def test_what_is_read_too_early_is_read_once_more_and_then_known(
    warehouse: Warehouse, settings: Settings
) -> None:
    path = put(settings, "a.csv", GOOD)
    ahead = time.time() + 3600
    os.utime(path, (ahead, ahead))
    assert len(ingest(warehouse).batches) == 1
    assert warehouse.counts("ops.landed_files") == {"ops.landed_files": 0}
    os.utime(path, (ahead - 7200, ahead - 7200))
    wait(settings.landing)
    for read_again in ({"a.csv"}, set()):
        with opened(settings.landing) as read:
            assert ingest(warehouse).known_files == 1
        assert read == read_again
    assert warehouse.counts("ops.landed_files") == {"ops.landed_files": 1}


def test_a_known_file_whose_batch_was_taken_out_of_the_ledger_is_taken_in_again(
    warehouse: Warehouse, settings: Settings
) -> None:
    put(settings, "a.csv", GOOD)
    wait(settings.landing)
    (first,) = ingest(warehouse).batches
    for table, column in (("ops.batches", "batch_id"), ("raw.transactions", "_batch_id")):
        warehouse.execute(f"DELETE FROM {table} WHERE {column} = ?", [first.batch_id])
    (again,) = ingest(warehouse).batches
    assert (again.batch_id, again.rows_accepted) == (first.batch_id, 1)


def test_a_file_or_map_that_changes_between_listing_and_reading_is_known_as_neither(
    settings: Settings,
) -> None:
    path, landing = put(settings, "a.csv", GOOD), open_landing()
    for changes in (path, path.with_name("a.csv.map.yaml")):
        (file,) = landing.files()
        changes.write_text("other")
        with pytest.raises(Unavailable, match="changed while it was read"), landing.fetch(file):
            pass

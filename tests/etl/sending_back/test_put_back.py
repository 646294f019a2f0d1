"""A batch that is put back has a place for each of its rows, whatever was mended and sent back meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.etl.lines import HEADER, line, take
from workbench.errors import UsageError
from workbench.etl.sending_back.mending import Mended
from workbench.etl.sending_back.replay import replay
from workbench.governance.quarantine.rows import Filter, find
from workbench.governance.withdrawal import restore, withdraw
from workbench.warehouse import Warehouse


def quantities(warehouse: Warehouse) -> dict[str, int]:
    found = warehouse.rows("SELECT transaction_id, quantity FROM raw.transactions")
    assert len(found) == len({row["transaction_id"] for row in found})
    return {row["transaction_id"]: int(row["quantity"]) for row in found}


def mend(warehouse: Warehouse, before: str, after: str, why: str) -> str:
    """Send the open row back with another text; return the batch it went into."""
    (row,) = find(warehouse, Filter())
    made = {(row.batch_id, row.row_number): Mended(record=row.record.replace(before, after))}
    (done,) = replay(warehouse, [row], made, by="ann", why=why)
    assert done.batch
    return done.batch.batch_id


def test_a_row_that_was_mended_again_is_not_put_back_beside_itself(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    take(warehouse, tmp_path, f"{HEADER}\n{line(transaction_id='')}\n")
    first = mend(warehouse, ",1,2024", "N1,1,2024", "its till says N1")
    withdraw(warehouse, first, "wrong id", "ann")
    second = mend(warehouse, ",1,2024", "N2,1,2024", "its till says N2")
    with pytest.raises(UsageError, match=f"1 row of it was sent back again .* withdraw {second[:12]}"):
        restore(warehouse, first, "right after all", "ann")
    assert quantities(warehouse) == {"N2": 2} and not find(warehouse, Filter())
    withdraw(warehouse, second, "wrong id", "ann")
    restore(warehouse, first, "right after all", "ann")
    # It was open for the other batch's sake; it is in this one now.
    assert quantities(warehouse) == {"N1": 2} and not find(warehouse, Filter())
    withdraw(warehouse, first, "nothing is right", "ann")
    assert len(find(warehouse, Filter())) == 1


def test_a_row_that_was_refused_again_meanwhile_is_settled(warehouse: Warehouse, tmp_path: Path) -> None:
    take(warehouse, tmp_path, f"{HEADER}\n{line(quantity='two')}\n")
    first = mend(warehouse, ",two,", ",2,", "a typo")
    withdraw(warehouse, first, "wrong", "ann")
    mend(warehouse, ",two,", ",three,", "a slip")
    restore(warehouse, first, "right after all", "ann")
    assert quantities(warehouse) == {"T1": 2} and not find(warehouse, Filter())
    withdraw(warehouse, first, "wrong", "ann")
    assert [row.record.count("three") for row in find(warehouse, Filter())] == [1]


def test_an_earlier_row_never_takes_the_place_of_a_later_one(warehouse: Warehouse, tmp_path: Path) -> None:
    take(warehouse, tmp_path, f"{HEADER}\n{line(quantity='two')}\n", "first.csv")
    later = take(warehouse, tmp_path, f"{HEADER}\n{line(quantity='5')}\n", "later.csv").batch_id
    withdraw(warehouse, later, "not ours", "ann")
    mended = mend(warehouse, ",two,", ",2,", "a typo")
    with pytest.raises(UsageError, match=f"1 earlier row of the same keys .* withdraw {mended[:12]}"):
        restore(warehouse, later, "ours", "ann")
    withdraw(warehouse, mended, "the later one is right", "ann")
    restore(warehouse, later, "ours", "ann")
    with pytest.raises(UsageError, match="for 1 row of it a later line is there"):
        restore(warehouse, mended, "both", "ann")
    assert quantities(warehouse) == {"T1": 5}
    # As the message says, it is sent back anew; it has no place, and is closed.
    mend(warehouse, ",two,", ",2,", "a typo, once more")
    assert quantities(warehouse) == {"T1": 5} and not find(warehouse, Filter())


def test_what_was_withdrawn_is_not_sent_back_as_it_was(warehouse: Warehouse, tmp_path: Path) -> None:
    take(warehouse, tmp_path, f"{HEADER}\n{line(quantity='two')}\n")
    (row,) = find(warehouse, Filter())
    made = {(row.batch_id, row.row_number): Mended(record=row.record.replace("two", "2"))}
    (first,) = replay(warehouse, [row], made, by="ann", why="a typo")
    assert first.batch
    withdraw(warehouse, first.batch.batch_id, "wrong", "ann")
    for dry_run in (True, False):
        (done,) = replay(warehouse, [row], made, by="ann", why="a typo", dry_run=dry_run)
        assert (done.batch, done.withdrawn) == (None, first.batch.batch_id)
    (anew,) = replay(warehouse, [row], made, by="ann", why="a typo, really")
    assert anew.batch and quantities(warehouse) == {"T1": 2}

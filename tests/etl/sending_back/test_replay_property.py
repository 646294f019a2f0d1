"""Whatever is delivered, mended, sent back, closed and withdrawn, in any order: nothing is lost and nothing is doubled.

Refusing a row, mending it and sending it back leaves the same lines as if the mended file had landed in the first place.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from tests.etl.lines import HEADER, line
from workbench.errors import UsageError
from workbench.etl.ingest import ingest
from workbench.etl.sending_back.mending import Mended
from workbench.etl.sending_back.replay import replay
from workbench.governance.accounts import lines
from workbench.governance.ledger import recent
from workbench.governance.quarantine.rows import Filter, Refused, came_from, close, find
from workbench.governance.withdrawal import restore, withdraw
from workbench.schema import DATASETS, landed_last
from workbench.settings import get_settings
from workbench.sources.files import land
from workbench.warehouse import Warehouse

EXAMPLES = int(os.environ.get("WORKBENCH_SEQUENCES", "6"))
"""How many sequences are tried; `make soak` tries 200."""

_KEYS, _UNITS = ("T1", "T2", "T3"), ("1", "2", "3")
_FAULTS: dict[str, Callable[[str], str]] = {
    "none": lambda text: text,
    "word": lambda text: text.replace(",S1,", ",S1,x"),
    "cell": lambda text: text + ",x",
    "quote": lambda text: '"x"' + text,
}
_ROW = st.tuples(st.sampled_from(_KEYS), st.sampled_from(_UNITS), st.sampled_from(sorted(_FAULTS)))
_FILE = st.lists(_ROW, min_size=1, max_size=4)
_STEP = st.one_of(
    st.tuples(st.just("deliver"), _FILE),
    st.tuples(st.just("mend"), st.integers(0, 5)),
    st.tuples(st.just("as it is"), st.integers(0, 5)),
    st.tuples(st.just("close"), st.integers(0, 9)),
    st.tuples(st.just("withdraw"), st.integers(0, 5)),
    st.tuples(st.just("restore"), st.integers(0, 2)),
)
_STEPS = st.lists(_STEP, min_size=1, max_size=9)
MENDED: list[tuple[str, object]] = [
    ("deliver", [("T1", "1", "none"), ("T2", "1", "word"), ("T3", "1", "quote"), ("T3", "2", "cell")]),
    ("deliver", [("T1", "2", "none"), ("T2", "3", "none")]),
    ("mend", 1), ("close", 0),
]  # fmt: skip
"""Rows that have a place again, one that has none any more, and one that is closed."""
_RANDOM = [Phase.generate, Phase.shrink] if EXAMPLES > 10 else []
_TABLES = (
    "raw.transactions", "withdrawn.transactions", "ops.batches", "ops.quarantine", "ops.quarantine_moves", "ops.landed_files",
    "staging.touched", "ops.audit_log", "ops.alerts",
)  # fmt: skip


def mended(record: str) -> str:
    """Return the text of a row without its fault."""
    return record.removeprefix('"x"').removesuffix(",x").replace(",S1,x", ",S1,")


def deliver(warehouse: Warehouse, folder: Path, name: str, rows: list[str]) -> str:
    """Land a file and take it in; return its batch. Its name keeps equal files apart."""
    path = folder / f"{name}.csv"
    path.write_text("\n".join([f"{HEADER},{name}", *rows]) + "\n")
    land(str(path), "transactions")
    (batch,) = ingest(warehouse).batches
    return batch.batch_id


def empty(warehouse: Warehouse) -> None:
    """Take everything out of the warehouse and of landing."""
    shutil.rmtree(get_settings().landing, ignore_errors=True)
    for name in _TABLES:
        warehouse.execute(f"DELETE FROM {name}")


def current(warehouse: Warehouse) -> list[tuple[str, str]]:
    """Return the line of each key that counts: what facts are made from."""
    query = landed_last(DATASETS["transactions"], ["transaction_id", "quantity"])
    return sorted((row["transaction_id"], str(int(row["quantity"]))) for row in warehouse.rows(query))


def check(warehouse: Warehouse) -> None:
    """Hold the accounts to what is there."""
    assert not any(each.lost for each in lines(warehouse))
    batches = recent(warehouse, 1000)
    assert all(each.rows_landed == each.rows_accepted + each.rows_quarantined for each in batches)
    everything = find(warehouse, Filter(status=None))
    assert len(everything) == sum(each.rows_quarantined for each in batches)
    # No row is open that is in raw, no refusal is in two places, and what came of one refused row is never in raw twice.
    firsts = [(row.first_batch_id, row.first_row_number) for row in everything if row.status == "open"]
    assert len(firsts) == len(set(firsts))
    in_raw = warehouse.rows(
        "SELECT m.first_batch_id, m.first_row_number, count(*) AS times FROM raw.transactions AS r INNER JOIN ("
        "SELECT DISTINCT into_batch_id, into_row_number, first_batch_id, first_row_number FROM ops.quarantine_moves "
        "WHERE move = 'replayed') AS m ON m.into_batch_id = r._batch_id AND m.into_row_number = r._row_number GROUP BY 1, 2"
    )
    assert {row["times"] for row in in_raw} <= {1}
    assert not {(row["first_batch_id"], row["first_row_number"]) for row in in_raw} & set(firsts)


def roots(warehouse: Warehouse, batch: str) -> set[tuple[str, int]]:
    """Return where the lines of a batch that are in raw were refused first."""
    found = came_from(warehouse, [batch])
    return {
        (
            found[batch, row["_row_number"]]["first_batch_id"],
            found[batch, row["_row_number"]]["first_row_number"],
        )
        for row in warehouse.rows("SELECT _row_number FROM raw.transactions WHERE _batch_id = ?", [batch])
        if (batch, row["_row_number"]) in found
    }


def send(warehouse: Warehouse, rows: list[Refused], *, mend: bool, why: str) -> None:
    made = {(row.batch_id, row.row_number): Mended(record=mended(row.record)) for row in rows} if mend else {}
    if rows:
        replay(warehouse, rows, made, by="ann", why=why)


def hold_to_one_landing(warehouse: Warehouse, steps: list[tuple[str, object]]) -> None:
    """Do the steps, send back what is left, and compare with mended files that land in the first place."""
    empty(warehouse)
    delivered: list[tuple[str, list[str]]] = []
    closed: set[tuple[str, int]] = set()
    gone: set[str] = set()
    with TemporaryDirectory() as folder:
        for number, (step, about) in enumerate(steps):
            rows = find(warehouse, Filter())
            match step, about:
                case "deliver", list():
                    texts = [
                        _FAULTS[fault](line(transaction_id=key, quantity=units)) + ","
                        if fault == "none"
                        else _FAULTS[fault](line(transaction_id=key, quantity=units) + ",")
                        for key, units, fault in about
                    ]
                    batch = deliver(warehouse, Path(folder), f"n{number}", texts)
                    delivered.append((batch, texts))
                case (("mend" | "as it is"), int()):
                    send(warehouse, rows[about:], mend=step == "mend", why=str(number))
                case "close", int():
                    # Rows that had no place are closed anyway.
                    if chosen := rows[about : about + 1]:
                        close(warehouse, chosen, "a test", "ann")
                        closed |= {(row.first_batch_id, row.first_row_number) for row in chosen}
                case "withdraw", int():
                    known = dict(delivered)
                    can = [
                        each
                        for each in recent(warehouse, 100)
                        if each.rows_accepted
                        and not each.withdrawn_at
                        # Of a file with refused rows, those that went back would stay.
                        and (each.batch_id not in known or not each.rows_quarantined)
                    ]
                    for each in can[about : about + 1]:
                        withdraw(warehouse, each.batch_id, "not ours", "ann")
                        gone |= {each.batch_id} & known.keys()
                case "restore", int():
                    withdrawn = [each.batch_id for each in recent(warehouse, 100) if each.withdrawn_at]
                    for one in withdrawn[about : about + 1]:
                        # Rows of it are somewhere else by now, or others have their place: it is said, and nothing done.
                        with suppress(UsageError):
                            restore(warehouse, one, "ours", "ann")
                            gone -= {one}
                            # What a person closed and puts back counts.
                            closed -= roots(warehouse, one)
            check(warehouse)
        send(warehouse, find(warehouse, Filter()), mend=True, why="at last")
        check(warehouse)
        assert not find(warehouse, Filter())
        found = current(warehouse)
        empty(warehouse)
        for number, (batch, texts) in enumerate(delivered):
            good = [
                mended(text)
                for place, text in enumerate(texts, 1)
                if batch not in gone and (batch, place) not in closed
            ]
            if good:
                deliver(warehouse, Path(folder), f"again{number}", good)
        assert current(warehouse) == found


@pytest.mark.parametrize("either", ["duckdb"], indirect=True)
@given(_STEPS)
@settings(max_examples=EXAMPLES)
def test_mended_and_sent_back_is_as_if_it_had_landed_so(
    warehouse: Warehouse, steps: list[tuple[str, object]]
) -> None:
    hold_to_one_landing(warehouse, steps)


@pytest.mark.parametrize("either", ["redshift"], indirect=True)
@given(_STEPS)
@example(MENDED)
@settings(max_examples=max(1, EXAMPLES // 10), phases=[Phase.explicit, *_RANDOM])
@pytest.mark.soak
def test_so_it_is_on_redshift(warehouse: Warehouse, steps: list[tuple[str, object]]) -> None:
    hold_to_one_landing(warehouse, steps)

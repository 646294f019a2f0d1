"""Transactions that get in each other's way, and connections that break: nothing is lost, doubled or half done."""

from __future__ import annotations

import datetime as dt
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from tests.redshift import Cluster, staged_keys
from workbench.errors import WorkFailed
from workbench.warehouse import Warehouse
from workbench.warehouse.redshift import Address, RedshiftWarehouse
from workbench.warehouse.redshift.errors import Conflict, ConnectionLost, translate
from workbench.warehouse.redshift.idle import close_idle
from workbench.warehouse.redshift.retrying import Undecided

MOMENT = dt.datetime(2024, 1, 1)
MOVE = {"run_id": "r", "source": "a", "target": "b", "recorded_at": MOMENT}


@pytest.fixture
def serializable(
    redshift_warehouse: Warehouse, cluster: Cluster, redshift_database: str
) -> Iterator[RedshiftWarehouse]:
    """The warehouse with Redshift's isolation of transactions, which the look-alike has where it is asked to."""
    assert isinstance(redshift_warehouse, RedshiftWarehouse)
    with cluster.session("dev") as session:
        session.execute(
            f"ALTER DATABASE {redshift_database} SET default_transaction_isolation TO serializable"
        )
    # It holds for connections that are opened from now on.
    close_idle()
    yield redshift_warehouse
    with cluster.session("dev") as session:
        session.execute(f"ALTER DATABASE {redshift_database} RESET default_transaction_isolation")
    close_idle()


def copy_and_count(barrier: threading.Barrier, tries: list[str]) -> Any:
    """Return work that adds a row named after how many there are; two of it at once can't both be right."""

    def work(session: Any) -> int:
        ((count,),) = session.execute("SELECT count(*) FROM ops.lineage").fetchall()
        tries.append(threading.current_thread().name)
        if len(tries) <= 2:
            barrier.wait(timeout=120)
        session.execute(
            "INSERT INTO ops.lineage (run_id, source, target, recorded_at) VALUES (?, 'a', 'b', ?)",
            [f"row {count}", MOMENT],
        )
        return int(count)

    return work


def test_of_two_transactions_that_conflict_one_is_done_again(serializable: RedshiftWarehouse) -> None:
    tries: list[str] = []
    work = copy_and_count(threading.Barrier(2), tries)
    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(lambda _: serializable.run(work), range(2)))
    assert sorted(counts) == [0, 1]
    assert len(tries) > 2
    rows = serializable.query("SELECT run_id FROM ops.lineage ORDER BY run_id").to_pylist()
    assert [row["run_id"] for row in rows] == ["row 0", "row 1"]


def test_a_transaction_that_is_held_open_fails_with_what_was_in_the_way(
    serializable: RedshiftWarehouse,
) -> None:
    insert = "INSERT INTO ops.lineage (run_id, source, target, recorded_at) VALUES (?, 'a', 'b', ?)"
    with (
        pytest.raises(Conflict, match="another transaction was in the way"),
        serializable.transaction() as one,
    ):
        one.execute("SELECT count(*) FROM ops.lineage").fetchall()
        with serializable.transaction() as two:
            two.execute("SELECT count(*) FROM ops.lineage").fetchall()
            two.execute(insert, ["two", MOMENT])
        one.execute(insert, ["one", MOMENT])
    (row,) = serializable.query("SELECT run_id FROM ops.lineage").to_pylist()
    assert row == {"run_id": "two"}


def cut(cluster: Cluster, database: str, session: Any) -> None:
    """End a session's connection from the server's side."""
    pid = session.pid
    with cluster.session(database) as other:
        other.execute("SELECT pg_terminate_backend(?)", [pid]).fetchall()


def test_work_is_done_again_when_its_connection_breaks(
    redshift_warehouse: Warehouse, cluster: Cluster, redshift_database: str
) -> None:
    tries: list[int] = []

    def work(session: Any) -> None:
        session.execute(
            "INSERT INTO ops.lineage (run_id, source, target, recorded_at) VALUES ('r', 'a', 'b', ?)",
            [MOMENT],
        )
        tries.append(1)
        if len(tries) == 1:
            cut(cluster, redshift_database, session)
            session.execute("SELECT 1")

    redshift_warehouse.run(work)
    assert len(tries) == 2
    assert redshift_warehouse.counts("ops.lineage") == {"ops.lineage": 1}


def test_work_that_broke_as_it_was_committed_is_done_again_only_if_it_may_be(
    redshift_warehouse: Warehouse, cluster: Cluster, redshift_database: str
) -> None:
    tries: list[int] = []

    def work(session: Any) -> None:
        session.execute("DELETE FROM ops.lineage")
        session.execute(
            "INSERT INTO ops.lineage (run_id, source, target, recorded_at) VALUES ('r', 'a', 'b', ?)",
            [MOMENT],
        )
        tries.append(1)
        if len(tries) % 2:
            cut(cluster, redshift_database, session)

    with pytest.raises(Undecided, match="look whether it was"):
        redshift_warehouse.run(work)
    assert len(tries) == 1
    assert redshift_warehouse.counts("ops.lineage") == {"ops.lineage": 0}
    tries.clear()
    redshift_warehouse.run(work, repeatable=True)
    assert len(tries) == 2
    assert redshift_warehouse.counts("ops.lineage") == {"ops.lineage": 1}


def test_a_bulk_load_that_fails_leaves_neither_rows_nor_files(redshift_warehouse: Warehouse) -> None:
    rows = pa.Table.from_pylist([MOVE] * 5000)
    with (
        pytest.raises(RuntimeError),
        redshift_warehouse.prepare("ops.lineage", rows) as staged_rows,
        redshift_warehouse.transaction() as session,
    ):
        assert len(staged_keys()) == 1
        staged_rows.load(session)
        raise RuntimeError
    assert staged_keys() == []
    assert redshift_warehouse.counts("ops.lineage") == {"ops.lineage": 0}


def test_a_bulk_load_is_done_again_from_the_same_files(redshift_warehouse: Warehouse) -> None:
    tries: list[int] = []
    with redshift_warehouse.prepare("ops.lineage", pa.Table.from_pylist([MOVE] * 5000)) as staged_rows:

        def work(session: Any) -> None:
            staged_rows.load(session)
            tries.append(1)
            if len(tries) == 1:
                raise Conflict("in the way")

        redshift_warehouse.run(work)
    assert redshift_warehouse.counts("ops.lineage") == {"ops.lineage": 5000}


def test_no_server_is_said_in_one_line_after_some_tries(
    redshift_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(redshift_warehouse, RedshiftWarehouse)
    monkeypatch.setattr("workbench.warehouse.redshift.retrying.ATTEMPTS", 2)
    nobody = RedshiftWarehouse(replace(redshift_warehouse.address, port=1))
    with pytest.raises(WorkFailed, match=r"can't connect to redshift://\S+:1/") as raised:
        nobody.query("SELECT 1")
    assert "\n" not in str(raised.value)


def test_a_server_that_never_answers_is_given_up(
    redshift_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(redshift_warehouse, RedshiftWarehouse)
    monkeypatch.setattr("workbench.warehouse.redshift.retrying.ATTEMPTS", 1)
    monkeypatch.setattr("workbench.warehouse.redshift.connection.OPENING", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = replace(redshift_warehouse.address, port=silent.getsockname()[1])
        with pytest.raises(WorkFailed, match="can't connect to"):
            RedshiftWarehouse(address).query("SELECT 1")


def test_a_statement_may_take_longer_than_opening(
    redshift_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    close_idle()
    monkeypatch.setattr("workbench.warehouse.redshift.connection.OPENING", 5)
    with redshift_warehouse.transaction() as session:
        session.execute("SELECT pg_sleep(5.5)").fetchall()


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"C": "XX000", "M": "1023", "D": "Serializable isolation violation on table - 1234"}, Conflict),
        ({"C": "XX000", "M": "table 1234 dropped by concurrent transaction"}, Conflict),
        ({"C": "40P01", "M": "deadlock detected"}, Conflict),
        ({"C": "XX000", "M": "assert", "D": "table 10234"}, WorkFailed),
        ({"C": "57P01", "M": "terminating connection due to administrator command"}, ConnectionLost),
    ],
)
def test_redshifts_own_words_are_known(fields: dict[str, str], kind: type[Exception]) -> None:
    from redshift_connector.error import ProgrammingError

    assert type(translate(ProgrammingError(fields), "the statement failed")) is kind


@pytest.mark.parametrize(
    ("message", "is_one"),
    [
        ("Database Error in model x: 1023 DETAIL: Serializable isolation violation on table - 1234", True),
        ("Database Error in model x: could not serialize access due to concurrent update", True),
        ("Database Error in model x: deadlock detected", True),
        ('Database Error in model x: column "a1023" does not exist', False),
    ],
)
def test_a_conflict_is_known_by_what_dbt_says_of_it(message: str, is_one: bool) -> None:
    address = Address.parse("redshift://ana@cluster.example/sales", "a password")
    assert RedshiftWarehouse(address).is_conflict(message) is is_one

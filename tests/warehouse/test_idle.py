"""A connection that is left as it was found is the next one's, in this process and while the server keeps it."""

from __future__ import annotations

import os
import time

import pytest

from tests.redshift import Cluster
from workbench.errors import UsageError
from workbench.warehouse import Warehouse
from workbench.warehouse.redshift import RedshiftWarehouse, idle

PID = "SELECT pg_backend_pid()"


@pytest.fixture
def redshift(redshift_warehouse: Warehouse) -> RedshiftWarehouse:
    """The warehouse, with no connection left from before."""
    assert isinstance(redshift_warehouse, RedshiftWarehouse)
    idle.close_idle()
    return redshift_warehouse


def pid(warehouse: RedshiftWarehouse) -> int:
    return warehouse.run(lambda session: session.pid)


def test_plain_statements_share_a_connection_and_what_leaves_something_has_its_own(
    redshift: RedshiftWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle, "LINGER", 30.0)
    first = pid(redshift)
    redshift.execute("DELETE FROM ops.lineage")
    assert redshift.rows("SELECT DATE '0001-01-01' AS day")
    assert pid(redshift) == first
    for leaving in (
        "SET search_path TO raw",
        " set statement_timeout to 9000",
        "CREATE TEMP TABLE lineage (a int)",
        "SELECT 1 AS a INTO TEMP TABLE lineage",
        "SELECT set_config('search_path', 'raw', false)",
        "/* a remark */ SET search_path TO raw",
    ):
        redshift.execute(leaving)
        after = pid(redshift)
        assert after != first, leaving
        assert redshift.rows("SELECT current_setting('search_path') AS path") == [{"path": "marts, core"}]
        first = after
    with pytest.raises(UsageError):
        redshift.execute("SELECT nothing FROM nowhere")
    assert pid(redshift) != first
    # Dates come as the driver has them, whoever had the connection before.
    redshift.rows("SELECT DATE '2024-01-01' AS day")
    ((day,),) = redshift.run(lambda session: session.execute("SELECT DATE '2024-01-01'").fetchall())
    assert day.year == 2024
    # Two at once have two.
    with redshift.transaction() as one, redshift.transaction() as two:
        assert one.pid != two.pid


def test_one_that_the_server_ended_or_that_waited_for_long_is_no_ones(
    redshift: RedshiftWarehouse, cluster: Cluster, redshift_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle, "LINGER", 30.0)
    first = pid(redshift)
    with cluster.session("dev") as session:
        session.execute("SELECT pg_terminate_backend(?)", [first])
        alive = "SELECT count(*) FROM pg_stat_activity WHERE datname = ?"
        while session.execute(alive, [redshift_database]).fetchone() != (0,):
            time.sleep(0.01)
        second = pid(redshift)
        assert second != first
        monkeypatch.setattr(idle, "LINGER", 0.05)
        idle.close_idle()
        pid(redshift)
        until = time.monotonic() + 120
        while session.execute(alive, [redshift_database]).fetchone() != (0,):
            assert time.monotonic() < until
            time.sleep(0.01)


def test_a_forked_process_has_connections_of_its_own(
    redshift: RedshiftWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle, "LINGER", 30.0)
    first = pid(redshift)
    reading, writing = os.pipe()
    if child := os.fork():
        os.close(writing)
        with os.fdopen(reading) as said:
            theirs = int(said.read())
        assert os.waitpid(child, 0)[1] == 0
    else:
        os.write(writing, str(pid(redshift)).encode())
        os._exit(0)
    assert len({first, theirs, pid(redshift)}) == 3

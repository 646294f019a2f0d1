"""Who reads waits for nobody who writes, and sees core and marts as they were at the end of a run."""

from __future__ import annotations

import os
import signal
import stat
import struct
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.answers import read
from tests.warehouse.replica import FACT, let_go, parts_of_day
from workbench.errors import UsageError, WorkFailed
from workbench.schema import PUBLISHED
from workbench.warehouse import Warehouse, connect
from workbench.warehouse.bookkeeping import bookkeeping
from workbench.warehouse.duckdb import DuckDBReader, DuckDBWarehouse
from workbench.warehouse.duckdb.publication import STORAGE

# Has changed a table, and has the file until it is told to commit.
WRITING = """
import sys
from workbench.warehouse import connect
with connect().transaction() as session:
    session.execute("UPDATE core.dim_time SET part_of_day = 'new'")
    print("begun", flush=True)
    sys.stdin.readline()
"""
# Stops where the test kills it.
STOPPED = """
import time
from workbench.warehouse import connect
from workbench.warehouse.duckdb import publication, replica
def stop(*_):
    print("begun", flush=True)
    time.sleep(600)
{} = stop
connect().publish()
"""
MOMENTS = {
    "as it compares": "publication._Publication._parts",
    "as it writes": "publication._Publication._note",
    "before it is renamed": "replica.Replica.put_in_place",
    "before it is noted": "replica.Replica.is_as",
}


def start(program: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    return process


def differing(warehouse: DuckDBWarehouse) -> set[str]:
    """Return the tables and views of core and marts that aren't the same in both files."""
    listed = (
        "SELECT table_schema || '.' || table_name AS name, list(column_name ORDER BY ordinal_position) AS columns "
        "FROM information_schema.columns WHERE table_schema IN ('core', 'marts') GROUP BY 1"
    )

    def content(connection: duckdb.DuckDBPyConnection) -> dict[str, object]:
        return {
            name: (columns, sorted(connection.execute(f"FROM {name}").fetchall(), key=repr))
            for name, columns in connection.execute(listed).fetchall()
        }

    with warehouse.connection(read_only=True) as connection:
        there = content(connection)
    with duckdb.connect(warehouse.replica.path, read_only=True) as connection:
        here = content(connection)
    return {name for name in there.keys() | here.keys() if there.get(name) != here.get(name)}


def test_readers_neither_wait_for_a_writer_nor_see_what_it_does(
    filled: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_LOCK_TIMEOUT", "0")
    let_go(filled.path)
    with start(WRITING) as writer:
        try:
            with pytest.raises(WorkFailed, match="in use by"):
                parts_of_day(connect())
            reader = connect(read_only=True)
            assert parts_of_day(reader) == {"old"}
            assert isinstance(reader, DuckDBReader) and reader.as_of is not None and reader.is_behind
            assert connect(create=True, read_only=True).counts("core.dim_time") == {"core.dim_time": 60}
            assert reader.frame("SELECT * FROM retail_sales").shape[0] == 900
            assert read(reader, "SELECT * FROM dim_time").num_rows == 60
            assert reader.counts("marts.retail_sales") == {"marts.retail_sales": 900}
            with pytest.raises(WorkFailed, match="in use by"):
                reader.query("SELECT * FROM raw.stores")
            writer.communicate("\n", timeout=120)
        finally:
            writer.kill()
    monkeypatch.delenv("WORKBENCH_LOCK_TIMEOUT")
    assert parts_of_day(connect()) == {"new"} and parts_of_day(connect(read_only=True)) == {"old"}
    assert connect().publish()
    reader = connect(read_only=True)
    assert parts_of_day(reader) == {"new"}
    assert isinstance(reader, DuckDBReader) and not reader.is_behind


def test_who_has_the_old_one_open_keeps_it(filled: DuckDBWarehouse) -> None:
    with duckdb.connect(filled.replica.path, read_only=True) as open_since:
        code = (
            "from workbench.warehouse import connect; warehouse = connect(); "
            "warehouse.execute(\"UPDATE core.dim_time SET part_of_day = 'new'\"); assert warehouse.publish()"
        )
        subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
        old = open_since.execute("SELECT DISTINCT part_of_day FROM core.dim_time").fetchall()
        assert old == [("old",)]
    assert parts_of_day(connect(read_only=True)) == {"new"}


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_a_process_that_is_killed_at_it_leaves_the_old_one_or_the_new(
    filled: DuckDBWarehouse, moment: str
) -> None:
    filled.execute("UPDATE core.dim_time SET part_of_day = 'new'")
    let_go(filled.path)
    with start(STOPPED.format(moment)) as process:
        process.send_signal(signal.SIGKILL)
    is_new = moment.endswith("is_as")
    assert parts_of_day(connect(read_only=True)) == {"new" if is_new else "old"}
    # The next one finds that it is to be done, and what lies about.
    assert filled.publish() is not is_new
    assert parts_of_day(connect(read_only=True)) == {"new"}
    assert differing(filled) == set()
    assert not [each for each in filled.path.parent.iterdir() if ".part" in each.name]


def test_nothing_is_done_where_nothing_has_changed(filled: DuckDBWarehouse) -> None:
    before, as_of = filled.replica.path.stat().st_ino, filled.replica.as_of()
    with bookkeeping():
        filled.execute("INSERT INTO ops.lineage VALUES ('r', 'a', 'b', now()::TIMESTAMP)")
    assert not filled.replica.is_due() and not filled.publish()
    assert filled.replica.as_of() == as_of
    # Of what was written nothing is for readers, or it is as before.
    filled.execute("DELETE FROM raw.stores")
    filled.execute("UPDATE core.dim_time SET part_of_day = 'old'")
    assert filled.replica.is_due() and not filled.publish()
    assert filled.replica.path.stat().st_ino == before
    assert as_of is not None and (filled.replica.as_of() or as_of) > as_of


CHANGES = {
    "rows are added": (FACT.format(900, 920),),
    "rows are added and others go": (
        FACT.format(900, 920), "DELETE FROM core.fact_transactions WHERE transaction_id IN ('t5', 't7')",
    ),
    "rows are added and others change": (
        FACT.format(900, 920), "UPDATE core.fact_transactions SET channel = 'online' WHERE transaction_id IN ('t5', 't910')",
    ),
    "rows are added behind some that went": (
        FACT.format(900, 940), "DELETE FROM core.fact_transactions WHERE transaction_id IN ('t910', 't930', 't939')",
        FACT.format(950, 960),
    ),
    "rows go": ("DELETE FROM core.fact_transactions WHERE transaction_id IN ('t5', 't7')",),
    "a day goes": ("DELETE FROM core.fact_transactions WHERE date_key = 20260103",),
    "rows move to another day": ("UPDATE core.fact_transactions SET date_key = 20250101 WHERE transaction_id < 't2'",),
    "a text changes": ("UPDATE core.fact_transactions SET channel = 'online' WHERE transaction_id = 't12'",),
    "two rows change places": (
        "UPDATE core.fact_transactions SET channel = CASE transaction_id WHEN 't9' THEN 'a' ELSE 'b' END "
        "WHERE transaction_id IN ('t9', 't18')",
    ),
    "a value becomes none": ("UPDATE core.fact_transactions SET channel = NULL WHERE transaction_id = 't12'",),
    "a row is there twice": ("INSERT INTO core.dim_time SELECT * FROM core.dim_time WHERE time_key = 3",),
    "a table is emptied": ("DELETE FROM core.dim_time",),
    "all of it goes": ("DELETE FROM core.fact_transactions", "DELETE FROM core.dim_time"),
    "most of it is new": (FACT.format(900, 9000),),
    "there is a new table": ("CREATE TABLE marts.own AS SELECT 1 AS one, 20260101 AS date_key",),
    "a table goes": ("DROP TABLE marts.fraud_scores",),
    "there is a new column": ("ALTER TABLE core.dim_time ADD COLUMN more VARCHAR DEFAULT 'x'",),
    "a view is another": ("CREATE OR REPLACE VIEW marts.retail_sales AS SELECT 'other' AS what, * FROM core.dim_time",),
}  # fmt: skip


@pytest.mark.parametrize("statements", CHANGES.values(), ids=CHANGES)
def test_whatever_is_written_by_whomever_is_in_the_next_one(
    filled: DuckDBWarehouse, statements: tuple[str, ...]
) -> None:
    for statement in statements:
        filled.execute(statement)
    assert differing(filled)
    assert filled.publish()
    assert differing(filled) == set()
    # What it notes of its parts is right, too.
    filled.replica.mark()
    assert not filled.publish()
    filled.execute(FACT.format(99_000, 99_001))
    assert filled.publish() and differing(filled) == set()


def test_the_file_is_one_that_readers_of_today_open(filled: DuckDBWarehouse) -> None:
    path = filled.replica.path
    for _ in range(2):
        with path.open("rb") as file:
            header = file.read(20)
        # The newest that DuckDB 1.5 reads.
        assert header[8:12] == b"DUCK" and struct.unpack("<Q", header[12:])[0] <= 68
        with duckdb.connect(path, read_only=True) as connection:
            ((tags,),) = connection.execute(
                "SELECT tags FROM duckdb_databases() WHERE path IS NOT NULL"
            ).fetchall()
        assert tags["storage_version"] == f"{STORAGE}+"
        # As well where it was brought up to date.
        filled.execute(FACT.format(900, 901))
        filled.publish()


def test_it_holds_core_and_marts_with_their_view_and_comments_under_any_name(
    filled: DuckDBWarehouse, tmp_path: Path
) -> None:
    other = filled.replica.path.rename(tmp_path / "another name.duckdb")
    with duckdb.connect(other, read_only=True) as connection:
        names = "SELECT schema_name FROM duckdb_tables() UNION SELECT schema_name FROM duckdb_views() WHERE NOT internal"
        assert {name for (name,) in connection.execute(names).fetchall()} == {*PUBLISHED, "main"}
        assert connection.execute("SELECT count(*) FROM marts.retail_sales").fetchall() == [(900,)]
        ((comment, nullable),) = connection.execute(
            "SELECT comment, is_nullable FROM duckdb_columns() WHERE table_name = 'dim_time' AND column_name = 'hour'"
        ).fetchall()
        assert (comment, nullable) == ("0 to 23", False)
        assert connection.execute("SELECT count(*) FROM publication").fetchall() == [(1,)]
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{other}' AS elsewhere (READ_ONLY)")
        found = connection.execute("SELECT count(*) FROM elsewhere.marts.retail_sales").fetchall()
        assert found == [(900,)]
    assert b"secret" not in other.read_bytes()


def test_it_is_for_its_owner_alone(filled: DuckDBWarehouse) -> None:
    before = os.umask(0o022)
    try:
        for statement in ("SELECT 1", FACT.format(900, 901), FACT.format(901, 9000)):
            filled.execute(statement)
            filled.publish()
            for path in filled.path.parent.glob("*replica*"):
                assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(before)


def test_what_only_reads_writes_nothing(filled: DuckDBWarehouse) -> None:
    reader = connect(read_only=True)
    with pytest.raises(UsageError, match="opened to read"):
        reader.execute("DELETE FROM core.dim_time")
    with pytest.raises(duckdb.Error):
        reader.query("DELETE FROM core.dim_time")
    assert filled.counts("core.dim_time") == {"core.dim_time": 60}


def test_other_tables_are_read_in_the_warehouse_itself(filled: DuckDBWarehouse) -> None:
    reader = connect(read_only=True)
    assert isinstance(reader, DuckDBReader)
    assert reader.query("SELECT name FROM raw.stores").to_pylist() == [{"name": "secret"}]
    assert reader.as_of is None
    filled.execute("CREATE TABLE marts.later AS SELECT 1 AS one")
    assert reader.query("SELECT one FROM marts.later").num_rows == 1
    filled.execute("ALTER TABLE core.dim_time ADD COLUMN more VARCHAR")
    assert reader.query("SELECT more FROM core.dim_time").num_rows == 60
    assert set(filled.catalogue()) - set(reader.catalogue()) == {"marts.later"}


def test_a_replica_that_cannot_be_read_is_made_anew(filled: DuckDBWarehouse) -> None:
    filled.replica.path.write_bytes(b"no database")
    filled.replica.mark()
    assert filled.publish() and differing(filled) == set()


def test_a_folder_in_its_place_is_named_and_read_past(filled: DuckDBWarehouse) -> None:
    filled.replica.path.unlink()
    filled.replica.path.mkdir()
    assert connect(read_only=True).query("SELECT 1 AS one FROM core.dim_time LIMIT 1").num_rows == 1
    filled.replica.mark()
    with pytest.raises(
        WorkFailed, match=r"readers have the tables of before, .*replica\.duckdb can't be written"
    ):
        filled.publish()


def test_without_the_setting_there_is_none(filled: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    filled.execute("UPDATE core.dim_time SET part_of_day = 'new'")
    monkeypatch.setenv("WORKBENCH_REPLICA", "false")
    assert parts_of_day(connect(read_only=True)) == {"new"}
    assert not connect().publish() and not filled.replica.exists()
    monkeypatch.delenv("WORKBENCH_REPLICA")
    assert connect().publish() and differing(filled) == set()


def test_on_redshift_readers_have_what_is_committed(redshift_warehouse: Warehouse) -> None:
    redshift_warehouse.execute("INSERT INTO core.dim_time VALUES (1, 0, 1, 'new')")
    assert not redshift_warehouse.publish()
    assert parts_of_day(connect(read_only=True)) == {"new"}

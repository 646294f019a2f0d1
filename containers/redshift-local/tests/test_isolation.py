"""Error 1023: transactions that can't have come one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redshift_connector

from redshift_local import Address, RedshiftLocal

from .conftest import connect_to

Pair = tuple[redshift_connector.Connection, redshift_connector.Connection]


@pytest.fixture(scope="module", params=["serializable", "snapshot"])
def level(request: pytest.FixtureRequest, folder: Path) -> Iterator[tuple[str, Address]]:
    """Each isolation level, and a server of it."""
    with RedshiftLocal(folder / request.param, isolation=request.param) as address:
        yield request.param, address


@pytest.fixture
def pair(level: tuple[str, Address]) -> Iterator[Pair]:
    """Two connections beside tables a, with one row, and b, without."""
    first, second = connect_to(level[1]), connect_to(level[1])
    cursor = first.cursor()
    for statement in ("CREATE TABLE a (n int)", "CREATE TABLE b (n int)", "INSERT INTO a VALUES (1)"):
        cursor.execute(statement)
    first.commit()
    yield first, second
    second.rollback()
    second.close()
    first.rollback()
    for table in ("a", "b"):
        first.cursor().execute(f"DROP TABLE {table}")
    first.commit()
    first.close()


def _violation(raised: pytest.ExceptionInfo[Exception]) -> bool:
    fields = raised.value.args[0]
    return fields["M"] == "1023" and fields["D"].startswith(
        "Serializable isolation violation on table - 0, transactions forming the cycle are: "
    )


def test_each_reading_what_the_other_writes_is_a_violation_unless_the_level_is_snapshot(
    pair: Pair, level: tuple[str, Address]
) -> None:
    first, second = pair
    one, two = first.cursor(), second.cursor()
    one.execute("SELECT count(*) FROM a")
    two.execute("SELECT count(*) FROM b")
    one.execute("INSERT INTO b VALUES (1)")
    two.execute("INSERT INTO a VALUES (2)")
    first.commit()
    if level[0] == "snapshot":
        second.commit()
        return
    with pytest.raises(redshift_connector.ProgrammingError) as raised:
        second.commit()
    assert _violation(raised)
    second.rollback()
    two.execute("INSERT INTO a VALUES (2)")
    second.commit()


def test_changing_what_another_has_changed_since_is_a_violation(pair: Pair) -> None:
    first, second = pair
    one, two = first.cursor(), second.cursor()
    two.execute("SELECT n FROM a")
    one.execute("UPDATE a SET n = n + 1")
    first.commit()
    with pytest.raises(redshift_connector.ProgrammingError) as raised:
        two.execute("UPDATE a SET n = n + 1")
    assert _violation(raised)


def test_a_lock_taken_first_lets_both_through(pair: Pair) -> None:
    first, second = pair
    one, two = first.cursor(), second.cursor()
    one.execute("LOCK a")
    one.execute("UPDATE a SET n = n + 1")
    first.commit()
    two.execute("LOCK a")
    two.execute("UPDATE a SET n = n + 1")
    second.commit()
    two.execute("SELECT n FROM a")
    assert two.fetchall() == ([3],)


def test_a_transaction_sees_what_was_there_when_it_began(pair: Pair) -> None:
    first, second = pair
    one, two = first.cursor(), second.cursor()
    two.execute("SELECT count(*) FROM b")
    one.execute("INSERT INTO b VALUES (1)")
    first.commit()
    two.execute("SELECT count(*) FROM b")
    assert two.fetchall() == ([0],)


def test_tables_and_views_can_be_made_at_once(pair: Pair) -> None:
    first, second = pair
    for name, connection in (("x", first), ("y", second)):
        cursor = connection.cursor()
        cursor.execute(f"CREATE TABLE t_{name} (s varchar(5)) DISTSTYLE ALL")
        cursor.execute(f"CREATE VIEW v_{name} AS SELECT s FROM public.t_{name} WITH NO SCHEMA BINDING")
        cursor.execute(f"DROP TABLE IF EXISTS t_{name}")
        cursor.execute(f"DROP VIEW v_{name}")
    first.commit()
    second.commit()


def test_any_level_may_be_asked_for_and_the_databases_holds(pair: Pair, level: tuple[str, Address]) -> None:
    first, _ = pair
    first.rollback()
    first.autocommit = True
    cursor = first.cursor()
    cursor.execute("BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE")
    cursor.execute("SHOW transaction_isolation")
    assert cursor.fetchall() == ([{"snapshot": "repeatable read"}.get(level[0], "serializable")],)
    cursor.execute("ROLLBACK")
    first.autocommit = False

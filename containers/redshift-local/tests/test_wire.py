"""What clients see of the connection: log-in, TLS, statements, transactions, errors, cancelling."""

from __future__ import annotations

import asyncio
import datetime
import os
import signal
import subprocess
import threading
import time
from decimal import Decimal

import pandas
import psycopg2
import psycopg2.errors
import pytest
import redshift_connector

from redshift_local import Address
from redshift_local.postgres import find_programs
from redshift_local.protocol.wire import Incoming, Message

from .conftest import Connect, error_of


@pytest.mark.parametrize(
    ("style", "sql", "values"),
    [
        ("qmark", "select ?::int + ?::int", (40, 2)),
        ("numeric", "select :1::int + :2::int", (40, 2)),
        ("named", "select :a::int + :b::int", {"a": 40, "b": 2}),
        ("format", "select %s::int + %s::int", (40, 2)),
        ("pyformat", "select %(a)s::int + %(b)s::int", {"a": 40, "b": 2}),
    ],
)
def test_parameters_of_every_style_are_bound(
    cursor: redshift_connector.Cursor, style: str, sql: str, values: object
) -> None:
    cursor.paramstyle = style
    cursor.execute(sql, values)
    assert cursor.fetchall() == ([42],)


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_values_keep_their_types_whatever_protocol_the_driver_asks_for(
    connect: Connect, protocol: int
) -> None:
    cursor = connect(client_protocol_version=protocol).cursor()
    cursor.execute(
        "select 7::smallint, 1::int, 2::bigint, 2.50::numeric(10,2), 1.5::float8, true, 'é'::varchar, null, "
        "date '2024-02-29', timestamp '2024-02-29 12:30:00.25'"
    )
    assert cursor.fetchone() == [
        7, 1, 2, Decimal("2.50"), 1.5, True, "é", None, datetime.date(2024, 2, 29),
        datetime.datetime(2024, 2, 29, 12, 30, 0, 250000),
    ]  # fmt: skip


def test_the_server_says_that_it_is_redshift(cursor: redshift_connector.Cursor, server: Address) -> None:
    cursor.execute("select version()")
    assert "Redshift" in cursor.fetchone()[0]
    with psycopg2.connect(_dsn(server)) as connection:
        assert connection.server_version == 80002


def test_a_transaction_that_is_rolled_back_leaves_nothing(connect: Connect) -> None:
    first, second = connect(), connect()
    cursor = first.cursor()
    cursor.execute("create table rolled_back (n int)")
    cursor.execute("insert into rolled_back values (1)")
    first.rollback()
    with pytest.raises(redshift_connector.ProgrammingError) as raised:
        second.cursor().execute("select * from rolled_back")
    assert error_of(raised)[0] == "42P01"


def test_autocommit_commits_each_statement(connect: Connect) -> None:
    first, second = connect(), connect()
    first.autocommit = True
    cursor = first.cursor()
    cursor.execute("create table committed (n int)")
    cursor.execute("insert into committed values (1)")
    other = second.cursor()
    other.execute("select n from committed")
    assert other.fetchall() == ([1],)
    second.rollback()
    cursor.execute("drop table committed")


def test_after_an_error_the_transaction_is_aborted_until_it_is_rolled_back(connect: Connect) -> None:
    connection = connect()
    cursor = connection.cursor()
    for wrong, code in [
        ("select nope", "42703"),
        ("create index i on t (n)", "0A000"),
        ("select 'open", "42601"),
    ]:
        with pytest.raises(redshift_connector.ProgrammingError) as raised:
            cursor.execute(wrong)
        assert error_of(raised)[0] == code
        with pytest.raises(redshift_connector.ProgrammingError) as raised:
            cursor.execute("select 1")
        assert error_of(raised)[0] == "25P02"
        connection.rollback()
        cursor.execute("select 1")
        assert cursor.fetchall() == ([1],)


def test_a_prepared_statement_is_used_again(connect: Connect) -> None:
    connection = connect(max_prepared_statements=2)
    cursor = connection.cursor()
    for n in range(20):
        cursor.execute(f"select nvl(%s::int, 0) + {n % 3}", (n,))
        assert cursor.fetchone() == [n + n % 3]


def test_data_frames_go_in_and_come_out(cursor: redshift_connector.Cursor) -> None:
    frame = pandas.DataFrame({"id": [1, 2, 3], "name": ["a", "b\\", "c'"]})
    cursor.execute("create table framed (id int, name varchar(10))")
    cursor.write_dataframe(frame, "framed")
    cursor.execute("select id, name from framed order by id")
    assert cursor.fetch_dataframe().values.tolist() == frame.values.tolist()


def test_many_values_are_inserted_one_by_one(cursor: redshift_connector.Cursor) -> None:
    cursor.execute("create temp table many (n int, s varchar(20))")
    cursor.executemany("insert into many values (%s, %s)", [(n, str(n)) for n in range(200)])
    cursor.execute("select count(*), sum(n) from many where s = n::varchar")
    assert cursor.fetchone() == [200, 19900]


def test_a_wrong_password_is_refused(connect: Connect) -> None:
    with pytest.raises(redshift_connector.ProgrammingError) as raised:
        connect(password="wrong")
    assert error_of(raised)[0] == "28P01"


def test_nobody_logs_in_as_the_servers_own_user(connect: Connect) -> None:
    with pytest.raises(redshift_connector.InterfaceError) as raised:
        connect(user="rdsdb", password="")
    assert error_of(raised)[0] == "28000"


def test_a_client_that_asks_for_no_tls_is_served_without(connect: Connect) -> None:
    cursor = connect(ssl=False).cursor()
    cursor.execute("select 1")
    assert cursor.fetchall() == ([1],)


def test_psql_runs_several_statements_and_sees_errors(server: Address) -> None:
    done = _psql(server, "select nvl(null, 'a') as one; select 2 / 0; select 3;")
    assert "a" in done.stdout
    assert "division by zero" in done.stderr
    refused = _psql(server, "select 1; copy t from stdin")
    assert "not imitated" in refused.stderr
    assert refused.returncode == 3


def test_psycopg_runs_several_statements_in_one_message(server: Address) -> None:
    with psycopg2.connect(_dsn(server)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "create temp table several (n int); insert into several values (1), (2); select sum(n) from several"
        )
        assert cursor.fetchone() == (3,)
        with pytest.raises(psycopg2.errors.FeatureNotSupported, match="SUPER"):
            cursor.execute("select 1; select json_parse('{}')")
        connection.rollback()
        cursor.execute("select 5")
        assert cursor.fetchone() == (5,)


def test_ctrl_c_in_psql_cancels_the_statement_alone(server: Address, connect: Connect) -> None:
    psql = subprocess.Popen(
        [find_programs() / "psql", "-X", "-A", "-t", _dsn(server)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert psql.stdin is not None
    psql.stdin.write(
        "select 'be' || 'gun';\n\\! sleep 0.1\nselect pg_sleep(300);\nselect 'still ' || 'there';\n"
    )
    psql.stdin.flush()
    other, deadline = connect(), time.monotonic() + 120
    other.autocommit = True
    cursor = other.cursor()
    sleeps = (
        "select count(*) from pg_stat_activity where state = 'active' and query like 'select pg_sleep(300)%'"
    )
    while cursor.execute(sleeps).fetchone() != [1]:
        assert psql.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    psql.send_signal(signal.SIGINT)
    out, errors = psql.communicate("\\q\n", timeout=120)
    assert "canceling statement due to user request" in errors
    assert out.startswith("begun")


def test_many_connections_work_at_once(connect: Connect) -> None:
    connections = [connect() for _ in range(30)]
    found: list[int] = []

    def ask(connection: redshift_connector.Connection, n: int) -> None:
        cursor = connection.cursor()
        for _ in range(10):
            cursor.execute("select %s::int", (n,))
            found.append(cursor.fetchone()[0] - n)

    threads = [threading.Thread(target=ask, args=pair) for pair in zip(connections, range(30), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [0] * 300


def test_a_large_result_arrives_whole(cursor: redshift_connector.Cursor) -> None:
    cursor.execute("select n, repeat('x', 100) from generate_series(1, 100000) as s(n)")
    rows = cursor.fetchall()
    assert (len(rows), rows[-1][0]) == (100000, 100000)


@pytest.mark.parametrize("size", [1, 9, 1 << 20])
def test_messages_are_cut_from_a_stream_wherever_its_pieces_end(size: int) -> None:
    sent = [Message(b"P", bytes(range(256))), Message(b"H", b""), Message(b"H", b""), Message(b"S", b"")]
    data = b"".join(message.encode() for message in sent) + b"X\0\0"

    async def read() -> tuple[list[Message], bool, bytes]:
        reader = asyncio.StreamReader()
        incoming = Incoming(reader)

        async def feed() -> None:
            for at in range(0, len(data), size):
                reader.feed_data(data[at : at + size])
                await asyncio.sleep(0)
            reader.feed_eof()

        feeding = asyncio.create_task(feed())
        found = [await incoming.next()]
        follows = incoming.has(b"HS")
        found += [await incoming.next() for _ in sent[1:]]
        with pytest.raises(asyncio.IncompleteReadError) as ended:
            await incoming.next()
        await feeding
        return found, follows, ended.value.partial

    # All in one piece, the ones to come are known.
    assert asyncio.run(read()) == (sent, size > len(data), b"X\0\0")


def _dsn(server: Address) -> str:
    return (
        f"host={server.host} port={server.port} dbname={server.database} user={server.user} "
        f"password={server.password} sslmode=verify-full sslrootcert={server.ca}"
    )


def _psql(server: Address, sql: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [find_programs() / "psql", "-X", "-v", "ON_ERROR_STOP=1", "-f", "-", _dsn(server)],
        input=sql, capture_output=True, text=True, timeout=300, env=os.environ,
    )  # fmt: skip

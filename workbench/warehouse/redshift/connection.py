"""A session on Redshift, for one statement or one transaction."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import botocore.exceptions
import redshift_connector
from redshift_connector.config import FC_TEXT
from redshift_connector.utils.oids import RedshiftOID
from redshift_connector.utils.type_utils import text_recv

from workbench.errors import UsageError, WorkbenchError, WorkFailed, one_line
from workbench.warehouse.access import note
from workbench.warehouse.redshift import idle
from workbench.warehouse.redshift.address import Address
from workbench.warehouse.redshift.errors import (
    DRIVER_ERRORS,
    ConnectionLost,
    Unreachable,
    translate,
)

if TYPE_CHECKING:
    from pathlib import Path

OPENING = 30
"""Seconds that a connection may take to open."""
_SETTINGS = ("SET timezone TO 'UTC'", "SET search_path TO marts, core")
# With what a statement begins that changes nothing of its session, and what changes it all the same.
_HARMLESS = frozenset({
    "begin", "commit", "copy", "delete", "explain", "insert", "lock", "merge", "refresh", "rollback", "select", "show",
    "unload", "update", "with",
})  # fmt: skip
_IN_A_QUERY = re.compile(r"\b(into\s+(temp|table|#)|into\s+\S+\s+from|set_config)", re.IGNORECASE)
TIMES = (
    RedshiftOID.DATE, RedshiftOID.TIME, RedshiftOID.TIMETZ, RedshiftOID.TIMESTAMP, RedshiftOID.TIMESTAMPTZ,
)  # fmt: skip
_environment = threading.Lock()
# Whoever held it in the parent isn't there to release it.
os.register_at_fork(after_in_child=lambda: _environment._at_fork_reinit())  # type: ignore[attr-defined]


class RedshiftSession:
    """A :class:`~workbench.warehouse.base.Session` on a connection of the driver's.

    Its statements are each their own transaction, until `begin`. Values are bound, never put into the text. It
    ``leaves_nothing`` as long as none of them may have changed what the next on this connection would find: its settings
    and temporary tables.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.leaves_nothing = True
        self.cursor = connection.cursor()
        self.cursor.paramstyle = "qmark"

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> RedshiftSession:
        """Run one statement.

        Raises:
            UsageError: the statement is wrong.
            Conflict, ConnectionLost, WorkFailed: it failed.
        """
        note(sql, "redshift")
        self.leaves_nothing = self.leaves_nothing and _leaves_nothing(sql)
        try:
            self.cursor.execute(sql, list(parameters) if parameters else None)
        except DRIVER_ERRORS as error:
            raise translate(error, "the statement failed") from None
        return self

    def execute_into(self, sql: str, rows: deque[Any]) -> None:
        """Run one statement, each of whose rows the driver adds to ``rows`` when it comes.

        Whoever interrupts it, or raises anything when a row is added, leaves a connection on which nothing can be done.

        Raises:
            UsageError, Conflict, ConnectionLost, WorkFailed: as `execute`.
        """
        self.cursor._cached_rows = rows
        try:
            self.execute(sql)
        except WorkbenchError:
            raise
        except BaseException:
            # The server has rows left to send, maybe very many, and would answer nothing else before.
            with suppress(OSError):
                self._connection._usock.shutdown(socket.SHUT_RDWR)
            raise
        finally:
            self.cursor._cached_rows = deque()

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row; None after the last."""
        row = self.cursor.fetchone()
        return None if row is None else tuple(row)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows that are left."""
        return [tuple(row) for row in self.cursor.fetchall()]

    @property
    def described(self) -> list[tuple[str, int, int]]:
        """Name, type and type modifier of each column of the answer; empty for a statement without one."""
        return [
            (column["label"].decode(), column["type_oid"], column["type_modifier"])
            for column in (self.cursor.ps or {}).get("row_desc", ())
        ]

    def keep_times_as_text(self) -> None:
        """Have the next statements' dates and times come as the server writes them.

        The driver knows no year before 1 or after 9999, and gives the first or the last day there is for them.
        """
        for kind in TIMES:
            self._connection.redshift_types[kind] = (FC_TEXT, text_recv)

    @property
    def pid(self) -> int:
        """The server's process of this connection."""
        (pid,) = self.execute("SELECT pg_backend_pid()").fetchone() or (0,)
        return int(pid)


def _leaves_nothing(sql: str) -> bool:
    first = sql[:32].split(None, 1)[:1]
    return bool(first) and first[0].lower() in _HARMLESS and not _IN_A_QUERY.search(sql)


@contextmanager
def open_session(address: Address) -> Iterator[RedshiftSession]:
    """Have a connection for a moment: times in UTC, unqualified names looked for in marts, then core.

    It may be one that another session left shortly before, and as it found it.

    Raises:
        UsageError: the login is refused, or the server can't do TLS.
        Unreachable: no connection.
        WorkFailed: AWS gives no temporary credentials.
    """
    connection = idle.take(address)
    if connection is None:
        connection = idle.Connection(_connect(address))
    driver = connection.driver
    as_made = {kind: driver.redshift_types[kind] for kind in TIMES}
    try:
        session = RedshiftSession(driver)
        yield session
    except BaseException:
        connection.close()
        raise
    driver.redshift_types.update(as_made)
    if session.leaves_nothing and not driver.in_transaction:
        idle.keep(address, connection)
    else:
        connection.close()


def _connect(address: Address) -> Any:
    arguments = address.arguments()
    try:
        with _authority(address.ca):
            connection = redshift_connector.connect(
                **arguments, application_name="workbench", timeout=OPENING, tcp_keepalive=True,
                # Statements kept as prepared are closed one by one whenever a table is made or changed.
                max_prepared_statements=0,
            )  # fmt: skip
        # The driver's time limit holds for each answer, too, and a statement may take as long as it takes.
        connection._usock.settimeout(None)
    except DRIVER_ERRORS as error:
        if "Server refuses SSL" in str(error):
            raise UsageError(
                f"{address.url} offers no TLS; with ssl=off in the URL of the warehouse it is done without"
            ) from None
        problem = translate(error, f"can't connect to {address.url}")
        if isinstance(problem, ConnectionLost):
            raise Unreachable(f"can't connect to {address.url}: {one_line(str(error))}") from None
        raise problem from None
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        raise WorkFailed(f"no temporary credentials for {address.url}: {one_line(str(error))}") from None
    connection.autocommit = True
    try:
        session = RedshiftSession(connection)
        for setting in _SETTINGS:
            session.execute(setting)
    except BaseException:
        with suppress(*DRIVER_ERRORS):
            connection.close()
        raise
    return connection


@contextmanager
def _authority(ca: Path | None) -> Iterator[None]:
    """Have the driver trust an authority beside Amazon's own; it knows only this variable."""
    if ca is None:
        yield
        return
    with _environment:
        before = os.environ.get("SSL_CERT_FILE")
        os.environ["SSL_CERT_FILE"] = str(ca)
        try:
            yield
        finally:
            if before is None:
                del os.environ["SSL_CERT_FILE"]
            else:
                os.environ["SSL_CERT_FILE"] = before

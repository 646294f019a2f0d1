"""Opening DuckDB's file, which one process at a time may have for writing: those who wait get it one by one."""

from __future__ import annotations

import fcntl
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import psutil

from workbench.errors import UsageError, WorkFailed

_HOLDER = re.compile(r"PID (\d+)")
_POLL = 0.02
_open_here: Counter[Path] = Counter()
_counting = threading.Lock()


@contextmanager
def opened(path: Path, *, read_only: bool, timeout: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a connection and close it afterwards, waiting for other processes that have the file.

    Raises:
        WorkFailed: the file stayed locked; the message names the holder.
        UsageError: the file is no DuckDB database, or can't be read.
    """
    deadline = time.monotonic() + timeout
    # Who has the file open already is let in at once, before those who wait for this very process.
    if _open_here[path]:
        connection = _open(path, read_only, deadline, timeout)
    else:
        with _turn(path, deadline):
            connection = _open(path, read_only, deadline, timeout)
    _count(path, 1)
    try:
        yield connection
    finally:
        connection.close()
        _count(path, -1)


def _count(path: Path, change: int) -> None:
    with _counting:
        _open_here[path] += change


@contextmanager
def _turn(path: Path, deadline: float) -> Iterator[None]:
    """Be the only one who tries to open the file.

    A process that closes it and opens it again, file after file, would else be quicker than all who poll.
    """
    try:
        handle = os.open(f"{path}.turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:
        # A folder that can't be written to: there is nobody who writes, then.
        yield
        return
    try:
        while time.monotonic() < deadline:
            with suppress(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(_POLL / 2)
        yield
    finally:
        os.close(handle)


def _open(path: Path, read_only: bool, deadline: float, timeout: float) -> duckdb.DuckDBPyConnection:
    while True:
        try:
            return duckdb.connect(path, read_only=read_only)
        except duckdb.ConnectionException:
            # This process already has the file open for writing; DuckDB lets both share that instance.
            if not read_only:
                raise
            read_only = False
        except duckdb.IOException as error:
            message = str(error)
            if "lock" not in message:
                raise UsageError(f"can't open the warehouse {path}: {_first_line(message)}") from None
            if time.monotonic() > deadline:
                raise WorkFailed(
                    f"the warehouse {path} is in use by {_holder(message)}; "
                    f"waited {timeout:g} s (WORKBENCH_LOCK_TIMEOUT)"
                ) from None
            time.sleep(_POLL)
        except duckdb.Error as error:
            raise UsageError(f"can't open the warehouse {path}: {_first_line(str(error))}") from None


def _first_line(message: str) -> str:
    return message.strip().splitlines()[0]


def _holder(message: str) -> str:
    found = _HOLDER.search(message)
    if not found:
        return "another process"
    pid = int(found.group(1))
    try:
        command = " ".join(" ".join(psutil.Process(pid).cmdline()).split())[:80]
    except psutil.Error:
        return f"process {pid}"
    return f"process {pid} ({command})"
